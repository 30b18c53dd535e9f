"""Outputs as they stand on the wire and in the document."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commdoc.errors import ValueEncodingError
from commdoc.protocol.outputs import (
    decode_outputs,
    encode_output,
    inline_text,
    is_output_model,
    is_stream,
)
from commdoc.protocol.values import blob_sentinels, decode, dumps, encode
from tests.protocol import strategies as some
from tests.protocol.strategies import Store

LARGE = "x" * 5_000


def kinds(encoded: Any) -> list[str]:
    return [blob["type"] for blob in blob_sentinels(encoded)]


def test_each_entry_of_a_display_is_measured_by_itself() -> None:
    store = Store()
    view = {"model_id": "abc", "version_major": 2, "version_minor": 0}
    data = {"image/png": LARGE, "application/vnd.jupyter.widget-view+json": view, "application/x": b"raw"}
    output = {"output_type": "display_data", "data": data, "metadata": {"image/png": {"note": [LARGE]}}}
    encoded = encode_output(output, store.put)
    assert encoded["data"]["application/vnd.jupyter.widget-view+json"] == view
    assert kinds(encoded["data"]) == ["text", "bytes"]
    assert kinds(encoded["metadata"]) == ["json"]
    assert decode(encoded, store.get) == output


def test_an_error_and_a_stream_keep_what_a_reader_needs_to_tell_them() -> None:
    store = Store()
    error = {"output_type": "error", "ename": "E", "evalue": LARGE, "traceback": [LARGE, "end"]}
    encoded = encode_output(error, store.put)
    assert (encoded["output_type"], encoded["ename"]) == ("error", "E")
    assert kinds(encoded) == ["text", "json"]
    stream = {"output_type": "stream", "name": "stdout", "text": LARGE}
    assert encode_output(stream, store.put) == stream
    assert is_stream(stream)
    assert not is_stream(encode_output({**stream, "text": ["a", "list"]}, store.put))
    assert not is_stream(encode_output({**stream, "output_type": "display_data"}, store.put))


@pytest.mark.scenario("S19")
def test_a_users_keys_may_begin_with_a_dollar() -> None:
    store = Store()
    output = {"$blob": "mine", "data": {"$num": math.inf, "x": {"$dict": 1}}, "metadata": {}}
    encoded = encode_output(output, store.put)
    assert encoded.keys() == {"$dict"}
    assert decode(encoded, store.get) == output


@given(st.dictionaries(st.text(max_size=5), some.values, max_size=4))
def test_any_output_is_read_as_it_was(output: dict[str, Any]) -> None:
    store = Store()
    encoded = encode_output(output, store.put)
    dumps(encoded)
    as_value = decode(encode(output, store.put), store.get)
    assert dumps(encode(decode(encoded, store.get), Store().put)) == dumps(encode(as_value, Store().put))


@pytest.mark.parametrize("output", [{1: 2}, {"text": "\ud800"}, {"data": {"x": object()}}, {"\ud800": 1}])
def test_what_has_no_place_in_a_document_is_refused(output: dict[Any, Any]) -> None:
    with pytest.raises(ValueEncodingError):
        dumps(encode_output(output, Store().put))
    with pytest.raises(ValueEncodingError):
        encode_output({"output_type": "stream", "name": "stdout", "text": "\ud800"}, Store().put)


def test_a_list_of_outputs_is_read_also_from_a_blob() -> None:
    store = Store()
    outputs = [{"output_type": "stream", "name": "stdout", "text": LARGE}, {"data": {"x": b"raw"}}]
    assert decode_outputs(encode(outputs[:1], store.put), store.get) == outputs[:1]
    assert decode_outputs(encode(outputs, store.put), store.get) == outputs
    bad: list[Any] = [None, {}, "x", [1], [outputs]]
    for value in bad:
        with pytest.raises(ValueEncodingError, match="list of dicts"):
            decode_outputs(encode(value, store.put), store.get)


def test_the_text_of_a_stream_is_put_back() -> None:
    store = Store()
    output = {"output_type": "stream", "name": "stdout", "text": encode(LARGE, store.put)}
    assert inline_text(output, store.get) == {**output, "text": LARGE}
    other = {"output_type": "display_data", "text": encode(LARGE, store.put)}
    assert inline_text(other, store.get) is other


def test_only_the_output_widget_is_one() -> None:
    assert is_output_model("@jupyter-widgets/output", "OutputModel")
    assert not is_output_model("@jupyter-widgets/controls", "OutputModel")
    assert not is_output_model("@jupyter-widgets/output", "IntSliderModel")
    assert not is_output_model(None, None)
