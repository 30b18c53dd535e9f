import fc from "fast-check";
import * as encoding from "lib0/encoding";
import { expect, test } from "vitest";
import { ProtocolError } from "../../src/window/errors";
import { decodeFrame, encodeFrame, frameType } from "../../src/window/frames";

test("a message and its buffers come back as they were sent", () => {
  const json = fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue());
  fc.assert(
    fc.property(json, fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }), (fields, buffers) => {
      const message = JSON.parse(JSON.stringify({ ...fields, type: "x" }));
      const frame = decodeFrame(encodeFrame(message, buffers));
      expect(frame.message).toEqual(message);
      expect(frame.buffers.map((buffer) => [...buffer])).toEqual(buffers.map((buffer) => [...buffer]));
    }),
  );
});

test("S23 a frame that is cut off anywhere is refused with a reason", () => {
  const frame = encodeFrame({ type: "message" }, [new Uint8Array(10), new Uint8Array(0)]);
  for (let length = 0; length < frame.length; length++) {
    expect(() => decodeFrame(frame.subarray(0, length))).toThrow(ProtocolError);
  }
});

/** A frame of these parts: numbers become varuints, texts their bytes. */
function raw(...parts: (number | string | Uint8Array)[]): Uint8Array {
  const encoder = encoding.createEncoder();
  for (const part of parts) {
    if (typeof part === "number") encoding.writeVarUint(encoder, part);
    else if (typeof part === "string") encoding.writeVarString(encoder, part);
    else encoding.writeVarUint8Array(encoder, part);
  }
  return encoding.toUint8Array(encoder);
}

test.each([
  ["1 GB claimed for the message", raw(100, 2 ** 30), /claims 1073741824 bytes, 0 are there/],
  ["1 GB claimed for a buffer", raw(100, '{"type":"x"}', 1, 2 ** 30), /buffer 0 claims/],
  ["a million buffers", raw(100, '{"type":"x"}', 1_000_000), /1000000 buffers/],
  ["another type", raw(7), /frame type 7/],
  ["not UTF-8", raw(100, new Uint8Array([0xff]), 0), /not JSON in UTF-8/],
  ["not JSON", raw(100, "{", 0), /not JSON/],
  ["no object", raw(100, "[]", 0), /no|not a JSON object/],
  ["no type", raw(100, "{}", 0), /not a JSON object with a type/],
  ["bytes left over", raw(100, '{"type":"x"}', 0, 0), /1 bytes left over/],
  ["a length without end", new Uint8Array(20).fill(0xff), /more than 53 bits/],
])("S23 refused: %s", (_, frame, reason) => {
  expect(() => decodeFrame(frame)).toThrow(ProtocolError);
  expect(() => decodeFrame(frame)).toThrow(reason);
});

test("S23 an unknown frame type and an empty frame are told apart from ours", () => {
  expect(() => frameType(raw(7))).toThrow("unknown frame type 7");
  expect(() => frameType(new Uint8Array())).toThrow("cut off");
  expect([raw(0), raw(1), raw(100)].map(frameType)).toEqual([0, 1, 100]);
});
