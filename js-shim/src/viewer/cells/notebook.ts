/**
 * The notebook in the room's document: `cells`, as jupyter_ydoc has them, read and followed, never written. No DOM.
 *
 * A cell stays the same object as long as its id is in the document: one that is moved is taken out and put in again by
 * those who edit, and a reload does that to many.
 */

import * as Y from "yjs";
import { type OnProblem, warn } from "../../document/emitter";
import { Cell } from "./cell";

export interface NotebookListener {
  /** Cells came, went or have another place: all of them in order, and those that are new or were moved. */
  order(cells: readonly Cell[], placed: ReadonlySet<Cell>): void;
  /** Something in a cell, or their order, is another; after all that a transaction did. */
  changed(): void;
}

export class Notebook {
  private list: Cell[] = [];
  private array: Y.Array<unknown>;
  private readonly listeners = new Set<NotebookListener>();

  /** @param onProblem told of what a change could not do to a cell or a listener; all else goes on */
  constructor(
    doc: Y.Doc,
    private readonly onProblem: OnProblem = warn,
  ) {
    this.array = this.begin(doc);
    this.order();
  }

  get cells(): readonly Cell[] {
    return this.list;
  }

  get doc(): Y.Doc {
    return this.array.doc as Y.Doc;
  }

  /** Tells the cells that there are, and then what becomes of them. Returns what ends it. */
  observe(listener: NotebookListener): () => void {
    this.listeners.add(listener);
    listener.order(this.list, new Set(this.list));
    return () => this.listeners.delete(listener);
  }

  /** Reads another document from now on. */
  attach(doc: Y.Doc): void {
    this.array.unobserveDeep(this.observer);
    this.array = this.begin(doc);
    this.order();
    for (const listener of this.listeners) listener.changed();
  }

  dispose(): void {
    this.array.unobserveDeep(this.observer);
    this.listeners.clear();
  }

  // What is thrown in here would leave `Y.applyUpdate`, and the room would be left for it.
  private readonly observer = (events: Y.YEvent<Y.AbstractType<unknown>>[]): void =>
    this.attempt(() => this.take(events));

  private attempt(what: () => void): void {
    try {
      what();
    } catch (error) {
      this.onProblem("the notebook could not follow a change", error);
    }
  }

  private take(events: Y.YEvent<Y.AbstractType<unknown>>[]): void {
    const touched = new Map<unknown, Set<unknown>>();
    let ordered = false;
    for (const { target } of events) {
      if ((target as unknown) === this.array) ordered = true;
      else {
        const way = wayTo(target, this.array);
        const there = touched.get(way[0]) ?? new Set();
        for (const each of way) there.add(each);
        touched.set(way[0], there);
      }
    }
    if (ordered) this.order();
    for (const cell of touched.size > 0 ? this.list : []) {
      const inIt = touched.get(cell.map);
      if (inIt !== undefined) this.attempt(() => cell.reread((source) => inIt.has(source)));
    }
    for (const listener of this.listeners) listener.changed();
  }

  private begin(doc: Y.Doc): Y.Array<unknown> {
    const array: Y.Array<unknown> = doc.getArray("cells");
    array.observeDeep(this.observer);
    return array;
  }

  /** Takes the cells in the document's order. */
  private order(): void {
    const known = new Map(this.list.map((cell) => [cell.id, cell]));
    const placed = new Set<Cell>();
    const ids = new Set<string>();
    this.list = this.array.toArray().flatMap((map) => {
      if (!(map instanceof Y.Map)) return [];
      const id = unique(String(map.get("id") ?? "cell"), ids);
      const cell = known.get(id);
      if (cell?.map === map) return [cell];
      if (cell === undefined) {
        const added = new Cell(id, map);
        placed.add(added);
        return [added];
      }
      this.attempt(() => cell.became(map));
      placed.add(cell);
      return [cell];
    });
    for (const listener of this.listeners) listener.order(this.list, placed);
  }
}

/** A document may have an id twice, for a moment or for good. */
function unique(id: string, taken: Set<string>): string {
  let name = id;
  for (let n = 2; taken.has(name); n++) name = `${id} (${n})`;
  taken.add(name);
  return name;
}

/** What stands between a type and the list of cells, the cell first. */
function wayTo(target: Y.AbstractType<unknown>, array: Y.Array<unknown>): unknown[] {
  const way: unknown[] = [];
  for (
    let type: Y.AbstractType<unknown> | null = target;
    type !== null && type !== (array as unknown);
    type = type.parent
  )
    way.unshift(type);
  return way;
}
