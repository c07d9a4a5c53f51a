"""`pogu build --watch-git`: a build and a push for each new commit of a branch.

`repository` asks for the commit and gets its files, `watch` is the loop, `webhook` hears from a forge that there may be
something new, `signatures` knows who may say so.
"""
