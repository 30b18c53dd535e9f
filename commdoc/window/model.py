"""One comm, as a blocking `Window` shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from commdoc.errors import BlobMissingError
from commdoc.protocol.frames import Buffer
from commdoc.protocol.outputs import OUTPUTS
from commdoc.window.comm import AsyncComm
from commdoc.window.observers import Change, OnCustom

if TYPE_CHECKING:
    from commdoc.window.blocking import Window


class Model:
    """A comm of the room, as a window shows it. `model["value"]` is what it shows now."""

    def __init__(self, window: Window, comm: AsyncComm) -> None:
        self._window = window
        self.comm = comm

    def __repr__(self) -> str:
        return repr(self.comm).replace("AsyncComm", "Model")

    @property
    def comm_id(self) -> str:
        """Its id."""
        return self.comm.comm_id

    @property
    def target_name(self) -> str:
        """``jupyter.widget``, or another."""
        return self.comm.entry.target_name

    @property
    def model_module(self) -> str | None:
        """The JavaScript package of a widget's model."""
        return self.comm.entry.model_module

    @property
    def model_module_version(self) -> str | None:
        """Its version range."""
        return self.comm.entry.model_module_version

    @property
    def model_name(self) -> str | None:
        """The model's class."""
        return self.comm.entry.model_name

    @property
    def seq(self) -> int:
        """The how manieth comm of its epoch it is."""
        return self.comm.entry.seq

    @property
    def epoch(self) -> str:
        """The life of the kernel that it belongs to."""
        return self.comm.entry.epoch

    @property
    def closed(self) -> bool:
        """Whether it is gone."""
        return self.comm.closed

    @property
    def encoded_state(self) -> dict[str, Any]:
        """The state in the document's value encoding."""
        return dict(self.comm.encoded_state)

    @property
    def has_state(self) -> bool:
        """False for a comm that was opened with mere data."""
        return self.comm.entry.has_state

    @property
    def data(self) -> Any:
        """The open data of a comm without state."""
        return self.comm.entry.data

    @property
    def state(self) -> dict[str, Any]:
        """The whole state.

        Raises
        ------
        BlobMissingError
            When a blob is not to be had.
        """
        return self._window.run(self.comm.get_state())

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The outputs of an Output widget, in order, as nbformat has them; of another comm none.

        Raises
        ------
        BlobMissingError
            When a blob is not to be had.
        """
        outputs: list[dict[str, Any]] = self[OUTPUTS] if self.comm.entry.is_output_model else []
        return outputs

    def __getitem__(self, key: str) -> Any:
        try:
            with self._window.guard:
                return self.comm[key]
        except BlobMissingError:
            return self._window.run(self.comm.get(key))

    def __contains__(self, key: object) -> bool:
        return key in self.comm.encoded_state

    def keys(self) -> list[str]:
        """Return the keys of the state."""
        return list(self.comm.encoded_state)

    def set(
        self,
        state: Mapping[str, object] | None = None,
        /,
        *,
        wait: bool = True,
        timeout: float = 10.0,
        **values: object,
    ) -> dict[str, Any] | None:
        """Change keys: ``slider.set(value=5)``, or ``slider.set({"value": 5})`` for keys that are no Python names.

        Parameters
        ----------
        wait : bool
            Whether to wait until the kernel has handled it.
        timeout : float
            Seconds to wait.

        Returns
        -------
        dict or None
            What the kernel made of them; None without `wait`.

        Raises
        ------
        RequestError
            When the kernel refused, or the request didn't reach it; code ``timeout`` when it has not been handled in
            time (it stays in the queue of a busy kernel); code ``unknown_key`` when the comm has no such key.
        """
        asked = {**(state or {}), **values}
        if wait:
            return self._window.run(self.comm.set(asked, timeout=timeout))
        self._window.call(lambda: self.comm.request(asked))
        return None

    def send(
        self,
        content: object,
        buffers: Sequence[Buffer] = (),
        *,
        wait: bool = False,
        timeout: float = 10.0,
    ) -> None:
        """Send a message to the kernel: a widget's custom message, or a bare comm's data.

        Parameters
        ----------
        wait : bool
            Whether to wait until the kernel has handled it. Without, what goes wrong is logged as a warning.
        timeout : float
            Seconds to wait.

        Raises
        ------
        RequestError
            ``too_large`` when more waits than a window keeps. With `wait` also when it was not handled, not in time
            (``timeout``), or when a handler raised (``raised``).
        """
        future = self._window.call(lambda: self.comm.send(content, buffers))
        if wait:
            self._window.run(self.comm.handled(future, timeout))

    def close(self) -> None:
        """Close the comm, in the kernel too."""
        self._window.call(self.comm.close)

    def observe(
        self, callback: Callable[[Change[Model]], object], names: str | Iterable[str] | None = None
    ) -> Callable[[], None]:
        """Call `callback(change)` when one of these keys, or any, is shown with another value; returns what ends it."""

        def tell(change: Change[AsyncComm]) -> None:
            callback(Change(change.name, change.old, change.new, self))

        return self._listen(lambda: self.comm.observe(tell, names))

    def on_custom(self, callback: OnCustom) -> Callable[[], None]:
        """Call `callback(content, buffers)` for each message that is no state; returns what ends it."""
        return self._listen(lambda: self.comm.on_custom(callback))

    def on_close(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback()` when the comm is closed; returns what ends it."""
        return self._listen(lambda: self.comm.on_close(callback))

    def _listen(self, start: Callable[[], Callable[[], None]]) -> Callable[[], None]:
        stop = self._window.call(start)
        return lambda: self._window.call(stop)
