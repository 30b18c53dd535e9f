"""Compares what several sides have of a room's comms, in the canonical form of `kernel_dump`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

KERNEL: Final = "kernel"
ABSENT: Final = "(absent)"
UNTOLD: Final = ["untold"]

CommDump: TypeAlias = dict[str, Any]
"""``target_name``, and ``state``: key to canonical value, or None for a comm without state.

``epoch`` where the side knows it; the kernel says ``kind``; ``browser`` is true where numbers are doubles.
"""

RoomDump: TypeAlias = Mapping[str, CommDump]
"""comm_id to `CommDump`."""

DESCRIPTOR_KEYS: Final = frozenset({"_model_module", "_model_module_version", "_model_name"})
"""Of a descriptor these, and the `_view_*` ones, are in its open message alone, not in what it answers."""


@dataclass(frozen=True)
class Difference:
    """A value that is not the same everywhere.

    Attributes
    ----------
    key : str or None
        None when the comm itself is not everywhere.
    values : dict
        Side to what it has, shortened.
    """

    comm_id: str
    name: str
    key: str | None
    values: dict[str, str]

    def __str__(self) -> str:
        where = f"{self.name} {self.comm_id}" + (f" {self.key!r}" if self.key is not None else "")
        return f"{where}: {', '.join(f'{side} has {value}' for side, value in self.values.items())}"


def compare(sides: Mapping[str, RoomDump], epoch: str | None = None) -> Iterator[Difference]:
    """Yield what is not the same on all sides; comms of other epochs than the kernel's are left out."""
    comm_ids: dict[str, None] = {}
    for dump in sides.values():
        comm_ids.update(
            dict.fromkeys(id_ for id_, comm in dump.items() if comm.get("epoch") in (None, epoch))
        )
    for comm_id in comm_ids:
        entries = {name: dump.get(comm_id) for name, dump in sides.items()}
        yield from _compare_comm(comm_id, entries)


def _compare_comm(comm_id: str, entries: Mapping[str, CommDump | None]) -> Iterator[Difference]:
    present = {side: entry for side, entry in entries.items() if entry is not None}
    name = next(
        str((entry["state"] or {}).get("_model_name") or entry["target_name"]) for entry in present.values()
    )
    if len(present) != len(entries):
        yield Difference(comm_id, name, None, {s: "it" if s in present else ABSENT for s in entries})
        return
    targets = {side: entry["target_name"] for side, entry in present.items()}
    if len(set(targets.values())) > 1:
        yield Difference(comm_id, name, "target_name", targets)
    kernel = present.get(KERNEL, {})
    if "error" in kernel:
        yield Difference(comm_id, name, None, {KERNEL: kernel["error"]})
        return
    if any(entry["state"] is None for entry in present.values()):
        states = {
            side: "no state" if entry["state"] is None else "a state" for side, entry in present.items()
        }
        if len(set(states.values())) > 1:
            yield Difference(comm_id, name, None, states)
        return
    keys: dict[str, None] = {}
    for entry in present.values():
        keys.update(dict.fromkeys(entry["state"]))
    for key in keys:
        values = {side: _value(side, entry, key) for side, entry in present.items()}
        if not _agree(values, {side for side, entry in present.items() if entry.get("browser")}):
            told = {side: _text(value)[:120] for side, value in values.items() if value is not UNTOLD}
            yield Difference(comm_id, name, key, told)


def _value(side: str, entry: CommDump, key: str) -> Any:
    """Return a canonical value; `UNTOLD` for what the kernel can't be asked for."""
    state = entry["state"]
    if key not in state:
        open_only = key in DESCRIPTOR_KEYS or key.startswith("_view_")
        return UNTOLD if side == KERNEL and entry["kind"] == "descriptor" and open_only else ABSENT
    return UNTOLD if side == KERNEL and _refused(state[key]) else state[key]


def _agree(values: Mapping[str, Any], browsers: Set[str]) -> bool:
    """Whether all sides have the same value, and browsers what they make of it."""
    exact = {_text(value) for side, value in values.items() if side not in browsers and value is not UNTOLD}
    seen = {_text(value) for side, value in values.items() if side in browsers}
    if len(exact) > 1 or len(seen) > 1:
        return False
    return not (exact and seen) or {_text(browser_form(json.loads(text))) for text in exact} == seen


def browser_form(value: Any) -> Any:
    """Return what a browser makes of a canonical value: one kind of numbers, and text for those that JSON lacks."""
    if isinstance(value, dict):
        return {key: browser_form(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    kind = value[0]
    if kind == "list":
        return [kind, *map(browser_form, value[1:])]
    if kind not in ("int", "float"):
        return value
    if value[1] in ("nan", "inf", "-inf"):
        return value[1]
    try:
        return ["number", repr(float(int(value[1]) if kind == "int" else value[1]))]
    except OverflowError:
        return ["number", "-inf" if value[1].startswith("-") else "inf"]


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _refused(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_refused, value.values()))
    return isinstance(value, list) and (value[:1] == ["refused"] or any(map(_refused, value[1:])))
