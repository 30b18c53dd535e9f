/** One cell of the notebook's document, whatever writes it: JupyterLab, a server, an editor. */

import * as Y from "yjs";
import { same } from "../../models/same";
import type { Output, OutputEdit } from "../../models/source";
import { CellOutputs } from "./cell-outputs";

export type CellKind = "code" | "markdown" | "raw";

/** What a cell says of itself, beside its outputs. */
export interface CellFacts {
  kind: CellKind;
  source: string;
  executionCount: number | null;
  running: boolean;
  /** The server, or a front end, vouches for its outputs, as JupyterLab reads it. */
  trusted: boolean;
  /** Hidden by who wrote the notebook. */
  sourceHidden: boolean;
  outputsHidden: boolean;
  /** Outputs that are not in the document. */
  elsewhere: number;
  /** Files of a Markdown cell: name to MIME type to base64. */
  attachments: Record<string, Record<string, string>>;
}

export interface CellFollower {
  /** The facts are other ones. */
  changed(facts: CellFacts): void;
  outputs(edits: readonly OutputEdit[]): void;
}

export class Cell {
  private readonly followers = new Set<CellFollower>();
  private readonly outputs = new CellOutputs();
  private more: readonly Output[] = [];
  private known: CellFacts;

  /** @param id what names it in the page: its own id, made unique where a document has it twice */
  constructor(
    readonly id: string,
    public map: Y.Map<unknown>,
  ) {
    this.outputs.read(map.get("outputs"), [], () => true);
    this.known = this.read();
  }

  get facts(): CellFacts {
    return this.known;
  }

  toJSON(): Output[] {
    return this.outputs.toJSON();
  }

  /** Tells the outputs, as they are and then each edit, and what else changes. Returns what ends it. */
  follow(follower: CellFollower): () => void {
    this.followers.add(follower);
    follower.outputs(this.outputs.all());
    return () => this.followers.delete(follower);
  }

  /** The cell is this one of the document's now: it was moved (that is a new one with the old id), or the document is another. */
  became(map: Y.Map<unknown>): void {
    this.map = map;
    this.reread(() => true);
  }

  /** Something in it changed. */
  reread(isTouched: (source: unknown) => boolean): void {
    const edits = this.outputs.read(this.map.get("outputs"), this.more, isTouched);
    const before = this.known;
    this.known = this.read();
    // Trust comes first: nothing is drawn with trust that is gone. Who begins to follow meanwhile has the outputs already.
    const followers = [...this.followers];
    if (!same(before, this.known)) for (const follower of followers) follower.changed(this.known);
    if (edits.length === 0) return;
    for (const follower of followers) if (this.followers.has(follower)) follower.outputs(edits);
  }

  /** Outputs that stand behind the document's. */
  append(more: readonly Output[]): void {
    if (same(more, this.more)) return;
    this.more = more;
    this.reread(() => false);
  }

  private read(): CellFacts {
    const kind = this.map.get("cell_type");
    const count = this.map.get("execution_count");
    const metadata = plain(this.map.get("metadata"));
    const jupyter = plain(metadata.jupyter);
    return {
      kind: kind === "code" || kind === "markdown" ? kind : "raw",
      source: textOf(this.map.get("source")),
      executionCount: typeof count === "number" ? count : null,
      running: this.map.get("execution_state") === "running",
      trusted: metadata.trusted === true,
      sourceHidden: jupyter.source_hidden === true,
      outputsHidden: jupyter.outputs_hidden === true || metadata.collapsed === true,
      elsewhere: this.outputs.elsewhere,
      attachments: plain(this.map.get("attachments")) as CellFacts["attachments"],
    };
  }
}

function plain(value: unknown): Record<string, unknown> {
  const json = value instanceof Y.AbstractType ? value.toJSON() : value;
  return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.join("");
  return value === undefined || value === null ? "" : String(value);
}
