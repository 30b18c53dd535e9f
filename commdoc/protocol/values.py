"""The value encoding of the document and the wire: Python values to JSON that keeps their types, and back.

JSON alone would lose NaN, infinities, integers beyond 2^53 (a browser reads doubles) and bytes. They become
one-key objects whose key begins with ``$``; a user's own dict with such a key is wrapped.
``docs/schema.md`` has the table.

What this leaves to others: where a blob's bytes are kept (`put` and `get` are passed in), and the element
texts.
"""

from __future__ import annotations

import hashlib
import json
import math
import numbers
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypedDict, cast

from commdoc.errors import ValueEncodingError
from commdoc.protocol.buffers import put_buffers as put_buffers  # noqa: PLC0414 - found here, too
from commdoc.protocol.buffers import take_buffers as take_buffers  # noqa: PLC0414 - found here, too
from commdoc.protocol.messages import BlobType, Encoded, State

BLOB_THRESHOLD: Final = 1024
"""Longest JSON text, in bytes, of a value that stays in the document. Below, a sentinel would save little."""

EXACT_INT: Final = 2**53
"""Integers beyond this are not exact as a double, which is what a browser's JSON reads."""

MAX_DEPTH: Final = 200
"""Deepest nesting that is encoded or decoded: Python's own JSON ends at the recursion limit, without a
reason.
"""

_BLOB_TYPES: Final = ("bytes", "text", "json")

PLAIN_TYPES: Final = frozenset({str, int, float, bool, type(None)})
"""Types of encoded values that are read as they are: most of any state, so that readers ask for them first."""

_NON_FINITE: Final = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}

_INTEGER: Final = re.compile(r"-?[0-9]+")

_SURELY_SHORT: Final = (BLOB_THRESHOLD - 2) // 6
"""So many characters are within the threshold however many bytes their escapes take: at most 6 each."""

_to_text: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""As `json.dumps` of these options, which would make an encoder for each call."""

BlobSentinel = TypedDict("BlobSentinel", {"$blob": str, "size": int, "type": BlobType})
"""What stands in the document in a blob's place."""

PutBlob = Callable[[bytes, BlobType], BlobSentinel]
"""Takes a blob's bytes, returns what stands in its place."""

GetBlob = Callable[[BlobSentinel], bytes | memoryview]
"""Returns the bytes of a sentinel's blob."""


def sentinel(content: bytes, kind: BlobType) -> BlobSentinel:
    """Return the sentinel of a blob: its SHA-256, its size in bytes, how to read it."""
    return {"$blob": hashlib.sha256(content).hexdigest(), "size": len(content), "type": kind}


def dumps(encoded: Encoded) -> str:
    """Return the JSON text of an encoded value, as it stands in the document.

    Raises
    ------
    ValueEncodingError
        For what no JSON text can carry, with the reason.
    """
    try:
        text = _to_text(encoded)
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError as error:
        msg = f"a lone surrogate {error.object[error.start]!r} is not text"
        raise ValueEncodingError(msg) from None
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"not JSON: {error}"
        raise ValueEncodingError(msg) from None
    return text


def encode(value: object, put: PutBlob, threshold: int = BLOB_THRESHOLD) -> Encoded:
    """Encode one value of a comm's state, blobs taken out.

    Parameters
    ----------
    value : object
        None, bool, int, float, str, bytes-like, list, tuple, or a dict; nested as deep as `MAX_DEPTH`.
    put : callable
        Called for each blob, in order; what it returns stands in the value's place.
    threshold : int
        Bytes of a JSON text that is no blob, at least `BLOB_THRESHOLD`.

    Raises
    ------
    ValueEncodingError
        For an object of another type, a lone surrogate, a cycle.
    """
    kind = type(value)
    if kind is int:
        number = cast("int", value)
        return number if -EXACT_INT <= number <= EXACT_INT else _big(number)
    if kind is bool or value is None:
        return value
    if kind is str and len(cast("str", value)) <= _SURELY_SHORT:
        _check_text(cast("str", value))
        return value
    return _divide(_encode(value, lambda content: put(content, "bytes"), 0), put, threshold)


def encode_items(value: Mapping[Any, object], put: PutBlob, threshold: int = BLOB_THRESHOLD) -> Encoded:
    """Encode a dict of which each item is measured by itself: a large one becomes a blob, the others stay.

    Raises
    ------
    ValueEncodingError
        As `encode`.
    """
    out = {_key(key): encode(item, put, threshold) for key, item in value.items()}
    return {"$dict": out} if any(key[:1] == "$" for key in out) else out


def encode_buffers(value: object, buffers: list[bytes]) -> Encoded:
    """Encode a value for the wire: bytes-like parts go to `buffers`, ``{"$buffer": i}`` in their place.

    Raises
    ------
    ValueEncodingError
        As `encode`.
    """

    def take(content: bytes) -> Encoded:
        buffers.append(content)
        return {"$buffer": len(buffers) - 1}

    return _encode(value, take, 0)


def decode(
    encoded: Encoded,
    get: GetBlob | None = None,
    buffers: Sequence[bytes | memoryview] = (),
) -> Any:
    """Read an encoded value.

    Parameters
    ----------
    encoded : JSON-ready
        From the document or the wire.
    get : callable, optional
        Returns a blob's bytes; without it a ``$blob`` is an error.
    buffers : sequence of bytes-like
        What ``{"$buffer": i}`` names.

    Raises
    ------
    ValueEncodingError
        For a sentinel that is not one of the table's.
    """
    if type(encoded) in PLAIN_TYPES:
        return encoded
    return _decode(encoded, get, buffers, 0)


def blob_sentinels(encoded: Encoded) -> Iterator[BlobSentinel]:
    """Yield every blob sentinel in an encoded value, in order; a user's wrapped dict is looked into, too."""
    if isinstance(encoded, dict):
        if "$blob" in encoded:
            if isinstance(encoded["$blob"], str):
                yield cast("BlobSentinel", encoded)
            return
        for item in _items(encoded):
            if type(item) not in PLAIN_TYPES:
                yield from blob_sentinels(item)
    elif isinstance(encoded, list):
        for item in encoded:
            if type(item) not in PLAIN_TYPES:
                yield from blob_sentinels(item)


def map_buffers(encoded: Encoded, replace: Callable[[int], Encoded]) -> Encoded:
    """Return a copy with each ``{"$buffer": i}`` replaced by what `replace(i)` returns."""
    if isinstance(encoded, dict):
        if len(encoded) == 1 and type(encoded.get("$buffer")) is int:
            return replace(encoded["$buffer"])
        if _is_wrapped(encoded):
            return {"$dict": {key: map_buffers(item, replace) for key, item in encoded["$dict"].items()}}
        return {key: map_buffers(item, replace) for key, item in encoded.items()}
    if isinstance(encoded, list):
        return [map_buffers(item, replace) for item in encoded]
    return encoded


def encode_state(
    state: Mapping[str, object], put: PutBlob, refused: Callable[[str, ValueEncodingError], None]
) -> State:
    """Encode a state key by key; a key that can't be encoded is left out and told to `refused`."""
    out: State = {}
    for key, value in state.items():
        try:
            _check_text(key)
            out[key] = encode(value, put)
        except ValueEncodingError as error:
            refused(key, error)
    return out


def _is_wrapped(encoded: dict[str, Any]) -> bool:
    return len(encoded) == 1 and isinstance(encoded.get("$dict"), dict)


def _items(encoded: dict[str, Any]) -> Iterator[Encoded]:
    yield from (encoded["$dict"] if _is_wrapped(encoded) else encoded).values()


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            msg = f"a lone surrogate {text[error.start]!r} is not text"
            raise ValueEncodingError(msg) from None


def _encode(value: object, take: Callable[[bytes], Encoded], depth: int) -> Encoded:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        _check_text(value)
        return str.__str__(value)  # of a `str` Enum its value, as JSON has it
    if isinstance(value, int):
        return int(value) if -EXACT_INT <= value <= EXACT_INT else _big(int(value))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$num": repr(float(value))}
    if isinstance(value, bytes | bytearray | memoryview):
        return take(_bytes(value))
    if depth >= MAX_DEPTH:
        msg = f"nested deeper than {MAX_DEPTH}, or a cycle"
        raise ValueEncodingError(msg)
    if isinstance(value, list | tuple):
        return [_encode(item, take, depth + 1) for item in value]
    if isinstance(value, Mapping):
        out = {_key(key): _encode(item, take, depth + 1) for key, item in value.items()}
        return {"$dict": out} if any(key[:1] == "$" for key in out) else out
    if isinstance(value, numbers.Integral):  # numpy's
        return _encode(int(value), take, depth)
    if isinstance(value, numbers.Real):
        return _encode(float(value), take, depth)
    msg = f"an object of type {type(value).__name__} is not JSON"
    raise ValueEncodingError(msg)


def _big(number: int) -> Encoded:
    try:
        return {"$num": str(number)}
    except ValueError as error:  # Python's limit of digits
        raise ValueEncodingError(str(error)) from None


def _bytes(value: bytes | bytearray | memoryview) -> bytes:
    try:
        return bytes(value)
    except (ValueError, NotImplementedError) as error:  # a released view, or one of a format of its own
        msg = f"a {type(value).__name__} that can't be read: {error}"
        raise ValueEncodingError(msg) from None


def _key(key: object) -> str:
    """Return a dict key as `json.dumps` writes it."""
    if isinstance(key, str):
        _check_text(key)
        return str.__str__(key)
    if key is None or isinstance(key, bool | int | float):
        return cast("str", json.loads(json.dumps({key: 0}).split(":", 1)[0][1:]))
    msg = f"a dict key of type {type(key).__name__} is not JSON"
    raise ValueEncodingError(msg)


def _divide(encoded: Encoded, put: PutBlob, threshold: int) -> Encoded:
    """Put what is too long for the document into blobs; binary parts have been put already."""
    if encoded is None or isinstance(encoded, int | float):
        return encoded
    if isinstance(encoded, str):
        text = encoded.encode()
        if len(text) <= threshold - 2 and len(dumps(encoded).encode()) <= threshold:
            return encoded
        return put(text, "text")
    if isinstance(encoded, dict) and "$blob" in encoded:
        return encoded
    text = dumps(encoded).encode()
    if len(text) <= threshold:
        return encoded
    if next(blob_sentinels(encoded), None) is None:
        return put(text, "json")
    if isinstance(encoded, list):
        return [_divide(item, put, threshold) for item in encoded]
    if _is_wrapped(encoded):
        return {"$dict": {key: _divide(item, put, threshold) for key, item in encoded["$dict"].items()}}
    return {key: _divide(item, put, threshold) for key, item in encoded.items()}


def _decode(encoded: Encoded, get: GetBlob | None, buffers: Sequence[bytes | memoryview], depth: int) -> Any:
    if isinstance(encoded, list):
        _check_depth(depth)
        return [_decode(item, get, buffers, depth + 1) for item in encoded]
    if not isinstance(encoded, dict):
        return encoded
    _check_depth(depth)
    for key in encoded:
        if key[:1] == "$":
            return _decode_sentinel(encoded, get, buffers, depth)
    return {key: _decode(item, get, buffers, depth + 1) for key, item in encoded.items()}


def _check_depth(depth: int) -> None:
    # An encoded dict may stand in a "$dict", so a level of the value is at most two here.
    if depth > 2 * MAX_DEPTH + 2:
        msg = f"nested deeper than {MAX_DEPTH}"
        raise ValueEncodingError(msg)


def _decode_sentinel(
    encoded: dict[str, Any], get: GetBlob | None, buffers: Sequence[bytes | memoryview], depth: int
) -> Any:
    if "$num" in encoded and len(encoded) == 1:
        return _number(encoded["$num"])
    if _is_wrapped(encoded):
        return {key: _decode(item, get, buffers, depth + 1) for key, item in encoded["$dict"].items()}
    if "$buffer" in encoded and len(encoded) == 1:
        index = encoded["$buffer"]
        if type(index) is not int or not 0 <= index < len(buffers):
            msg = f"buffer {index!r} of {len(buffers)}"
            raise ValueEncodingError(msg)
        return bytes(buffers[index])
    if isinstance(encoded.get("$blob"), str) and encoded.get("type") in _BLOB_TYPES and get is not None:
        return _decode_blob(cast("BlobSentinel", encoded), get, depth)
    msg = f"{dumps(encoded)[:80]} is no sentinel that this version knows"
    raise ValueEncodingError(msg)


def _decode_blob(blob: BlobSentinel, get: GetBlob, depth: int) -> Any:
    content = bytes(get(blob))
    try:
        if blob["type"] == "text":
            return content.decode()
        if blob["type"] == "json":
            return _decode(json.loads(content.decode()), None, (), depth)
    except (ValueError, RecursionError) as error:
        msg = f"blob {blob['$blob']} is no {blob['type']}: {error}"
        raise ValueEncodingError(msg) from None
    return content


def _number(text: object) -> int | float:
    if isinstance(text, str):
        if text in _NON_FINITE:
            return _NON_FINITE[text]
        if _INTEGER.fullmatch(text):
            try:
                return int(text)
            except ValueError as error:  # Python's limit of digits
                raise ValueEncodingError(str(error)) from None
    msg = f"$num {text!r} is no number"
    raise ValueEncodingError(msg)
