"""The errors that commdoc raises: one small hierarchy with `CommdocError` at the root."""

from __future__ import annotations


class CommdocError(Exception):
    """Root of all errors that commdoc raises on purpose."""


class ProtocolError(CommdocError):
    """A frame or message that is not what it must be. Its text is the reason the peer is told."""


class VersionError(ProtocolError):
    """Two sides, or a reader and a document, have no version in common."""


class ValueEncodingError(CommdocError):
    """A value that has no place in the document: plain Jupyter would refuse it too."""


class SchemaError(CommdocError):
    """A document that this version of commdoc can't read."""


class BlobMissingError(CommdocError):
    """A blob that an entry names is not to be had."""


class ForbiddenError(CommdocError):
    """The token, role or origin doesn't allow this."""


class OriginError(CommdocError):
    """What was given as the origin of pages that may embed a room is none."""


class LeaseError(CommdocError):
    """Another bridge holds the room's lease for this kernel."""


class RequestError(CommdocError):
    """A window's request did not reach the kernel, or the kernel refused it.

    Attributes
    ----------
    code : str
        One of the codes of ``failed`` in ``docs/protocol.md``, ``"timeout"`` or ``"unknown_key"``.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class RoomNotFoundError(CommdocError):
    """No room answers to what was asked for."""


class RoomClosedError(CommdocError):
    """The connection to the room has ended and was not to be had again."""


class RoomFullError(CommdocError):
    """As many windows as a room takes are connected."""


class SidecarError(CommdocError):
    """The sidecar process could not be started."""


class StoreError(CommdocError):
    """A room can't be kept where it should be."""


class StoreBusyError(StoreError):
    """Another process has the room's place."""


class SettingError(CommdocError):
    """A setting that there is not, or a value that it can't have."""
