/**
 * The outputs of one cell as they stand in the notebook's document, told as edits (`OutputEdit`): an output that did not
 * change is not told again, text that was written at a stream's end is told as that text.
 *
 * An output is a Y.Map, as JupyterLab and jupyter_ydoc write it (a stream's text in a Y.Text), or plain JSON. One that the
 * server keeps elsewhere, as jupyter-server-documents does, stands there with an address only: it is counted, not told.
 */

import * as Y from "yjs";
import { commonLength } from "../../document/outputs";
import { same } from "../../models/same";
import type { Output, OutputEdit } from "../../models/source";
import { overwritten } from "./overwritten";

/** An output that was told. */
interface Told {
  /** What the document has there. */
  source: unknown;
  output: Output;
}

export class CellOutputs {
  /** Outputs that the document only names. */
  elsewhere = 0;
  private told: Told[] = [];

  /** All outputs, for who begins to follow. */
  all(): OutputEdit[] {
    return this.told.map(({ output }, at) => ({ what: "added", at, output }));
  }

  /** What was told, as nbformat has it. */
  toJSON(): Output[] {
    return this.told.map(({ output }) => output);
  }

  /**
   * Reads what the document has now.
   *
   * @param list the cell's `outputs`
   * @param more outputs that stand behind these
   * @param isTouched whether something in an output has changed; of the others it is enough that they are the same object
   */
  read(list: unknown, more: readonly Output[], isTouched: (source: unknown) => boolean): OutputEdit[] {
    const all: unknown[] = list instanceof Y.Array ? list.toArray() : Array.isArray(list) ? list : [];
    const here = all.filter((source) => !isElsewhere(source));
    this.elsewhere = all.length - here.length;
    const edits = [...here, ...more].flatMap((source, at) => this.take(at, source, isTouched(source)));
    const length = here.length + more.length;
    if (this.told.length > length) {
      this.told.length = length;
      edits.push({ what: "cut", at: length });
    }
    return edits;
  }

  private take(at: number, source: unknown, touched: boolean): OutputEdit[] {
    const before = this.told[at];
    if (before !== undefined && before.source === source && !touched) return [];
    const output = outputOf(source);
    this.told[at] = { source, output };
    if (before === undefined) return [{ what: "added", at, output }];
    if (isStream(before.output) && isStream(output) && before.output.name === output.name) {
      const [was, is] = [before.output.text, output.text];
      const kept = commonLength(was, is);
      if (kept === was.length && kept === is.length) return [];
      if (!was.includes("\n", kept))
        return [{ what: "stream", at, cut: was.length - kept, text: is.slice(kept) }];
    } else if (same(before.output, output)) return [];
    return [{ what: "replaced", at, output }];
  }
}

/** What it shows is at the server, at an address that only who is logged in may ask. */
function isElsewhere(source: unknown): boolean {
  const get = (key: string) =>
    source instanceof Y.Map ? source.get(key) : (source as Record<string, unknown> | null)?.[key];
  const metadata = get("metadata");
  const url = metadata instanceof Y.Map ? metadata.get("url") : (metadata as { url?: unknown } | null)?.url;
  if (typeof url !== "string") return false;
  const text = get("text");
  const isEmpty = text === undefined || (text instanceof Y.Text ? text.length === 0 : text === "");
  return isEmpty && get("data") === undefined && get("traceback") === undefined;
}

function outputOf(source: unknown): Output {
  const output = (source instanceof Y.AbstractType ? source.toJSON() : source) as Output | null;
  if (typeof output !== "object" || output === null) {
    return { output_type: "stream", name: "stderr", text: "This output can't be read.\n" };
  }
  if (output.output_type !== "stream") return output;
  const text = Array.isArray(output.text) ? output.text.join("") : String(output.text ?? "");
  return { ...output, text: overwritten(text) };
}

function isStream(output: Output): output is Output & { text: string } {
  return output.output_type === "stream";
}
