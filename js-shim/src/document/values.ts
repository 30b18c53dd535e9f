/**
 * The value encoding of the document and the wire, as a browser sees it.
 *
 * `decode` gives a browser model exactly what plain Jupyter would have given it: the strings `"nan"`, `"inf"`,
 * `"-inf"`, doubles, `DataView` for bytes. `encode` turns what a browser model holds into a request: binary parts become
 * `{"$buffer": i}`, a dict with a key that begins with `$` is wrapped, everything else is what `JSON.stringify` makes of
 * it. `docs/schema.md` has the table. Where a blob's bytes come from is left to others: `getBlob` is passed in.
 */

import {
  type BlobSentinel,
  type Encoded,
  type EncodedObject,
  isObject,
  isText,
  type State,
} from "./elements";

/** What a browser model holds: JSON, and binary parts. */
export type Value = null | boolean | number | string | DataView | Value[] | { [key: string]: Value };

/** Returns a blob's bytes, or throws. A blob of type "text" may come as the text that it is. */
export type GetBlob = (blob: BlobSentinel) => Uint8Array | string;

/** Deepest nesting that is encoded or decoded, as in the kernel. */
export const MAX_DEPTH = 200;

/** A value that the encoding can't carry, or a sentinel that is none of the table's. */
export class ValueEncodingError extends Error {
  override name = "ValueEncodingError";
}

const NON_FINITE = new Set(["nan", "inf", "-inf"]);
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads an encoded value as plain Jupyter would give it to a browser model. The result shares nothing with `encoded`.
 *
 * @param getBlob called for every blob in it; without it a `$blob` is an error
 * @param buffers what `{"$buffer": i}` names
 */
export function decode(encoded: Encoded, getBlob?: GetBlob, buffers: readonly Uint8Array[] = []): Value {
  return decodeAt(encoded, getBlob, buffers, 0);
}

function decodeAt(
  encoded: Encoded,
  getBlob: GetBlob | undefined,
  buffers: readonly Uint8Array[],
  depth: number,
): Value {
  if (typeof encoded !== "object" || encoded === null) return encoded;
  // An encoded dict may stand in a "$dict", so a level of the value is at most two here.
  if (depth > 2 * MAX_DEPTH + 2) throw new ValueEncodingError(`nested deeper than ${MAX_DEPTH}`);
  if (Array.isArray(encoded)) return encoded.map((item) => decodeAt(item, getBlob, buffers, depth + 1));
  if (Object.keys(encoded).some((key) => key.startsWith("$"))) {
    return decodeSentinel(encoded, getBlob, buffers, depth);
  }
  return mapObject(encoded, (item) => decodeAt(item, getBlob, buffers, depth + 1));
}

function decodeSentinel(
  encoded: EncodedObject,
  getBlob: GetBlob | undefined,
  buffers: readonly Uint8Array[],
  depth: number,
): Value {
  const only = Object.keys(encoded).length === 1;
  if (only && "$num" in encoded) return decodeNumber(encoded.$num);
  const inner = wrapped(encoded);
  if (inner) return mapObject(inner, (item) => decodeAt(item, getBlob, buffers, depth + 1));
  if (only && "$buffer" in encoded) {
    const buffer = typeof encoded.$buffer === "number" ? buffers[encoded.$buffer] : undefined;
    if (buffer === undefined) {
      throw new ValueEncodingError(`buffer ${JSON.stringify(encoded.$buffer)} of ${buffers.length}`);
    }
    return view(buffer);
  }
  if (isBlobSentinel(encoded) && getBlob) {
    const content = getBlob(encoded);
    if (encoded.type === "bytes") return view(asUint8Array(content));
    const text = typeof content === "string" ? content : decodeText(content);
    return encoded.type === "json" ? decodeAt(JSON.parse(text), undefined, [], depth) : text;
  }
  throw new ValueEncodingError(
    `${JSON.stringify(encoded).slice(0, 80)} is no sentinel that this version knows`,
  );
}

function decodeNumber(text: Encoded | undefined): Value {
  if (typeof text === "string") {
    if (NON_FINITE.has(text)) return text;
    if (/^-?\d+$/.test(text)) return Number(text);
  }
  throw new ValueEncodingError(`$num ${JSON.stringify(text)} is no number`);
}

/** The text that a blob's bytes are; a byte order mark is part of it. */
export function decodeText(content: Uint8Array): string {
  return utf8.decode(content);
}

function asUint8Array(content: Uint8Array | string): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

/** Whether an encoded object stands for a blob. */
export function isBlobSentinel(encoded: object): encoded is BlobSentinel & EncodedObject {
  return isText((encoded as EncodedObject).$blob);
}

/** Calls `found` with every blob sentinel in an encoded value; a user's wrapped dict is looked into, too. */
export function forEachBlob(encoded: Encoded | undefined, found: (blob: BlobSentinel) => void): void {
  if (typeof encoded !== "object" || encoded === null) return;
  if (Array.isArray(encoded)) {
    for (const item of encoded) forEachBlob(item, found);
  } else if (isBlobSentinel(encoded)) {
    found(encoded);
  } else {
    for (const item of Object.values(wrapped(encoded) ?? encoded)) forEachBlob(item, found);
  }
}

/**
 * Encodes what a browser model holds, for the wire.
 *
 * @param buffers takes the binary parts; `{"$buffer": i}` stands in their place. Their bytes are copied.
 * @returns `undefined` for what `JSON.stringify` leaves out: undefined, functions, symbols
 */
export function encode(value: unknown, buffers: Uint8Array[]): Encoded | undefined {
  return encodeAt(value, "", buffers, 0);
}

/** Encodes each value of a state; keys whose value JSON leaves out are left out. */
export function encodeState(state: object, buffers: Uint8Array[]): State {
  return mapObject(state as Record<string, unknown>, (value, key) => encodeAt(value, key, buffers, 0));
}

function encodeAt(value: unknown, key: string, buffers: Uint8Array[], depth: number): Encoded | undefined {
  const plain = asJson(value, key);
  switch (typeof plain) {
    case "string":
    case "boolean":
      return plain;
    case "number":
      return Number.isFinite(plain) ? plain : null;
    case "bigint":
      throw new ValueEncodingError(`${plain}n, a BigInt, is not JSON`);
    case "object":
      break;
    default:
      return undefined;
  }
  if (plain === null) return null;
  const bytes = asBytes(plain);
  if (bytes) return { $buffer: buffers.push(bytes.slice()) - 1 };
  if (depth >= MAX_DEPTH) throw new ValueEncodingError(`nested deeper than ${MAX_DEPTH}, or a cycle`);
  const encodeItem = (item: unknown, name: string) => encodeAt(item, name, buffers, depth + 1);
  if (Array.isArray(plain)) return Array.from(plain, (item, index) => encodeItem(item, `${index}`) ?? null);
  const out = mapObject(plain as Record<string, unknown>, encodeItem);
  return Object.keys(out).some((name) => name.startsWith("$")) ? { $dict: out } : out;
}

/** What `JSON.stringify` makes JSON of in a value's place; bytes are left as they are, also where they have a `toJSON`. */
function asJson(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || asBytes(value)) return value;
  const { toJSON } = value as { toJSON?: unknown };
  const plain: unknown = typeof toJSON === "function" ? toJSON.call(value, key) : value;
  const isBoxed = plain instanceof Number || plain instanceof String || plain instanceof Boolean;
  return isBoxed ? plain.valueOf() : plain;
}

/** Whether two encoded values are the same to a browser (which doesn't tell 5 from 5.0). */
export function sameEncoded(a: Encoded | undefined, b: Encoded | undefined): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => sameEncoded(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && sameEncoded(a[key], b[key]));
}

/** The bytes of an ArrayBuffer, a TypedArray or a DataView (not copied), of this realm or another; else undefined. */
export function asBytes(value: object): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  const isBuffer = /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(value));
  return isBuffer ? new Uint8Array(value as ArrayBuffer) : undefined;
}

/** A DataView of a copy. Plain Jupyter's begins at offset 0 of a buffer of its own, and widgets do `new Float32Array(view.buffer)`. */
export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.slice().buffer);
}

function wrapped(encoded: EncodedObject): EncodedObject | undefined {
  const inner = encoded.$dict;
  return isObject(inner) && Object.keys(encoded).length === 1 ? inner : undefined;
}

/** A new object of own properties (also `__proto__`), without those for which `change` returns undefined. */
function mapObject<T, U>(
  from: { [key: string]: T },
  change: (item: T, key: string) => U | undefined,
): { [key: string]: U } {
  const changed = Object.entries(from).map(([key, item]) => [key, change(item, key)] as const);
  return Object.fromEntries(changed.filter((entry): entry is [string, U] => entry[1] !== undefined));
}
