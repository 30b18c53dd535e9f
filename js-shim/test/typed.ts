/** The typed notation of `tests/fixtures`, browser side. */

import type { Value } from "../src/document/values";

export type Typed =
  | null
  | boolean
  | string
  | { number: string }
  | { dataview: string }
  | { list: Typed[] }
  | { dict: Record<string, Typed> };

/** A value as a browser model has it, in the typed notation. */
export function typed(value: Value): Typed {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return { number: Object.is(value, -0) ? "-0" : String(value) };
  if (value instanceof DataView) return { dataview: base64(value) };
  if (Array.isArray(value)) return { list: value.map(typed) };
  return { dict: Object.fromEntries(Object.entries(value).map(([key, item]) => [key, typed(item)])) };
}

/** The notation that `typed` gives: every number as this engine writes it. */
export function normal(value: Typed): Typed {
  if (typeof value !== "object" || value === null) return value;
  if ("number" in value) return typed(Number(value.number));
  if ("list" in value) return { list: value.list.map(normal) };
  if ("dict" in value) {
    return { dict: Object.fromEntries(Object.entries(value.dict).map(([key, item]) => [key, normal(item)])) };
  }
  return value;
}

export function base64(view: DataView): string {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("base64");
}

export function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
