/** The blobs that the room's comms name: how large, of which kind, whether this window has them, and who names them. */

import type { NamedBlob } from "./facts";
import type { Inspected } from "./model";
import { type Row, type RowSource, RowWindow } from "./rows";
import { cut, nameOf, sizeWords, visible } from "./values";

const COLUMNS = [
  { name: "Hash", className: "hash" },
  { name: "Type", className: "type" },
  { name: "Size", className: "size number" },
  { name: "This window", className: "presence" },
  { name: "Named by", className: "names" },
];

/** Of the comms that name a blob, those that are spelled out. */
const MOST_NAMES = 3;

export class BlobList implements RowSource {
  readonly window: RowWindow;
  private readonly model: Inspected;
  private readonly chosen: (commId: string) => void;
  private blobs: NamedBlob[] = [];
  private selected: string | null = null;

  constructor(box: HTMLElement, model: Inspected, chosen: (commId: string) => void) {
    this.model = model;
    this.chosen = chosen;
    this.window = new RowWindow(box, "inspector-blobs", "grid", COLUMNS, this);
  }

  get count(): number {
    return this.blobs.length;
  }

  get active(): number {
    return this.blobs.findIndex(({ hash }) => hash === this.selected);
  }

  /** @param filter in a hash, or in the name of a comm or key that names it */
  reread(filter: string): void {
    const wanted = filter.trim().toLowerCase();
    const all = [...this.model.facts.blobs.values()];
    this.blobs =
      wanted === "" ? all : all.filter((blob) => this.words(blob).some((word) => has(word, wanted)));
  }

  activate(index: number): void {
    this.selected = this.blobs[index]?.hash ?? null;
    this.window.reveal(index);
    this.window.draw();
  }

  key({ key }: KeyboardEvent): boolean {
    const [commId] = this.blobs[this.active]?.names.keys() ?? [];
    if (key !== "Enter" || commId === undefined) return false;
    this.chosen(commId);
    return true;
  }

  click(index: number, target: HTMLElement): void {
    const [commId] = this.blobs[index]?.names.keys() ?? [];
    if (commId !== undefined && target.closest(".names") !== null) this.chosen(commId);
  }

  write(row: Row, index: number): void {
    const blob = this.blobs[index] as NamedBlob;
    row.text(0, visible(blob.hash.slice(0, 16)));
    row.text(1, visible(cut(String(blob.type), 20)));
    row.text(2, sizeWords(blob.size));
    row.text(3, this.model.presence(blob.hash));
    row.text(4, this.named(blob));
    row.set("data-blob", blob.hash);
  }

  private named({ names }: NamedBlob): string {
    const first = [...names].slice(0, MOST_NAMES).map(([commId, keys]) => {
      const comm = this.model.comms.get(commId);
      const name = comm === undefined ? commId.slice(0, 8) : nameOf(comm);
      return visible(`${cut(name, 40)}.${cut(keys.join(", "), 60)}`);
    });
    return names.size > MOST_NAMES
      ? `${first.join(" · ")} · ${names.size - MOST_NAMES} more`
      : first.join(" · ");
  }

  private words({ hash, names }: NamedBlob): string[] {
    return [
      hash,
      ...[...names].flatMap(([commId, keys]) => {
        const comm = this.model.comms.get(commId);
        return [commId, ...keys, comm === undefined ? "" : nameOf(comm)];
      }),
    ];
  }
}

function has(word: string, wanted: string): boolean {
  return word.toLowerCase().includes(wanted);
}
