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
  type Element,
  type Encoded,
  type KernelBody,
  OUTPUTS,
  parseElement,
  ROOT,
  SCHEMA_VERSION,
  type ViewBody,
} from "./elements";
import { Emitter, type OnProblem, warn } from "./emitter";
import { ensure } from "./ensure";
import { type Change, type Comm, type CommJson, Entry, type Moment } from "./entry";
import { commonLength } from "./outputs";
import { forEachBlob } from "./values";

/** A displayed view. */
export interface View extends ViewBody {
  comm_id: string;
}

export interface CommsMapOptions {
  /** Told of elements that can't be read and of listeners that throw. Default: `console.warn`. */
  onProblem?: OnProblem;
}

/** The document says that it needs a newer reader. */
export class SchemaError extends Error {
  override name = "SchemaError";
}

/** One live element of the array. */
interface Row {
  element: Element | null;
  /** The hashes of its blobs. */
  blobs: string[];
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

  #array!: Y.Array<unknown>;
  #tail: Y.ID | null = null;
  #live = 0;
  readonly #rows = new Map<number, Map<number, Row>>();
  readonly #entries = new Map<string, Entry>();
  readonly #kernels = new Map<Row, KernelBody>();
  readonly #views = new Map<Row, View>();
  readonly #blobs = new Map<string, number>();
  #sorted: Entry[] | null = null;
  readonly #before = new Map<string, Before>();
  readonly #changedKernels = new Set<string>();
  readonly #events: Emitter<{ change: Change[] }>;
  readonly #onProblem: OnProblem;

  constructor(doc: Y.Doc, options: CommsMapOptions = {}) {
    this.#onProblem = options.onProblem ?? warn;
    this.#events = new Emitter(this.#onProblem);
    this.blobs = this.#blobs;
    this.#follow(doc);
  }

  /** The document that is read. */
  get doc(): Y.Doc {
    return this.#array.doc as Y.Doc;
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
    if (this.schemaError) return kernels;
    for (const body of this.#kernels.values()) kernels.set(body.kernel.kernel_id, body);
    return kernels;
  }

  /** The displayed views of open comms, oldest first. */
  get views(): View[] {
    return [...this.#views.values()].filter((view) => this.has(view.comm_id));
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
    return this.#events.on("change", listener);
  }

  /** Reads another document from now on; listeners are told the difference. */
  attach(doc: Y.Doc): void {
    this.#array.unobserve(this.#observer);
    this.#notify(this.#follow(doc));
  }

  /** Stops observing the document. What was read stays. */
  destroy(): void {
    this.#array.unobserve(this.#observer);
    this.#events.clear();
  }

  #follow(doc: Y.Doc): Change[] {
    this.#array = doc.getArray(ROOT);
    this.#array.observe(this.#observer);
    this.#reread();
    return this.#finish();
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
    let item: Y.Item | null = tail ? Y.getItem(this.doc.store, tail) : this.#array._start;
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
    const row: Row = { element: parseElement(content, this.#onProblem), blobs: [] };
    ensure(this.#rows, client, () => new Map()).set(clock, row);
    this.#live++;
    if (!row.element) return;
    if ((content as string).includes('"$blob"')) {
      forEachBlob(row.element[2] as unknown as Encoded, ({ $blob }) => row.blobs.push($blob));
    }
    this.#apply(row, row.element, true);
  }

  #remove(rows: Map<number, Row>, clock: number): void {
    const row = rows.get(clock);
    if (!row) return;
    rows.delete(clock);
    this.#live--;
    if (row.element) this.#apply(row, row.element, false);
  }

  #apply(row: Row, element: Element, add: boolean): void {
    const [kind, commId, body] = element;
    for (const hash of row.blobs) {
      const count = (this.#blobs.get(hash) ?? 0) + (add ? 1 : -1);
      if (count > 0) this.#blobs.set(hash, count);
      else this.#blobs.delete(hash);
    }
    if (kind === "k") {
      if (add) this.#kernels.set(row, body);
      else this.#kernels.delete(row);
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
      if (add) this.#views.set(row, { comm_id: commId, ...body });
      else this.#views.delete(row);
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
    const needed = Math.max(0, ...[...this.#kernels.values()].map((body) => body.schema_version));
    const was = this.schemaError;
    if (needed > SCHEMA_VERSION) {
      const text = `the document has schema version ${needed}, this window reads up to ${SCHEMA_VERSION}: update commdoc`;
      this.schemaError = new SchemaError(text);
      if (was) return [];
      const closed = [...this.#entries.keys()].map(
        (commId): Change => ({ kind: "closed", commId, keys: [] }),
      );
      return [...closed, { kind: "refused", commId: "", keys: [] }];
    }
    if (!was) return changes;
    this.schemaError = null;
    return this.#inOrder().map(({ commId, keys }) => ({ kind: "opened", commId, keys }));
  }

  #notify(changes: Change[]): void {
    if (changes.length > 0) this.#events.emit("change", changes);
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
  const at = commonLength(a, b);
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1);
}

/** A copy of `list` with `item` appended or taken out. Lists have one element but for the length of a transaction. */
function changed<T>(list: readonly T[], item: T, add: boolean): T[] {
  return add ? [...list, item] : list.filter((other) => other !== item);
}
