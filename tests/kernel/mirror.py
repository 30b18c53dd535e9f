"""Is what the room was told the same as what the kernel has? Runs on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conftest import until

if TYPE_CHECKING:
    from tests.kernel.process import KernelProcess
    from tests.kernel.room import RecordingRoom


def canonical(value: Any) -> Any:
    """Return a text that differs when type or value do: 5 and 5.0, NaN, bytes and lists of numbers."""
    if isinstance(value, dict):
        items = sorted(f"{str(key)!r}: {canonical(item)}" for key, item in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(canonical, value))}]"
    if isinstance(value, bytes | bytearray | memoryview):
        return repr(bytes(value))
    return repr(value)


def kernel_states() -> dict[str, dict[str, str]]:
    """Return comm id to the state of its widget; called in the kernel."""
    from IPython.core.getipython import get_ipython
    from ipywidgets import Widget

    states = {}
    for comm_id, comm in get_ipython().kernel.comm_manager.comms.items():  # type: ignore[union-attr]
        owner = getattr(comm._msg_callback, "__self__", None)
        if isinstance(owner, Widget):
            states[comm_id] = {key: canonical(value) for key, value in owner.get_state().items()}
    return states


def difference(kernel: KernelProcess, room: RecordingRoom) -> dict[str, Any]:
    """Return comm id to key to (kernel, room) where they differ."""
    theirs = kernel.value("__import__('tests.kernel.mirror', fromlist=['x']).kernel_states()")
    ours = room.states()
    found: dict[str, Any] = {}
    for comm_id, state in theirs.items():
        told = {key: canonical(value) for key, value in ours.get(comm_id, {}).items()}
        pairs = {key: (state.get(key), told.get(key)) for key in state.keys() | told.keys()}
        if differing := {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}:
            found[comm_id] = differing
    return found


def same(kernel: KernelProcess, room: RecordingRoom) -> None:
    """Wait until kernel and room have the same; fail with the differences."""
    last: list[Any] = []

    def equal() -> bool:
        last[:] = [difference(kernel, room)]
        return not last[0]

    try:
        until(equal, timeout=5)
    except BaseException as error:
        raise AssertionError(f"kernel and room differ: {last[0]}") from error
