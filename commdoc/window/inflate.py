"""Permessage-deflate in one direction: what the room deflates is read, what the window says goes as it is.

A window's own messages are small, or files that a person has chosen, which mostly are compressed already.
"""

from __future__ import annotations

from collections.abc import Sequence

from websockets.extensions.base import ClientExtensionFactory, Extension
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame
from websockets.typing import ExtensionName, ExtensionParameter


class Inflate(Extension):
    """Reads deflated messages; sends none.

    Parameters
    ----------
    deflate : Extension
        Of the library, as it was agreed with the server.
    """

    name = ExtensionName("permessage-deflate")

    def __init__(self, deflate: Extension) -> None:
        self._deflate = deflate

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        """Inflate a frame that is deflated; up to `max_size` bytes."""
        return self._deflate.decode(frame, max_size=max_size)

    def encode(self, frame: Frame) -> Frame:
        """Return the frame as it is."""
        return frame


class InflateFactory(ClientExtensionFactory):
    """Offers the server to deflate."""

    name = Inflate.name

    def __init__(self) -> None:
        self._factory = ClientPerMessageDeflateFactory(
            client_no_context_takeover=True, client_max_window_bits=None
        )

    def get_request_params(self) -> Sequence[ExtensionParameter]:
        """Return what is offered."""
        return self._factory.get_request_params()

    def process_response_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> Inflate:
        """Return the extension as the server has agreed to it."""
        return Inflate(self._factory.process_response_params(params, accepted_extensions))
