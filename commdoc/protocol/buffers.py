"""Binary buffers of Jupyter's own comm messages: into a state, and out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from commdoc.errors import ValueEncodingError


def put_buffers(
    state: Mapping[str, Any], paths: Sequence[Sequence[str | int]], buffers: Sequence[Any]
) -> dict[str, Any]:
    """Return `state` as it was before its buffers were taken out.

    Parameters
    ----------
    state : mapping
        A comm message's ``state``: lists have None where a buffer was, dicts lack its key.
    paths : sequence of key paths
        The message's ``buffer_paths``.
    buffers : sequence of bytes-like
        One for each path; they are not copied.

    Raises
    ------
    ValueEncodingError
        When a path leads nowhere or there are fewer buffers than paths.
    """
    full: dict[str, Any] = dict(state)
    copied: set[int] = {id(full)}
    if len(buffers) < len(paths):
        msg = f"{len(paths)} buffer paths and {len(buffers)} buffers"
        raise ValueEncodingError(msg)
    for path, buffer in zip(paths, buffers, strict=False):
        holder: Any = full
        try:
            for key in path[:-1]:
                item = holder[key]
                if id(item) not in copied:
                    item = list(item) if isinstance(item, list | tuple) else dict(item)
                    copied.add(id(item))
                    holder[key] = item
                holder = item
            holder[path[-1]] = buffer
        except (KeyError, IndexError, TypeError, ValueError) as error:
            msg = f"buffer path {list(path)!r} leads nowhere: {error!r}"
            raise ValueEncodingError(msg) from None
    return full


def take_buffers(value: Any) -> tuple[Any, list[list[str | int]], list[bytes]]:
    """Split a decoded state the way plain Jupyter does before it is sent.

    Returns
    -------
    value, buffer_paths, buffers
        Lists have None where a buffer was, dicts lack its key.
    """
    paths: list[list[str | int]] = []
    buffers: list[bytes] = []

    def take(item: Any, path: list[str | int]) -> Any:
        if isinstance(item, dict):
            kept = {}
            for key, child in item.items():
                if isinstance(child, bytes | bytearray | memoryview):
                    paths.append([*path, key])
                    buffers.append(bytes(child))
                else:
                    kept[key] = take(child, [*path, key])
            return kept
        if isinstance(item, list | tuple):
            out: list[Any] = []
            for index, child in enumerate(item):
                if isinstance(child, bytes | bytearray | memoryview):
                    paths.append([*path, index])
                    buffers.append(bytes(child))
                    out.append(None)
                else:
                    out.append(take(child, [*path, index]))
            return out
        return item

    return take(value, []), paths, buffers
