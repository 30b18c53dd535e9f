"""Which rooms a host has: found by id, by notebook and by kernel, live or kept (`registry`)."""

from commdoc.rooms.registry.hosted import Document, Hosted, Known
from commdoc.rooms.registry.registry import Registry

__all__ = ["Document", "Hosted", "Known", "Registry"]
