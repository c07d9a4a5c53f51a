"""Files on their way into an image: which a pattern means, what they are (a digest for the cache), copying them.

Everything here blocks and is for threads. A source or a destination is a root directory, as a descriptor, which no
path or
link leads out of.
"""
