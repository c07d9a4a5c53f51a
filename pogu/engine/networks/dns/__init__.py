"""The embedded DNS server: containers on user-defined networks find one another by name at 127.0.0.11.

`names` knows who is called what, `messages` is the wire format without I/O, `upstream` asks other servers about
everything else, and `server` listens inside one sandbox.
"""
