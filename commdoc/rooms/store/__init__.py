"""Where rooms outlive their process: what a registry and a room see of it (`base`), and the places behind it."""

from commdoc.rooms.store.base import Attributes, RoomStore, Shelf, Stored

__all__ = ["Attributes", "RoomStore", "Shelf", "Stored"]
