"""One test for each code block and table row of the book's chapter that is built so far, by its sections.

`docs/chapter.md` lists the chapter's typos, obsolete fields and values of the author's host, with what runs instead.
"""
