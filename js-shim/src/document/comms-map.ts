/**
 * The comms map: the document's `comms` log read as a map, comm_id to comm in `seq` order, observable.
 *
 * On a transaction it takes what was deleted from the transaction's delete set and what is new by walking the array
 * from its last known element, so an update costs the same with 1 comm and with 5,000 (`event.changes.delta` would
 * walk all of them). Where that doesn't account for the array's length (a foreign peer wrote in the middle) the whole
 * log is read again. An element whose comm isn't open yet is kept and takes effect when it opens. No DOM, no I/O:
 * blobs stay sentinels here.
 */

import * as Y from "yjs";
import {
  type BlobSentinel,
  type Element,
  type Encoded,
  type KernelBody,
  OUTPUTS,
  parseElement,
  ROOT,
  SCHEMA_VERSION,
  type ViewBody,
} from "./elements";
import { ensure } from "./ensure";
import { type Change, type Comm, type CommJson, Entry, type Moment } from "./entry";
import { forEachBlob } from "./values";

/** A displayed view. */
export interface View extends ViewBody {
  comm_id: string;
}

export interface CommsMapOptions {
  /** Told of elements that can't be read and of listeners that throw. Default: `console.warn`. */
  onProblem?: (problem: string, error?: unknown) => void;
}

/** The document says that it needs a newer reader. */
export class SchemaError extends Error {
  override name = "SchemaError";
}

/** One live element of the array. */
interface Row {
  element: Element | null;
  blobs: BlobSentinel[];
}

/** What a comm was before a transaction. */
interface Before extends Moment {
  views: boolean;
}

export class CommsMap implements Iterable<[string, Comm]> {
  /** Hash to the number of times that live elements name the blob. */
  readonly blobs: ReadonlyMap<string, number>;
  /** Set while the document needs a newer reader; the map is empty then. */
  schemaError: SchemaError | null = null;

  #doc: Y.Doc;
  #array: Y.Array<unknown>;
  #tail: Y.ID | null = null;
  #live = 0;
  readonly #rows = new Map<number, Map<number, Row>>();
  readonly #entries = new Map<string, Entry>();
  readonly #kernelRows = new Set<Row>();
  readonly #viewRows = new Set<Row>();
  readonly #blobs = new Map<string, number>();
  #sorted: Entry[] | null = null;
  readonly #before = new Map<string, Before>();
  readonly #changedKernels = new Set<string>();
  readonly #listeners = new Set<(changes: Change[]) => void>();
  readonly #onProblem: (problem: string, error?: unknown) => void;

  constructor(doc: Y.Doc, options: CommsMapOptions = {}) {
    this.#onProblem =
      options.onProblem ?? ((problem, error) => console.warn(`commdoc: ${problem}`, error ?? ""));
    this.blobs = this.#blobs;
    this.#doc = doc;
    this.#array = doc.getArray(ROOT);
    this.#array.observe(this.#observer);
    this.#reread();
    this.#finish();
  }

  /** The document that is read. */
  get doc(): Y.Doc {
    return this.#doc;
  }

  get size(): number {
    return this.#inOrder().length;
  }

  has(commId: string): boolean {
    return this.get(commId) !== undefined;
  }

  get(commId: string): Comm | undefined {
    if (this.schemaError) return undefined;
    const entry = this.#entries.get(commId);
    return entry?.open ? entry : undefined;
  }

  *keys(): IterableIterator<string> {
    for (const entry of this.#inOrder()) yield entry.commId;
  }

  *values(): IterableIterator<Comm> {
    yield* this.#inOrder();
  }

  *entries(): IterableIterator<[string, Comm]> {
    for (const entry of this.#inOrder()) yield [entry.commId, entry];
  }

  [Symbol.iterator](): IterableIterator<[string, Comm]> {
    return this.entries();
  }

  /** kernel_id to what the document says of the kernel. */
  get kernels(): ReadonlyMap<string, KernelBody> {
    const kernels = new Map<string, KernelBody>();
    for (const { element } of this.schemaError ? [] : this.#kernelRows) {
      if (element?.[0] === "k") kernels.set(element[2].kernel.kernel_id, element[2]);
    }
    return kernels;
  }

  /** The displayed views of open comms, oldest first. */
  get views(): View[] {
    const views: View[] = [];
    for (const { element } of this.#viewRows) {
      if (element?.[0] === "v" && this.has(element[1])) views.push({ comm_id: element[1], ...element[2] });
    }
    return views;
  }

  /** The plain nested map, values encoded, in `seq` order. */
  toJSON(): Record<string, CommJson> {
    return Object.fromEntries(this.#inOrder().map((entry) => [entry.commId, entry.toJSON()]));
  }

  /**
   * Calls `listener` after each transaction that changed something, with everything that it changed.
   *
   * @returns ends it
   */
  observe(listener: (changes: Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads another document from now on; listeners are told the difference. */
  attach(doc: Y.Doc): void {
    this.#array.unobserve(this.#observer);
    this.#doc = doc;
    this.#array = doc.getArray(ROOT);
    this.#array.observe(this.#observer);
    this.#reread();
    this.#notify(this.#finish());
  }

  /** Stops observing the document. What was read stays. */
  destroy(): void {
    this.#array.unobserve(this.#observer);
    this.#listeners.clear();
  }

  readonly #observer = (_event: unknown, transaction: Y.Transaction): void => {
    try {
      this.#takeDeleted(transaction.deleteSet);
      this.#takeNew();
      if (this.#live !== this.#array.length) this.#reread();
      this.#notify(this.#finish());
    } catch (error) {
      this.#onProblem("the comms map could not follow a transaction", error);
    }
  };

  #takeDeleted(deleteSet: Y.Transaction["deleteSet"]): void {
    for (const [client, ranges] of deleteSet.clients) {
      const rows = this.#rows.get(client);
      if (!rows) continue;
      for (const { clock, len } of ranges) {
        // A late joiner gets the tombstones of a long life as one range.
        if (len > rows.size) {
          for (const at of [...rows.keys()]) if (at >= clock && at < clock + len) this.#remove(rows, at);
        } else {
          for (let at = clock; at < clock + len; at++) this.#remove(rows, at);
        }
      }
    }
  }

  #takeNew(): void {
    const tail = this.#tail;
    let item: Y.Item | null = tail ? Y.getItem(this.#doc.store, tail) : this.#array._start;
    let from = tail && item ? tail.clock + 1 - item.id.clock : 0;
    for (; item; item = item.right, from = 0) {
      const { client, clock } = item.id;
      if (!item.deleted && item.countable) {
        const content = item.content.getContent();
        for (let at = from; at < content.length; at++) this.#add(client, clock + at, content[at]);
      }
      this.#tail = Y.createID(client, clock + item.length - 1);
    }
  }

  #reread(): void {
    for (const rows of this.#rows.values()) for (const at of [...rows.keys()]) this.#remove(rows, at);
    this.#tail = null;
    this.#takeNew();
  }

  #add(client: number, clock: number, content: unknown): void {
    const element = parseElement(content);
    if (typeof element === "string") this.#onProblem(element);
    const row: Row = { element: typeof element === "string" ? null : element, blobs: [] };
    ensure(this.#rows, client, () => new Map()).set(clock, row);
    this.#live++;
    if (!row.element) return;
    if ((content as string).includes('"$blob"')) {
      forEachBlob(row.element[2] as unknown as Encoded, (blob) => row.blobs.push(blob));
      for (const blob of row.blobs) this.#blobs.set(blob.$blob, (this.#blobs.get(blob.$blob) ?? 0) + 1);
    }
    this.#apply(row, row.element, true);
  }

  #remove(rows: Map<number, Row>, clock: number): void {
    const row = rows.get(clock);
    if (!row) return;
    rows.delete(clock);
    this.#live--;
    for (const blob of row.blobs) {
      const count = (this.#blobs.get(blob.$blob) ?? 1) - 1;
      if (count === 0) this.#blobs.delete(blob.$blob);
      else this.#blobs.set(blob.$blob, count);
    }
    if (row.element) this.#apply(row, row.element, false);
  }

  #apply(row: Row, element: Element, add: boolean): void {
    const [kind, commId, body] = element;
    if (kind === "k") {
      if (add) this.#kernelRows.add(row);
      else this.#kernelRows.delete(row);
      this.#changedKernels.add(body.kernel?.kernel_id ?? "");
      return;
    }
    const entry = ensure(this.#entries, commId, () => new Entry(commId));
    const { open, update } = entry;
    const before = ensure(this.#before, commId, () => ({ open, update, views: false }));
    if (kind === "o") entry.opens = changed(entry.opens, body, add);
    else if (kind === "u") entry.updates = changed(entry.updates, body, add);
    else if (kind === "out") {
      if (add) entry.list.add(row, element[3], element[2]);
      else entry.list.remove(row, element[3]);
      return;
    } else {
      before.views = true;
      if (add) this.#viewRows.add(row);
      else this.#viewRows.delete(row);
    }
    entry.invalidate();
  }

  /** Ends a transaction: returns what it changed. */
  #finish(): Change[] {
    const changes: Change[] = [...this.#changedKernels].map((commId) => ({
      kind: "kernel",
      commId,
      keys: [],
    }));
    this.#changedKernels.clear();
    for (const [commId, before] of this.#before) {
      const entry = this.#entries.get(commId);
      if (!entry) continue;
      if (before.open !== entry.open) this.#sorted = null;
      const outputs = entry.settleOutputs();
      const told = entry.changesSince(before);
      changes.push(...told);
      if (outputs.length > 0 && entry.open && !told.some(({ kind }) => kind === "opened"))
        changes.push({ kind: "outputs", commId, keys: [OUTPUTS], outputs });
      if (before.views && entry.open) changes.push({ kind: "views", commId, keys: [] });
      if (entry.isEmpty) this.#entries.delete(commId);
    }
    this.#before.clear();
    return this.#checkSchema(changes);
  }

  /** Shows nothing of a document that needs a newer reader. */
  #checkSchema(changes: Change[]): Change[] {
    let needed = 0;
    for (const { element } of this.#kernelRows) {
      if (element?.[0] === "k") needed = Math.max(needed, element[2].schema_version);
    }
    const was = this.schemaError;
    if (needed <= SCHEMA_VERSION && !was) return changes;
    this.#sorted = null;
    if (needed <= SCHEMA_VERSION) {
      this.schemaError = null;
      return this.#inOrder().map(({ commId, keys }) => ({
        kind: "opened",
        commId,
        keys,
      }));
    }
    const text = `the document has schema version ${needed}, this window reads up to ${SCHEMA_VERSION}: update commdoc`;
    this.schemaError = new SchemaError(text);
    if (was) return [];
    const closed = [...this.#entries.keys()].map((commId): Change => ({ kind: "closed", commId, keys: [] }));
    return [...closed, { kind: "refused", commId: "", keys: [] }];
  }

  #notify(changes: Change[]): void {
    if (changes.length === 0) return;
    for (const listener of [...this.#listeners]) {
      try {
        listener(changes);
      } catch (error) {
        this.#onProblem(
          `a listener of the comms map threw at ${changes[0]?.kind} of ${changes[0]?.commId}`,
          error,
        );
      }
    }
  }

  #inOrder(): Entry[] {
    if (this.schemaError) return [];
    this.#sorted ??= [...this.#entries.values()].filter(({ open }) => open).sort(bySeq);
    return this.#sorted;
  }
}

/** By seq; of two epochs, by id. */
function bySeq(a: Entry, b: Entry): number {
  return a.seq - b.seq || compareText(a.commId, b.commId);
}

/** By code points, as Python compares; `<` would compare UTF-16 units. */
function compareText(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let n = 0; n < left.length && n < right.length; n++) {
    const difference = (left[n]?.codePointAt(0) ?? 0) - (right[n]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** A copy of `list` with `item` appended or taken out. Lists have one element but for the length of a transaction. */
function changed<T>(list: readonly T[], item: T, add: boolean): T[] {
  return add ? [...list, item] : list.filter((other) => other !== item);
}
