/** The list of comms, in `seq` order. */

import type { Comm } from "../../document";
import type { Inspected } from "./model";
import { type Row, type RowSource, RowWindow } from "./rows";
import { nameOf, rateWords, sizeWords, visible } from "./values";
import { byWords } from "./words";

const COLUMNS = [
  { name: "Seq", className: "seq number" },
  { name: "Model or target", className: "name" },
  { name: "Comm id", className: "id" },
  { name: "Keys", className: "keys number" },
  { name: "Size", className: "size number" },
  { name: "/s", className: "rate number" },
  { name: "Last changed by", className: "by" },
];

export class CommList implements RowSource {
  readonly window: RowWindow;
  private readonly model: Inspected;
  private readonly chosen: (commId: string) => void;
  private readonly copy: (commId: string) => void;
  private comms: Comm[] = [];
  private filter = "";
  private selected: string | null = null;

  constructor(
    box: HTMLElement,
    model: Inspected,
    chosen: (commId: string) => void,
    copy: (commId: string) => void,
  ) {
    this.model = model;
    this.chosen = chosen;
    this.copy = copy;
    this.window = new RowWindow(box, "inspector-comms", "grid", COLUMNS, this);
  }

  get count(): number {
    return this.comms.length;
  }

  get active(): number {
    return this.comms.findIndex(({ commId }) => commId === this.selected);
  }

  setFilter(text: string): void {
    this.filter = text;
    this.reread();
    this.window.box.scrollTop = 0;
  }

  /** Comms came or went. */
  reread(): void {
    this.comms = this.model.matching(this.filter);
  }

  select(commId: string | null): void {
    this.selected = commId;
    this.window.reveal(this.active);
    this.window.draw();
  }

  activate(index: number): void {
    const comm = this.comms[index];
    if (comm === undefined) return;
    this.select(comm.commId);
    this.chosen(comm.commId);
  }

  key({ key }: KeyboardEvent): boolean {
    if (key !== "c" || this.selected === null) return false;
    this.copy(this.selected);
    return true;
  }

  click(index: number, target: HTMLElement): void {
    const comm = this.comms[index];
    if (comm !== undefined && target.closest(".copy") !== null) this.copy(comm.commId);
  }

  write(row: Row, index: number): void {
    const comm = this.comms[index] as Comm;
    const { facts, rates, authors, peerId } = this.model;
    const { commId } = comm;
    const known = facts.of(commId);
    row.text(0, String(comm.seq));
    row.text(1, visible(nameOf(comm)));
    this.writeId(row.cells[2] as HTMLElement, commId);
    row.text(3, String(known?.keys.size ?? 0));
    row.text(4, sizeWords(known?.bytes ?? 0));
    row.text(5, rateWords(rates.of(commId)));
    row.text(6, this.model.tellsAuthors ? byWords(authors.newest(commId), peerId) : "not told");
    row.set("data-comm", commId);
  }

  private writeId(cell: HTMLElement, commId: string): void {
    if (cell.dataset.of === commId) return;
    cell.dataset.of = commId;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.tabIndex = -1;
    button.textContent = visible(commId.slice(0, 8));
    button.title = "Copy the comm id";
    button.setAttribute("aria-label", `Copy the comm id ${visible(commId.slice(0, 8))}`);
    cell.replaceChildren(button);
  }
}
