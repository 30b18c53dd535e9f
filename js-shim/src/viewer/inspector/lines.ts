/**
 * The state of a comm as lines of a tree: what is open, which lines there are, which of them refer to what. No DOM. A branch's
 * lines are made when it is opened, its first 200 items; nothing here is a recursion, whatever a value's depth.
 */

import type { Comm, Encoded } from "../../document";
import { valuesOf } from "./facts";
import { isBranch, outputWords, preview, referenceIn, SHORT } from "./values";

/** Items of a branch that are shown at once; more when that is asked for. */
export const FIRST_ITEMS = 200;

/** An open branch. */
interface Branch {
  /** Those of its items that are open, too. */
  open: Map<string, Branch>;
  shown: number;
}

export interface Line {
  /** The branch that it is in, and its name there: what it is, however often lines are made. */
  parent: Branch;
  name: string;
  depth: number;
  kind: "value" | "more";
  value: Encoded;
  /** null: nothing to open. */
  isOpen: boolean | null;
  /** Its place among its siblings, 1 first, and how many there are. */
  place: number;
  siblings: number;
  /** Only of the first level: the key. */
  key: string | null;
  /** An item of an Output's outputs. */
  isOutput: boolean;
}

function branch(): Branch {
  return { open: new Map(), shown: FIRST_ITEMS };
}

export class Lines {
  private root = branch();
  private made: Line[] = [];

  get all(): readonly Line[] {
    return this.made;
  }

  /** Another comm: all is closed but the outputs. */
  begin(): void {
    this.root = branch();
    this.root.shown = Number.POSITIVE_INFINITY;
    this.root.open.set("outputs", branch());
    this.made = [];
  }

  /** Make the lines anew, of what the comm has now. */
  make(comm: Comm | undefined): void {
    this.made = [];
    if (comm === undefined) return;
    // What a model has for its own purposes last.
    const given = valuesOf(comm);
    const isOwn = ([name]: [string, Encoded]) => name.startsWith("_");
    const values = [...given.filter((one) => !isOwn(one)), ...given.filter(isOwn)];
    const siblings = values.length;
    // What waits is a stack: the next line is its last.
    const waiting: Line[] = [];
    for (const [at, [name, value]] of values.entries()) {
      const isOpen = isBranch(value) ? this.root.open.has(name) : null;
      const common = { parent: this.root, depth: 1, kind: "value", siblings, isOutput: false } as const;
      waiting.push({ ...common, name, value, isOpen, place: at + 1, key: name });
    }
    waiting.reverse();
    for (let line = waiting.pop(); line !== undefined; line = waiting.pop()) {
      this.made.push(line);
      if (line.kind === "value" && line.isOpen) {
        const isOutputs = line.key === "outputs" && comm.isOutputModel;
        waiting.push(...itemsOf(line, isOutputs).reverse());
      }
    }
  }

  indexOf(line: Line | null): number {
    if (line === null) return -1;
    return this.made.findIndex(({ parent, name }) => parent === line.parent && name === line.name);
  }

  /** Open or close a branch, or show more of it. `make` makes the lines. */
  toggle(line: Line, open = !line.isOpen): void {
    if (line.kind === "more") line.parent.shown += FIRST_ITEMS;
    else if (!open) line.parent.open.delete(line.name);
    else if (line.isOpen === false) line.parent.open.set(line.name, branch());
  }

  /** The line of the branch that a line is in. */
  parentOf(index: number): number {
    const line = this.made[index];
    if (line === undefined) return -1;
    let at = index;
    while (at >= 0 && (this.made[at] as Line).depth >= line.depth) at -= 1;
    return at;
  }
}

function itemsOf(line: Line, areOutputs: boolean): Line[] {
  const inside = line.parent.open.get(line.name);
  const value = line.value as Encoded[] | { [key: string]: Encoded };
  if (inside === undefined) return [];
  const names = Array.isArray(value) ? null : Object.keys(value);
  const siblings = names?.length ?? (value as Encoded[]).length;
  const shown = Math.min(siblings, inside.shown);
  const lines: Line[] = [];
  const common = { parent: inside, depth: line.depth + 1, key: null } as const;
  for (let at = 0; at < shown; at++) {
    const name = names?.[at] ?? String(at);
    const item = (value as { [key: string]: Encoded })[name] as Encoded;
    const isOpen = isBranch(item) ? inside.open.has(name) : null;
    lines.push({
      ...common,
      kind: "value",
      name,
      value: item,
      isOpen,
      place: at + 1,
      siblings,
      isOutput: areOutputs,
    });
  }
  if (shown < siblings) {
    const more = { kind: "more", name: "", value: siblings - shown, isOpen: null, isOutput: false } as const;
    lines.push({ ...common, ...more, place: shown + 1, siblings });
  }
  return lines;
}

/** What a line says behind its name. */
export function wordsOf(line: Line): string {
  if (line.kind === "more") return `${line.value} more`;
  return line.isOutput ? outputWords(line.value) : preview(line.value);
}

/** The text of which a line shows a part only. */
export function longText(line: Line): string | null {
  return typeof line.value === "string" && line.value.length > SHORT ? line.value : null;
}

/** The comm that a line refers to. */
export function referenceOf(line: Line): string | undefined {
  return line.kind === "value" ? referenceIn(line.value) : undefined;
}
