/**
 * The outputs of one comm, as a reader shows them: by ordinal, the chunks of a stream joined.
 *
 * It is told which elements went and which came (`remove`, `add`), and at the end of the transaction (`settle`) says what
 * that did, so that a page need not render all of it again. Nothing here depends on how long a stream is, or how many
 * outputs there are, when text is written or an output is appended.
 */

import type { EncodedObject, OutputBody } from "./elements";
import { ensure } from "./ensure";
import { sameEncoded } from "./values";

/** One of the things that happened to a list of outputs; to be done one after the other. */
export type OutputEdit =
  /** Only the first `at` outputs are left. */
  | { what: "cut"; at: number }
  /** Output `at` is another one now. */
  | { what: "replaced"; at: number }
  /** The text of stream `at` lost its last `cut` UTF-16 units, no line's end among them, and got `text`. */
  | { what: "stream"; at: number; cut: number; text: string }
  /** Output `at` is new, and the last one. */
  | { what: "added"; at: number };

/** One output: of a stream the head without its text, and the text in parts. */
class Shown {
  #body: OutputBody | null = null;
  #text = "";
  #joined = 0;

  constructor(
    readonly head: OutputBody,
    readonly parts: string[],
    readonly isStream: boolean,
  ) {}

  get body(): OutputBody {
    if (!this.isStream) return this.head;
    // A new object for each text, the same one while it stays: who compares sees what changed.
    if (!this.#body || this.#joined < this.parts.length) {
      this.#text += this.parts.slice(this.#joined).join("");
      this.#joined = this.parts.length;
      this.#body = { ...this.head, text: this.#text };
    }
    return this.#body;
  }
}

/** The elements of one ordinal, in the order of the array. */
interface Elements {
  bodies: Map<object, OutputBody | string>;
  appended: (OutputBody | string)[];
  rewritten: boolean;
  shown: Shown | undefined;
}

const nothing = (): Elements => ({ bodies: new Map(), appended: [], rewritten: false, shown: undefined });

export class OutputList {
  readonly #elements = new Map<number, Elements>();
  readonly #ordinals: number[] = [];
  readonly #shown: Shown[] = [];
  #bodies: OutputBody[] | null = null;
  readonly #touched = new Set<number>();

  /** The outputs, streams whole. Not to be changed; another array after each change. */
  get bodies(): readonly OutputBody[] {
    this.#bodies ??= this.#shown.map(({ body }) => body);
    return this.#bodies;
  }

  get length(): number {
    return this.#shown.length;
  }

  /** Output `at`, without reading the others. */
  at(at: number): OutputBody | undefined {
    return this.#shown[at]?.body;
  }

  /** Whether there are elements, shown or not. */
  get isEmpty(): boolean {
    return this.#elements.size === 0;
  }

  /** Takes in an element, which is the last of the array; `slot` names it. */
  add(slot: object, ordinal: number, body: OutputBody | string): void {
    const elements = ensure(this.#elements, ordinal, nothing);
    elements.bodies.set(slot, body);
    elements.appended.push(body);
    this.#touched.add(ordinal);
  }

  remove(slot: object, ordinal: number): void {
    const elements = this.#elements.get(ordinal);
    if (!elements?.bodies.delete(slot)) return;
    elements.rewritten = true;
    this.#touched.add(ordinal);
  }

  /** Shows what has happened since the last call, and tells it. */
  settle(): OutputEdit[] {
    const edits: OutputEdit[] = [];
    const came: number[] = [];
    const went = new Set<number>();
    for (const ordinal of [...this.#touched].sort((a, b) => a - b)) {
      const elements = this.#elements.get(ordinal) as Elements;
      const was = elements.shown;
      const at = bisect(this.#ordinals, ordinal);
      const edit = settleOne(at, elements);
      if (was && !elements.shown) went.add(ordinal);
      else if (!was && elements.shown) came.push(ordinal);
      else if (edit) {
        edits.push(edit);
        this.#shown[at] = elements.shown as Shown;
      }
      if (elements.bodies.size === 0) this.#elements.delete(ordinal);
    }
    this.#touched.clear();
    if (edits.length > 0 || came.length > 0 || went.size > 0) this.#bodies = null;
    return this.#arrange(edits, came, went);
  }

  /** Puts into the list what came, and takes out what went. */
  #arrange(edits: OutputEdit[], came: number[], went: ReadonlySet<number>): OutputEdit[] {
    const before = this.#shown.length;
    const kept = Math.min(before, ...[...came, ...went].map((ordinal) => bisect(this.#ordinals, ordinal)));
    const left = this.#ordinals.splice(kept).filter((ordinal) => !went.has(ordinal));
    this.#shown.splice(kept);
    for (const ordinal of [...left, ...came].sort((a, b) => a - b)) {
      this.#ordinals.push(ordinal);
      this.#shown.push(this.#elements.get(ordinal)?.shown as Shown);
    }
    const told = kept < before ? [{ what: "cut", at: kept } as const] : [];
    const added = this.#shown.slice(kept).map((_, n) => ({ what: "added", at: kept + n }) as const);
    return [...told, ...edits.filter(({ at }) => at < kept), ...added];
  }
}

function settleOne(at: number, elements: Elements): OutputEdit | null {
  const { shown: was, appended, rewritten } = elements;
  elements.appended = [];
  elements.rewritten = false;
  const texts = appended.filter((body) => typeof body === "string");
  if (was && !rewritten && texts.length === appended.length) {
    if (!was.isStream || texts.length === 0) return null;
    was.parts.push(...texts);
    return { what: "stream", at, cut: 0, text: texts.join("") };
  }
  const now = show(elements.bodies.values());
  elements.shown = now;
  if (!was || !now) return null;
  const edit = difference(at, was, now);
  if (!edit) elements.shown = was;
  return edit;
}

/** The output that elements make: the last one that is whole, and the text behind it. */
function show(bodies: Iterable<OutputBody | string>): Shown | undefined {
  let head: OutputBody | undefined;
  let parts: string[] = [];
  let isStream = false;
  for (const body of bodies) {
    if (typeof body === "string") {
      if (isStream) parts.push(body);
    } else {
      isStream = isGrowing(body);
      head = isStream ? { ...body, text: "" } : body;
      parts = isStream ? [body.text as string] : [];
    }
  }
  return head && new Shown(head, parts, isStream);
}

function isGrowing(body: EncodedObject): boolean {
  return body.output_type === "stream" && typeof body.name === "string" && typeof body.text === "string";
}

function difference(at: number, was: Shown, now: Shown): OutputEdit | null {
  if (!was.isStream || !now.isStream || !sameEncoded(was.head, now.head)) {
    return sameEncoded(was.body, now.body) ? null : { what: "replaced", at };
  }
  let same = 0;
  while (same < was.parts.length && was.parts[same] === now.parts[same]) same++;
  const old = was.parts.slice(same).join("");
  const text = now.parts.slice(same).join("");
  if (old === text) return null;
  const kept = commonLength(old, text);
  if (old.indexOf("\n", kept) >= 0) return { what: "replaced", at };
  return { what: "stream", at, cut: old.length - kept, text: text.slice(kept) };
}

/** The length of the common beginning of two texts; no character is cut in two. */
export function commonLength(one: string, other: string): number {
  let kept = 0;
  if (other.startsWith(one)) kept = one.length;
  else while (kept < one.length && one.charCodeAt(kept) === other.charCodeAt(kept)) kept++;
  const last = one.charCodeAt(kept - 1);
  return last >= 0xd800 && last <= 0xdbff ? kept - 1 : kept;
}

/** Where in a sorted list a number is, or would be. */
function bisect(sorted: readonly number[], wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
