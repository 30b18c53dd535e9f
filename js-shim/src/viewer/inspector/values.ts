/** Values of the document in words: short, exactly as they are encoded, and with nothing in them that could pretend. */

import { type BlobSentinel, type Comm, type Encoded, isBlobSentinel } from "../../document";

/** Characters of a text that a line shows. */
export const SHORT = 120;

const REFERENCE = /^(?:IPY_MODEL_|anywidget:)(.+)$/s;

/** Controls, and what turns or hides text: shown as what they are. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A text as it can be shown in a line. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}

/** The comm that a text refers to. */
export function referenceIn(value: Encoded): string | undefined {
  return typeof value === "string" ? REFERENCE.exec(value)?.[1] : undefined;
}

export function isBranch(value: Encoded): value is Encoded[] | { [key: string]: Encoded } {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.length > 0;
  return !isBlobSentinel(value) && !isNumber(value) && Object.keys(value).length > 0;
}

/** A number that JSON has not. */
function isNumber(value: { [key: string]: Encoded }): boolean {
  return typeof value.$num === "string" && Object.keys(value).length === 1;
}

/** The kind of a value, for its colour. */
export function kindOf(value: Encoded): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  if (Array.isArray(value)) return "list";
  if (isBlobSentinel(value)) return "blob";
  return isNumber(value) ? "number" : "object";
}

/** A line for a value; a text may be cut. */
export function preview(value: Encoded): string {
  if (typeof value === "string") return visible(JSON.stringify(cut(value, SHORT)));
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `[ ] ${count(value.length, "item")}`;
  if (isBlobSentinel(value)) return blobWords(value);
  if (isNumber(value)) return cut(visible(JSON.stringify(value)), SHORT);
  const keys = Object.keys(value);
  return keys.length === 0 ? "{}" : `{ } ${count(keys.length, "key")}`;
}

export function blobWords({ $blob, size, type }: BlobSentinel): string {
  return `blob ${visible(cut(String(type), 20))}, ${sizeWords(size)}, ${visible($blob.slice(0, 12))}`;
}

/** An output of an Output widget: what it is, and of which kinds. */
export function outputWords(output: Encoded): string {
  if (typeof output !== "object" || output === null || Array.isArray(output)) return preview(output);
  const { output_type: type, name, data, ename } = output;
  const more =
    typeof data === "object" && data !== null && !Array.isArray(data) ? Object.keys(data).join(", ") : "";
  const words = [type, name ?? ename, more].filter((word): word is string => typeof word === "string");
  return `${cut(visible(words.filter(Boolean).join(" ")), SHORT)}, ${sizeWords(bytesOf(output))}`;
}

/** What a comm is called: its model, or its target. */
export function nameOf(comm: Comm): string {
  return comm.modelName ?? comm.targetName;
}

export function count(n: number, word: string): string {
  return `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
}

export function sizeWords(bytes: number): string {
  if (!Number.isFinite(bytes)) return "?";
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  if (bytes < 999_950) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

export function rateWords(perSecond: number): string {
  if (perSecond === 0) return "";
  return perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}

export function agoWords(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 2) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ago`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h ago` : `${Math.floor(minutes / 1440)} days ago`;
}

/** Bytes of the JSON text, UTF-8. */
export function bytesOf(value: Encoded): number {
  try {
    return utf8Length(JSON.stringify(value));
  } catch {
    return deepBytes(value); // too deep for a recursion
  }
}

function utf8Length(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
  return /^[\x00-\x7f]*$/.test(text) ? text.length : new TextEncoder().encode(text).length;
}

function deepBytes(value: Encoded): number {
  let bytes = 0;
  const waiting: Encoded[] = [value];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next !== "object" || next === null) {
      bytes += utf8Length(JSON.stringify(next));
      continue;
    }
    const items = Object.values(next);
    // Brackets, and commas between.
    bytes += 2 + Math.max(0, items.length - 1);
    if (!Array.isArray(next))
      for (const key of Object.keys(next)) bytes += utf8Length(JSON.stringify(key)) + 1;
    for (const item of items) waiting.push(item);
  }
  return bytes;
}
