"""Outputs of an Output widget: dicts of nbformat 4, and how they stand on the wire and in the document.

An encoded output is an encoded value that is an object. Each entry of its ``data`` and ``metadata``, and each other
item, is a value of its own for the blob rule, so that a large image leaves the document and the widget view beside it
stays. The text of a stream is always there: it grows, and is stored in chunks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from commdoc.errors import ValueEncodingError
from commdoc.protocol.messages import Encoded
from commdoc.protocol.values import (
    BLOB_THRESHOLD,
    BlobSentinel,
    GetBlob,
    PutBlob,
    decode,
    dumps,
    encode,
    encode_items,
)

OUTPUT_MODEL: Final = ("@jupyter-widgets/output", "OutputModel")
"""`_model_module` and `_model_name` of the Output widget."""

OUTPUTS: Final = "outputs"
"""The key of its state that holds what was captured."""

MSG_ID: Final = "msg_id"
"""The key that makes a plain front end capture by itself."""

EncodedOutput: TypeAlias = dict[str, Encoded]


def is_output_model(module: object, name: object) -> bool:
    """Tell whether a model is the Output widget's, by its `_model_module` and `_model_name`."""
    return (module, name) == OUTPUT_MODEL


def encode_output(
    output: Mapping[Any, object], put: PutBlob, threshold: int = BLOB_THRESHOLD
) -> EncodedOutput:
    """Encode an output, blobs taken out; `threshold` as for `encode`.

    Raises
    ------
    ValueEncodingError
        For what has no place in a document.
    """
    items: dict[str, Encoded] = {}
    for key, item in output.items():
        if not isinstance(key, str):
            msg = f"an output with a key of type {type(key).__name__}"
            raise ValueEncodingError(msg)
        if key == "text" and isinstance(item, str) and output.get("output_type") == "stream":
            items[key] = json.loads(dumps(item))  # refuses a lone surrogate; a plain `str`
        elif key in ("data", "metadata") and isinstance(item, Mapping):
            items[key] = encode_items(item, put, threshold)
        else:
            items[key] = encode(item, put, threshold)
    return wrapped(items)


def decode_outputs(encoded: Encoded, get: GetBlob | None = None) -> list[dict[str, Any]]:
    """Read the encoded value of an ``outputs`` key.

    Raises
    ------
    ValueEncodingError
        When it is no list of dicts.
    """
    outputs = decode(encoded, get)
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        msg = f"outputs are a list of dicts, not {dumps(encoded)[:80]}"
        raise ValueEncodingError(msg)
    return outputs


def inline_text(output: EncodedOutput, get: GetBlob) -> EncodedOutput:
    """Return an encoded output with the text of a stream in it, where that came as a blob."""
    text = output.get("text")
    if output.get("output_type") != "stream" or not isinstance(text, dict) or "$blob" not in text:
        return output
    sentinel: BlobSentinel = text  # type: ignore[assignment]
    return {**output, "text": decode(sentinel, get)}


def is_stream(output: EncodedOutput) -> bool:
    """Tell whether an encoded output is a stream whose text can grow."""
    return (
        output.get("output_type") == "stream"
        and isinstance(output.get("name"), str)
        and isinstance(output.get("text"), str)
    )


def shown_digest(data: object) -> str | None:
    """Return a digest of what a display shows, the same for what a browser has made of it; None when it has none.

    A browser has one kind of number: 1.0 comes back as 1.
    """
    try:
        text = json.dumps(_as_browser(data), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError):
        return None
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _as_browser(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _as_browser(item) for key, item in value.items()}
    return [_as_browser(item) for item in value] if isinstance(value, list) else value


def wrapped(items: dict[str, Encoded]) -> EncodedOutput:
    """Return the encoded object of encoded items: wrapped when a key begins with ``$``."""
    return {"$dict": items} if any(key[:1] == "$" for key in items) else items
