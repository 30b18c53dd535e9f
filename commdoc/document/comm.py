"""One comm, as a reader of the document has it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from commdoc.document.elements import Opened, model_state
from commdoc.document.output_list import Shown
from commdoc.errors import BlobMissingError
from commdoc.protocol.messages import Encoded, State
from commdoc.protocol.outputs import OUTPUTS, EncodedOutput, is_output_model
from commdoc.protocol.values import PLAIN_TYPES, BlobSentinel, GetBlob, decode, dumps

_EXACT_TYPES: Final = (str, int, bool, type(None))
"""Types of which equal values have equal JSON texts."""


class Comm:
    """One comm of the comms map. It follows the document until it is closed, and keeps its last values then.

    Any thread may read it: what changes is replaced as a whole; outputs are appended or replaced.
    """

    __slots__ = ("_get_blob", "_opened", "_outputs", "_state", "closed")

    def __init__(self, opened: Opened, state: State, outputs: list[Shown], get_blob: GetBlob | None) -> None:
        self._opened = opened
        self._state = state
        self._outputs = outputs
        self._get_blob = get_blob
        self.closed = False
        """Whether it has left the document."""

    def __repr__(self) -> str:
        return (
            f"<Comm {self.comm_id} {self.model_name or self.target_name}{' closed' if self.closed else ''}>"
        )

    @property
    def comm_id(self) -> str:
        """Its id."""
        return self._opened.comm_id

    @property
    def target_name(self) -> str:
        """The comm target, ``jupyter.widget`` for widgets."""
        return self._opened.target_name

    @property
    def model_module(self) -> str | None:
        """`_model_module` as it was opened; None for a comm that is no widget."""
        return self._opened.model.get("model_module")

    @property
    def model_module_version(self) -> str | None:
        """`_model_module_version` as it was opened."""
        return self._opened.model.get("model_module_version")

    @property
    def model_name(self) -> str | None:
        """`_model_name` as it was opened."""
        return self._opened.model.get("model_name")

    @property
    def seq(self) -> int:
        """1, 2, 3 … in the order in which its epoch opened comms."""
        return self._opened.seq

    @property
    def epoch(self) -> str:
        """The life of the kernel that opened it."""
        return self._opened.epoch

    @property
    def is_output_model(self) -> bool:
        """Whether it is an Output widget: its state has the outputs as a key, too."""
        return is_output_model(self.model_module, self.model_name)

    @property
    def has_state(self) -> bool:
        """False for a comm that was opened with mere data."""
        return self._opened.state is not None

    @property
    def encoded_state(self) -> MappingProxyType[str, Encoded]:
        """The state in the document's value encoding, model keys and outputs included; not to be changed."""
        if self.is_output_model:
            return MappingProxyType({**self._state, OUTPUTS: self.encoded_outputs})
        return MappingProxyType(self._state)

    @property
    def state(self) -> dict[str, Any]:
        """The state, decoded; a copy.

        Raises
        ------
        BlobMissingError
            When a blob is not to be had; `value` reads the other keys.
        """
        return {
            key: value if type(value) in PLAIN_TYPES else self._decode(value, key)
            for key, value in self.encoded_state.items()
        }

    def keys(self) -> list[str]:
        """Return the keys of the state."""
        return list({**self._state, OUTPUTS: None} if self.is_output_model else self._state)

    def value(self, key: str) -> Any:
        """Return one key of the state, decoded.

        Raises
        ------
        KeyError
            When the state has no such key.
        BlobMissingError
            When a blob of it is not to be had.
        """
        if key == OUTPUTS and self.is_output_model:
            return self.outputs
        return self._decode(self._state[key], key)

    @property
    def data(self) -> Any:
        """What a comm without a state was opened with, decoded; else None."""
        return self._decode(self._opened.data, "data")

    @property
    def metadata(self) -> Any:
        """The metadata that it was opened with, decoded, or None."""
        return self._decode(self._opened.metadata, "metadata")

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """What an OutputModel captured, in order, decoded; a copy."""
        return [self._decode(output, OUTPUTS) for output in self.encoded_outputs]

    @property
    def encoded_outputs(self) -> list[EncodedOutput]:
        """The outputs in the document's value encoding; not to be changed."""
        return [output.encoded for output in list(self._outputs)]

    def to_py(self) -> dict[str, Any]:
        """Return the comm as a plain dict, decoded."""
        opened = self._opened
        plain: dict[str, Any] = {"target_name": self.target_name, **opened.model}
        plain |= {"seq": self.seq, "epoch": self.epoch}
        if self.has_state or self._state:
            plain["state"] = self.state
        if opened.data is not None:
            plain["data"] = self.data
        if opened.metadata is not None:
            plain["metadata"] = self.metadata
        outputs = self.outputs
        if outputs:
            plain["outputs"] = outputs
        return plain

    def _decode(self, encoded: Encoded, key: str) -> Any:
        def get(sentinel: BlobSentinel) -> bytes | memoryview:
            where = f"{key!r} of comm {self.comm_id} ({self.model_name or self.target_name})"
            if self._get_blob is None:
                msg = f"{where} is blob {sentinel['$blob']}, and this reader was given no blobs"
                raise BlobMissingError(msg)
            try:
                return self._get_blob(sentinel)
            except BlobMissingError as error:
                msg = f"{where}: blob {sentinel['$blob']} of {sentinel.get('size')} bytes is missing: {error}"
                raise BlobMissingError(msg) from error

        return decode(encoded, get)


def merged_state(opened: Opened, overlay: State | None) -> State:
    """Return the encoded state of a comm: model keys, opened state, overlay."""
    state = model_state(opened.model)
    if opened.state:
        state.update(opened.state)
    if overlay:
        state.update(overlay)
    return state


def differing_keys(old: State, new: State) -> tuple[str, ...]:
    """Return the keys whose values differ as JSON texts do: 5 is not 5.0, and True is not 1."""
    keys = [key for key, value in new.items() if key not in old or not _same(old[key], value)]
    return (*keys, *(key for key in old if key not in new))


def _same(old: Encoded, new: Encoded) -> bool:
    if old is new:
        return True
    if type(old) is not type(new):
        return False
    return bool(old == new) if isinstance(new, _EXACT_TYPES) else dumps(old) == dumps(new)
