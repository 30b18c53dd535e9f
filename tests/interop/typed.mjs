// The typed notation of tests/fixtures/README.md, browser side, both ways.

/** A value as a browser model has it, in the typed notation. */
export function typed(value) {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return { number: Object.is(value, -0) ? "-0" : String(value) };
  if (value instanceof DataView) return { dataview: base64(value) };
  if (Array.isArray(value)) return { list: value.map(typed) };
  return { dict: Object.fromEntries(Object.entries(value).map(([key, item]) => [key, typed(item)])) };
}

/** The value that a typed notation stands for. */
export function untyped(notation) {
  if (typeof notation !== "object" || notation === null) return notation;
  if ("number" in notation) return Number(notation.number);
  if ("dataview" in notation) return new DataView(bytes(notation.dataview).buffer);
  if ("list" in notation) return notation.list.map(untyped);
  return Object.fromEntries(Object.entries(notation.dict).map(([key, item]) => [key, untyped(item)]));
}

export function base64(view) {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("base64");
}

/** Bytes in a buffer of their own: Node's small Buffers share one. */
export function bytes(text) {
  return new Uint8Array(Buffer.from(text, "base64"));
}
