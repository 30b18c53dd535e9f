"""The settings document: a Yjs map of names to values, with what is read from it checked.

The map has what somebody set and nothing else; the rest are defaults. It holds names that this version doesn't know (a
newer one set them), and leaves them alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

import pycrdt

from commdoc.errors import SettingError
from commdoc.protocol.settings import SETTINGS, Value, Values, defaults

ROOT: Final = "settings"


class SettingsDocument:
    """One replica of the settings.

    Parameters
    ----------
    document_id : str, optional
        Names this life of the document: replicas of another one can't be merged.

    Attributes
    ----------
    doc : pycrdt.Doc
        Whose root ``settings`` is the map.
    on_change : callable or None
        Called with the names whose values changed, behind each change.
    """

    def __init__(self, document_id: str | None = None) -> None:
        self.document_id = document_id or uuid.uuid4().hex
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self.on_change: Callable[[set[str]], None] | None = None
        self._map: pycrdt.Map[Any] = self.doc.get(ROOT, type=pycrdt.Map)

    def all_values(self) -> dict[str, Any]:
        """Return what is in the map, also what this version doesn't know."""
        return dict(self._map.to_py() or {})

    def restore(self, content: Mapping[str, Any]) -> None:
        """Put in what `all_values` of another life returned."""
        with self.doc.transaction():
            for key, value in content.items():
                self._map[key] = value

    def set_values(self) -> Values:
        """Return what somebody set, as far as this version knows it."""
        found: Values = {}
        for key, value in self.all_values().items():
            if key in SETTINGS:
                try:
                    found[key] = SETTINGS[key].check(value)
                except SettingError:
                    continue  # a newer version's
        return found

    def values(self) -> Values:
        """Return the value of each setting."""
        return {**defaults(), **self.set_values()}

    def change(self, changes: Mapping[str, Value | None]) -> set[str]:
        """Set, or with None unset; return the names whose values are other ones now.

        Raises
        ------
        SettingError
            When one has no such value; nothing is changed then.
        """
        checked = {key: None if v is None else SETTINGS[key].check(v) for key, v in changes.items()}
        before = self.values()
        present = self.set_values()
        with self.doc.transaction():
            for key, value in checked.items():
                if value is None:
                    if key in self._map:
                        del self._map[key]
                elif key not in present or present[key] != value:
                    self._map[key] = value
        return self._tell(before)

    def update(self) -> bytes:
        """Return the whole document as one Yjs update."""
        return self.doc.get_update()

    def apply(self, update: bytes) -> set[str]:
        """Merge another replica's update; return the names whose values changed."""
        before = self.values()
        self.doc.apply_update(update)
        return self._tell(before)

    def _tell(self, before: Values) -> set[str]:
        after = self.values()
        changed = {key for key in after if after[key] != before[key]}
        if changed and self.on_change is not None:
            self.on_change(changed)
        return changed
