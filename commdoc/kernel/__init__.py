"""The kernel's side: what the kernel says about comms, on its way to the room. No pycrdt, no web framework.

The way of a trait's change through this folder::

    session.send -> hook -> records -> flush thread: coalescer -> batch -> link -> the room
    shell handler -> inbound: truth read after the handler ----^

`extension` is the door: it builds a `bridge.Bridge` on ``%load_ext commdoc`` and takes it away again.
"""
