/** Whether two values of a model are the same to whoever shows them: JSON, binary parts and dates by content. */

import { asBytes } from "../document/values";

export function same(a: unknown, b: unknown): boolean {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (tag(a) !== tag(b)) return false;
  const [bytes, others] = [asBytes(a), asBytes(b)];
  if (bytes && others)
    return bytes.length === others.length && bytes.every((byte, at) => byte === others[at]);
  if (a instanceof Date && b instanceof Date) return same(a.getTime(), b.getTime());
  const [keys, otherKeys] = [Object.keys(a), Object.keys(b)];
  if (keys.length !== otherKeys.length || !sameLength(a, b)) return false;
  return keys.every(
    (key) =>
      Object.hasOwn(b, key) && same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}

/** The kind of an object; of another realm's, too. */
function tag(value: object): string {
  return Object.prototype.toString.call(value);
}

function sameLength(a: object, b: object): boolean {
  return !Array.isArray(a) || !Array.isArray(b) || a.length === b.length;
}
