"""What bridge, room and windows say to each other: typed, versioned, no I/O.

`frames` turns messages into bytes, `messages` types them, `values` encodes what a comm holds, `version`
tells who can talk to whom. The exchange itself is told in ``docs/protocol.md``.
"""
