"""Arbitrary values for property-based tests: what a trait may hold."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from commdoc.protocol.messages import BlobType, State
from commdoc.protocol.values import BlobSentinel, sentinel

AWKWARD_KEYS = [
    "$blob",
    "$num",
    "$dict",
    "$buffer",
    "$",
    "",
    "size",
    "type",
    "__proto__",
    "constructor",
    "a.b",
    "0",
]
AWKWARD_INTS = [2**53, 2**53 + 1, -(2**53) - 1, 2**63, 2**64, 2**70, -(2**70), 10**16, 10**400]
AWKWARD_FLOATS = [math.nan, math.inf, -math.inf, -0.0, 5.0, 1e16, 5e-324, 1.7976931348623157e308]

keys = st.sampled_from(AWKWARD_KEYS) | st.text(max_size=8)
integers = st.integers() | st.sampled_from(AWKWARD_INTS)
floats = st.floats() | st.sampled_from(AWKWARD_FLOATS)
long_texts = st.builds(lambda part, n: part * n, st.text(min_size=1, max_size=4), st.integers(150, 1100))
"""Around the length from which a text is a blob, escapes and multi-byte characters included."""

scalars = st.none() | st.booleans() | integers | floats | st.text(max_size=20)
json_leaves = scalars | long_texts
leaves = json_leaves | st.binary(max_size=20)


def trees(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        of,
        lambda child: (
            st.lists(child, max_size=5)
            | st.lists(child, max_size=3).map(tuple)
            | st.dictionaries(keys, child, max_size=5)
        ),
        max_leaves=12,
    )


json_values = trees(json_leaves)
values = trees(leaves)
states = st.dictionaries(keys, values, max_size=5)


class Store:
    """Keeps blobs."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def put(self, content: bytes, kind: BlobType) -> BlobSentinel:
        stands_for = sentinel(content, kind)
        self.content[stands_for["$blob"]] = content
        return stands_for

    def get(self, stands_for: BlobSentinel) -> bytes:
        content = self.content[stands_for["$blob"]]
        assert len(content) == stands_for["size"]
        return content


def plain(value: Any) -> Any:
    """Return what a Python window must read of a value: tuples are lists, nothing else differs."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def exactly(value: Any) -> Any:
    """Return what is equal for exactly the same values only: 5 is not 5.0, nor True 1, nor -0.0 0.0; NaN is NaN."""
    if isinstance(value, list):
        return ["list", *map(exactly, value)]
    if isinstance(value, dict):
        return {"dict": {key: exactly(item) for key, item in value.items()}}
    return type(value).__name__, repr(value)


def exact_state(state: State) -> dict[str, Any]:
    return {key: exactly(value) for key, value in state.items()}
