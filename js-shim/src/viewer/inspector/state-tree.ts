/** The state of the chosen comm as a tree: names and values, sizes, who changed each key last. */

import { type BlobSentinel, isBlobSentinel } from "../../document";
import { type Line, Lines, longText, referenceOf, wordsOf } from "./lines";
import type { Inspected } from "./model";
import { element, type Row, type RowSource, RowWindow } from "./rows";
import { agoWords, cut, kindOf, nameOf, sizeWords, visible } from "./values";
import { byWords } from "./words";

const COLUMNS = [
  { name: "Key and value", className: "value" },
  { name: "Size", className: "size number" },
  { name: "Changed by", className: "by" },
  { name: "When", className: "when" },
];

/** Deeper lines stand no further right. */
const MOST_INDENT = 12;

export interface TreeEvents {
  /** A reference to a comm was followed. */
  follow(commId: string): void;
  /** A long text is to be shown as a whole. */
  showText(name: string, text: string): void;
}

export class StateTree implements RowSource {
  readonly window: RowWindow;
  private readonly model: Inspected;
  private readonly events: TreeEvents;
  private readonly lines = new Lines();
  private readonly now: () => number;
  private commId: string | null = null;
  private current: Line | null = null;

  constructor(box: HTMLElement, model: Inspected, events: TreeEvents, now = () => performance.now()) {
    this.model = model;
    this.events = events;
    this.now = now;
    this.window = new RowWindow(box, "inspector-state", "treegrid", COLUMNS, this);
  }

  get count(): number {
    return this.lines.all.length;
  }

  get active(): number {
    return this.lines.indexOf(this.current);
  }

  show(commId: string | null): void {
    if (commId === this.commId) return;
    this.commId = commId;
    this.current = null;
    this.lines.begin();
    this.reread();
    this.window.box.scrollTop = 0;
    this.window.draw();
  }

  /** The comm has changed. */
  reread(): void {
    this.lines.make(this.commId === null ? undefined : this.model.comms.get(this.commId));
  }

  activate(index: number): void {
    this.current = this.lines.all[index] ?? null;
    this.window.reveal(index);
    this.window.draw();
  }

  key({ key }: KeyboardEvent): boolean {
    const line = this.current;
    if (line === null) {
      if (key === "ArrowRight" || key === "ArrowLeft") this.activate(0);
      return key === "ArrowRight" || key === "ArrowLeft";
    }
    const index = this.active;
    if (key === "ArrowRight") {
      if (this.currentLine(index)?.isOpen === false) this.toggle(index);
      else if (this.currentLine(index)?.isOpen) this.activate(index + 1);
    } else if (key === "ArrowLeft") {
      if (this.currentLine(index)?.isOpen) this.toggle(index);
      else if (this.lines.parentOf(index) >= 0) this.activate(this.lines.parentOf(index));
    } else if (key === "Enter" || key === " ") this.use(index);
    else return false;
    return true;
  }

  click(index: number, target: HTMLElement): void {
    if (target.closest(".twisty, .more, .link, .all") !== null) this.use(index);
  }

  write(row: Row, index: number): void {
    const line = this.lines.all[index] as Line;
    row.set("aria-level", String(line.depth));
    row.set("aria-posinset", String(line.place));
    row.set("aria-setsize", String(line.siblings));
    row.set("aria-expanded", line.isOpen === null ? null : String(line.isOpen));
    row.set("data-key", line.key);
    this.writeValue(row.cells[0] as HTMLElement, line);
    const { commId, key } = { commId: this.commId ?? "", key: line.key };
    const facts = key === null ? undefined : this.model.facts.of(commId)?.keys.get(key);
    row.text(1, facts === undefined ? "" : sizeWords(facts.bytes));
    const told = key !== null && this.model.tellsAuthors;
    const change = key === null ? undefined : this.model.authors.of(commId, key);
    row.text(2, told ? byWords(change, this.model.peerId) : "");
    row.text(3, told && change !== undefined ? agoWords(this.now() - change.at) : "");
  }

  private currentLine(index: number): Line | undefined {
    return this.lines.all[index];
  }

  private toggle(index: number): void {
    const line = this.lines.all[index];
    if (line === undefined) return;
    this.lines.toggle(line);
    this.reread();
    // What came in the place of "200 more" is the active one now.
    if (line.kind === "more") this.current = this.lines.all[index] ?? null;
    this.window.draw();
  }

  /** What Enter and a click do: open, follow, show. */
  private use(index: number): void {
    const line = this.lines.all[index];
    if (line === undefined) return;
    const reference = referenceOf(line);
    const text = longText(line);
    if (line.isOpen !== null || line.kind === "more") this.toggle(index);
    else if (reference !== undefined && this.model.comms.has(reference)) this.events.follow(reference);
    else if (text !== null) this.events.showText(line.name, text);
  }

  private writeValue(cell: HTMLElement, line: Line): void {
    const words = this.words(line);
    const kind = line.kind === "more" ? "more" : kindOf(line.value);
    const drawn = JSON.stringify([line.depth, line.name, line.isOpen, kind, words]);
    if (cell.dataset.drawn === drawn) return;
    cell.dataset.drawn = drawn;
    cell.style.paddingInlineStart = `${Math.min(line.depth - 1, MOST_INDENT) * 14 + 4}px`;
    const twisty = element("span", "twisty", { "aria-hidden": "true" });
    twisty.textContent = line.isOpen === null ? "" : line.isOpen ? "▾" : "▸";
    const name = element("bdi", "key");
    name.textContent = line.kind === "more" ? "" : `${visible(cut(line.name, 80))}: `;
    const value = element("bdi", `is-${kind}`);
    value.textContent = words;
    if (line.kind === "more") value.classList.add("more");
    const reference = referenceOf(line);
    if (reference !== undefined) value.classList.add(this.model.comms.has(reference) ? "link" : "broken");
    cell.replaceChildren(twisty, name, value);
    if (longText(line) !== null) {
      const all = element("span", "all");
      all.textContent = "show all";
      cell.append(all);
    }
  }

  private words(line: Line): string {
    const { value } = line;
    const reference = referenceOf(line);
    if (reference !== undefined) {
      const target = this.model.comms.get(reference);
      const to = target === undefined ? "not in the document" : nameOf(target);
      return `→ ${visible(cut(to, 60))} ${visible(cut(String(value), 60))}`;
    }
    const words = wordsOf(line);
    const isBlob = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isBlob || !isBlobSentinel(value)) return words;
    return `${words}, ${this.model.presence((value as BlobSentinel).$blob)}`;
  }
}
