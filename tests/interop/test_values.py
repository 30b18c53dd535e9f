"""P10 between Python and JavaScript: arbitrary values, there and back, and the awkward ones case by case."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pycrdt import Doc

from commdoc.document import CommsLog, CommsMap
from commdoc.errors import ValueEncodingError
from commdoc.protocol import values
from tests.interop.node import NodePipe, from_browser, normal, to_browser
from tests.protocol.strategies import Store, exact_state, exactly, plain, states
from tests.protocol.strategies import values as any_values

pytestmark = [pytest.mark.node, pytest.mark.acceptance("A5")]

SETTINGS = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def node() -> Iterator[NodePipe]:
    with NodePipe() as pipe:
        yield pipe


def b64(contents: dict[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(content).decode() for name, content in contents.items()}


def in_browser(node: NodePipe, value: Any) -> Any:
    """Send a value through the document's encoding; return what a browser reads, in the typed notation."""
    store = Store()
    text = values.dumps(values.encode(value, store.put))
    return node.do("decode", text=text, blobs=b64(store.content))


def sent_back(node: NodePipe, notation: Any) -> Any:
    """Have a browser ask for a value; return what the room reads."""
    sent = node.do("encode", state={"dict": {"key": notation}})
    buffers = [base64.b64decode(buffer) for buffer in sent["buffers"]]
    encoded = json.loads(json.dumps(sent["encoded"]["key"]))
    return values.decode(encoded, None, buffers)


def there_and_back(node: NodePipe, value: Any) -> None:
    read = in_browser(node, value)
    assert normal(read) == normal(to_browser(value))
    assert exactly(sent_back(node, read)) == exactly(from_browser(read))


@SETTINGS
@given(value=any_values)
def test_any_value_reads_as_in_plain_jupyter_and_comes_back_as_the_browser_has_it(
    node: NodePipe, value: Any
) -> None:
    there_and_back(node, value)


@SETTINGS
@given(state=states, changes=states)
def test_any_state_in_a_document_is_the_same_in_node_and_in_python(
    node: NodePipe, state: dict[str, Any], changes: dict[str, Any]
) -> None:
    doc: Doc[Any] = Doc()
    log, store = CommsLog(doc), Store()
    with log.batch():
        log.begin_epoch("k", "e", "python3")
        log.open("c", epoch="e", target_name="jupyter.widget", state=encoded(state, store))
    with log.batch():
        log.update("c", encoded(changes, store))
    whole = {**state, **changes}
    late: Doc[Any] = Doc()
    late.apply_update(doc.get_update())
    python = CommsMap(late, get_blob=store.get)["c"].state
    assert exact_state(python) == exact_state({key: plain(value) for key, value in whole.items()})
    update = base64.b64encode(doc.get_update()).decode()
    read = node.do("read", update=update, blobs=b64(store.content))["c"]
    assert {key: normal(value) for key, value in read.items()} == {
        key: normal(to_browser(value)) for key, value in whole.items()
    }


def encoded(state: dict[str, Any], store: Store) -> dict[str, Any]:
    return {key: values.encode(value, store.put) for key, value in state.items()}


BIG = {"rows": [{"n": n, "text": "漢字 🌊" * 20} for n in range(8_000)]}

AWKWARD: dict[str, Any] = {
    "2**53": 2**53,
    "2**53+1": 2**53 + 1,
    "2**70": 2**70,
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "-0.0": -0.0,
    "5.0": 5.0,
    "int keys": {1: "a", 2.5: "b", None: "c", False: "d"},
    "a user's $blob": {"$blob": "x", "size": 1, "type": "bytes"},
    "a user's $num": {"$num": "nan"},
    "a user's $dict in a $dict": {"$dict": {"$dict": {}}},
    "5 MB of JSON": BIG,
    "1,024 bytes": "x" * 1022,
    "1,025 bytes": "x" * 1023,
    "long text": "🌊" * 300,
    "a byte order mark": "\ufeff" * 700,
    "line separators": "\u2028\u2029\u0000",
    "numpy float": np.float64(0.1),
}

BUFFERS: dict[str, Any] = {
    "top": b"\x00\xff",
    "empty": b"",
    "list slots": [b"a", None, b"b", [b"c"]],
    "dict keys": {"x": b"a", "y": {"z": b"b", "$z": b"c"}},
    "a long list of short values and one buffer": [["text" * 10] * 20, {"data": b"abc"}, [1.5] * 300],
    "read-only": memoryview(b"abc").toreadonly(),
    "a bytearray": bytearray(b"abc"),
    "non-contiguous": memoryview(b"abcdef")[::2],
    "an array's memory": np.arange(6, dtype="<f4").reshape(2, 3).data.cast("B"),
    "a megabyte": bytes(range(256)) * 4096,
}


@pytest.mark.scenario("S19")
@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_value(node: NodePipe, name: str) -> None:
    there_and_back(node, AWKWARD[name])


@pytest.mark.scenario("S18")
@pytest.mark.parametrize("name", BUFFERS)
def test_buffers_keep_their_structure(node: NodePipe, name: str) -> None:
    value = BUFFERS[name]
    there_and_back(node, value.tobytes() if isinstance(value, memoryview) else value)


@pytest.mark.scenario("S19", "S20")
@pytest.mark.parametrize(
    "value",
    ["\ud800", dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc), {"a": object()}],
    ids=["a lone surrogate", "a time", "an object"],
)
def test_what_plain_jupyter_refuses_never_reaches_a_window(value: Any) -> None:
    with pytest.raises(ValueEncodingError):
        values.encode(value, Store().put)


@st.composite
def notations(draw: st.DrawFn) -> Any:
    """What a browser's model may hold, in the typed notation."""
    numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
    leaves = (
        st.none()
        | st.booleans()
        | st.text(max_size=20)
        | numbers.map(lambda number: {"number": repr(number)})
        | st.binary(max_size=20).map(lambda content: {"dataview": base64.b64encode(content).decode()})
    )
    keys = st.sampled_from(["$blob", "$num", "$dict", "$buffer", "__proto__", "a"]) | st.text(max_size=5)
    return draw(
        st.recursive(
            leaves,
            lambda child: (
                st.lists(child, max_size=4).map(lambda items: {"list": items})
                | st.dictionaries(keys, child, max_size=4).map(lambda items: {"dict": items})
            ),
            max_leaves=10,
        )
    )


def as_js_writes(notation: Any) -> Any:
    """Return the notation with numbers as JavaScript writes them: 5.0 is 5, and -0.0 is 0."""
    match notation:
        case {"number": text}:
            number = float(text) + 0.0
            whole = number.is_integer() and abs(number) < 1e21
            # The shortest digits that mean this double, written out.
            return {
                "number": format(Decimal(repr(number)), "f").removesuffix(".0") if whole else repr(number)
            }
        case {"list": items}:
            return {"list": [as_js_writes(item) for item in items]}
        case {"dict": items}:
            return {"dict": {key: as_js_writes(item) for key, item in items.items()}}
    return notation


@SETTINGS
@given(notation=notations())
@example(notation={"number": "-0.0"})
def test_what_a_browser_asks_for_is_what_a_browser_then_reads(node: NodePipe, notation: Any) -> None:
    asked = sent_back(node, notation)
    assert exactly(asked) == exactly(from_browser(as_js_writes(notation)))
    assert normal(in_browser(node, asked)) == normal(as_js_writes(notation))
