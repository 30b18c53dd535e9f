"""What the writer of the comms array remembers of each comm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from commdoc.document.elements import MODEL_KEYS, model_state
from commdoc.document.output_log import OutputLog
from commdoc.document.slots import Slot
from commdoc.protocol.messages import State
from commdoc.protocol.outputs import is_output_model
from commdoc.protocol.values import dumps


@dataclass(slots=True)
class Entry:
    """An open comm. Its values are JSON texts and are compared as such: 5 is not 5.0.

    Attributes
    ----------
    base : dict or None
        State of the ``o``, key to text; None for a comm without a state.
    extra : dict
        ``data`` and ``metadata`` of the ``o`` as texts, as far as they are.
    overlay : dict
        State of the ``u``, key to text.
    """

    comm_id: str
    target_name: str
    model: dict[str, str]
    seq: int
    epoch: str
    base: dict[str, str] | None
    extra: dict[str, str]
    opened: Slot
    outputs: OutputLog
    overlay: dict[str, str] = field(default_factory=dict)
    updated: Slot | None = None
    unknown: list[Slot] = field(default_factory=list)

    @property
    def is_output_model(self) -> bool:
        """Whether it is an Output widget: it has outputs."""
        return is_output_model(self.model.get("model_module"), self.model_name)

    @property
    def model_name(self) -> str | None:
        """`_model_name` as it was opened."""
        return self.model.get("model_name")

    def text(self, key: str) -> str | None:
        """Return the JSON text of a state key as it is now."""
        if key in self.overlay:
            return self.overlay[key]
        if self.base is not None and key in self.base:
            return self.base[key]
        name = MODEL_KEYS.get(key)
        return dumps(self.model[name]) if name in self.model else None

    def state(self) -> State:
        """Return the state, encoded, with the overlay applied and the model keys put back; a copy."""
        texts = {**(self.base or {}), **self.overlay}
        return {**model_state(self.model), **{key: json.loads(text) for key, text in texts.items()}}

    def texts(self) -> Iterator[str]:
        """Yield the texts that may name blobs, those of a ``u`` beside those that it overlays; outputs not."""
        yield from (self.base or {}).values()
        yield from self.extra.values()
        yield from self.overlay.values()

    def differs_in_values_only(
        self, target_name: str, model: dict[str, str], base: dict[str, str] | None, extra: dict[str, str]
    ) -> bool:
        """Say whether an ``o`` of these parts would be this comm but for the values of its state."""
        if (self.target_name, self.model, self.extra) != (target_name, model, extra):
            return False
        if self.base is None or base is None:
            return self.base is base and not self.overlay
        return self.base.keys() | self.overlay.keys() == base.keys()
