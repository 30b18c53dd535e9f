import fc from "fast-check";
import { expect, test } from "vitest";
import type { Encoded } from "../../src/document/elements";
import {
  asBytes,
  decode,
  encode,
  encodeState,
  forEachBlob,
  sameEncoded,
  type Value,
  ValueEncodingError,
} from "../../src/document/values";
import { typed } from "../typed";

/** Sends a value over the wire and reads it at the other side. */
function sent(value: unknown): Value {
  const buffers: Uint8Array[] = [];
  const encoded = encode(value, buffers);
  return decode(JSON.parse(JSON.stringify(encoded)) as Encoded, undefined, buffers);
}

/** What `JSON.stringify` makes of a value, with binary parts as they are. */
function plain(value: unknown): unknown {
  if (value instanceof DataView) return value;
  if (Array.isArray(value)) return value.map((item) => plain(item) ?? null);
  if (typeof value !== "object" || value === null) {
    const text = JSON.stringify(value);
    return text === undefined ? undefined : JSON.parse(text);
  }
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]) => [key, plain(item)])
      .filter(([, item]) => item !== undefined),
  );
}

const key = fc.oneof(
  fc.string(),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("$blob", "$num", "$dict", "$buffer", "$", "__proto__", "constructor", "0"),
);
const binary = fc.uint8Array({ maxLength: 40 }).map((array) => new DataView(array.slice().buffer));
const { value: anything } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(
      null,
      true,
      false,
      undefined,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      -0,
      2 ** 53 + 2,
      1e300,
    ),
    fc.double(),
    fc.integer(),
    fc.string({ unit: "grapheme" }),
    binary,
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(key, tie("value"), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

test("S18, S19 any value arrives as JSON.stringify and the buffers would bring it", () => {
  fc.assert(
    fc.property(anything, (value) => {
      if (value === undefined) return;
      expect(typed(sent(value))).toEqual(typed(plain(value) as Value));
    }),
    { numRuns: 500 },
  );
});

test("S18 a typed array is sent as the bytes that it shows, whatever it is a window of", () => {
  const memory = new ArrayBuffer(64);
  new Uint8Array(memory).forEach((_, at, all) => {
    all[at] = at;
  });
  for (const part of [
    new Uint8Array(memory, 3, 5),
    new Float32Array(memory, 8, 2),
    new DataView(memory, 1, 0),
    new BigInt64Array(memory, 16, 1),
    memory,
  ]) {
    const got = sent([part]) as DataView[];
    expect(asBytes(got[0] as DataView)).toEqual(asBytes(part)?.slice());
  }
});

test("S18 a DataView begins at offset 0 of a buffer of its own, as plain Jupyter's", () => {
  const frame = new Uint8Array(32);
  const got = decode({ $buffer: 0 }, undefined, [frame.subarray(5, 13)]) as DataView;
  expect([got.byteOffset, got.byteLength, got.buffer.byteLength]).toEqual([0, 8, 8]);
  got.setUint8(0, 7);
  expect(frame[5]).toBe(0);
});

test("the bytes of a request are those of the moment it was made", () => {
  const array = new Uint8Array([1, 2, 3]);
  const buffers: Uint8Array[] = [];
  encodeState({ array }, buffers);
  array.fill(9);
  expect(buffers).toEqual([new Uint8Array([1, 2, 3])]);
});

test("S19 a value is what toJSON makes of it; what JSON leaves out is left out of a state", () => {
  const when = new Date(0);
  const state = encodeState({ when, boxed: [Object(5), Object("a")], none: undefined, call: () => 1 }, []);
  expect(state).toEqual({ when: when.toJSON(), boxed: [5, "a"] });
});

test("S20 what plain Jupyter can't send either is refused: a BigInt, a cycle", () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  expect(() => encode([1n], [])).toThrow(ValueEncodingError);
  expect(() => encode(cycle, [])).toThrow(ValueEncodingError);
});

test("S23 nesting without end is refused, not recursed into", () => {
  const deep = JSON.parse(`${"[".repeat(5000)}${"]".repeat(5000)}`);
  expect(() => decode(deep)).toThrow(ValueEncodingError);
});

test("S19 a text blob keeps its byte order mark, a user's dict with a $ key stays a dict", () => {
  const mark = new Uint8Array([0xef, 0xbb, 0xbf, 0x41]);
  expect(decode({ $blob: "h", size: 4, type: "text" }, () => mark)).toBe("\ufeffA");
  expect(decode({ $dict: { $blob: "mine" } })).toEqual({ $blob: "mine" });
});

test("blobs are found wherever they are, also in a user's wrapped dict", () => {
  const found: string[] = [];
  const blob = (hash: string): Encoded => ({ $blob: hash, size: 1, type: "bytes" });
  forEachBlob({ a: [blob("1"), { $dict: { $x: blob("2") } }], b: { $num: "nan" } }, ({ $blob }) =>
    found.push($blob),
  );
  expect(found).toEqual(["1", "2"]);
});

test("S17 encoded values are compared as a browser sees them", () => {
  expect(sameEncoded({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toBe(true);
  expect(sameEncoded(0, -0)).toBe(false);
  expect(sameEncoded({ a: 1 }, { b: 1 })).toBe(false);
  expect(sameEncoded([], {})).toBe(false);
  expect(sameEncoded(undefined, null)).toBe(false);
});
