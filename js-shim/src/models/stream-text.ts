/**
 * Text of stdout and stderr, and tracebacks, as JupyterLab renders them (colours, links), but growing: what is written
 * is added at the end, and of what is there only the last line is touched. So 10,000 lines cost 10,000 additions, and a
 * selection, or a place that was scrolled to, stays.
 *
 * The text stands in blocks of some hundred lines. A block ends with a line's end, so that they look and copy as one text.
 */

import { type IRenderMime, RenderedText, renderText } from "@jupyterlab/rendermime";
import { AnsiState } from "./ansi";

/** What a block holds, about: with one line more the browser lays out a block, not all of the text. */
const BLOCK_LINES = 200;
const BLOCK_LENGTH = 20_000;

/** What JupyterLab makes links of has this in it, with at most so many characters of the link before it. */
const LINK = /:\/\/|www\.|data:/;
const LINK_START = 48;

export class StreamText extends RenderedText {
  declare private block: HTMLPreElement;
  /** Finished lines, and characters, in the block. */
  private lines = 0;
  private length = 0;
  /** The last line, as far as it was written. */
  private rest = "";
  /** The block's last node, when it is a text that ends with all of `rest`: more may be added to it. */
  private plain: Text | null = null;
  /** Else the node behind which `rest` stands. */
  private mark: Node | null = null;
  /** The colours that are on where `rest` begins. */
  private colours = new AnsiState();

  override async render(model: IRenderMime.IMimeModel): Promise<void> {
    this.node.replaceChildren();
    this.colours = new AnsiState();
    this.rest = "";
    this.openBlock();
    this.grow(0, String(model.data[this.mimeType]));
  }

  /** The text lost its last `cut` UTF-16 units, all of its last line, and got `text`. */
  grow(cut: number, text: string): void {
    let toCut = cut;
    for (const piece of pieces(text)) {
      this.write(toCut, piece);
      toCut = 0;
      if (this.lines >= BLOCK_LINES || (this.length >= BLOCK_LENGTH && this.lines > 0)) this.nextBlock();
    }
  }

  private write(cut: number, text: string): void {
    const kept = cut > 0 ? this.rest.slice(0, -cut) : this.rest;
    const end = text.lastIndexOf("\n") + 1;
    if (this.isPlain(kept.slice(-LINK_START) + text)) {
      this.writePlain(cut, text);
      this.rest = end > 0 ? text.slice(end) : kept + text;
    } else {
      this.dropRest();
      if (end > 0) this.finish(kept + text.slice(0, end));
      this.begin(end > 0 ? text.slice(end) : kept + text);
    }
    this.length += text.length - cut;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.lines += 1;
  }

  private isPlain(seen: string): boolean {
    const begins = this.plain !== null || this.rest === "";
    return begins && this.colours.codes === "" && !seen.includes("\x1b") && !LINK.test(seen);
  }

  private writePlain(cut: number, text: string): void {
    if (this.plain === null) {
      this.plain = document.createTextNode("");
      this.block.append(this.plain);
    }
    if (cut > 0) this.plain.deleteData(this.plain.length - cut, cut);
    this.plain.appendData(text);
  }

  /** Take the last line out, to write it anew. */
  private dropRest(): void {
    if (this.plain !== null) {
      this.plain.deleteData(this.plain.length - this.rest.length, this.rest.length);
      this.mark = this.plain;
      this.plain = null;
    } else if (this.rest !== "") {
      while (this.block.lastChild !== null && this.block.lastChild !== this.mark)
        this.block.lastChild.remove();
    } else this.mark = this.block.lastChild;
    this.rest = "";
  }

  private finish(lines: string): void {
    this.block.append(...this.rendered(lines));
    this.colours.feed(lines);
    this.mark = this.block.lastChild;
  }

  private begin(rest: string): void {
    const nodes = this.rendered(rest);
    this.block.append(...nodes);
    this.rest = rest;
    const [only] = nodes;
    if (nodes.length === 1 && only instanceof Text && only.data === rest && this.colours.codes === "")
      this.plain = only;
  }

  private rendered(text: string): Node[] {
    if (text === "") return [];
    const host = document.createElement("div");
    const { sanitizer, translator } = this;
    // Synchronous, though it returns a promise.
    void renderText({ host, sanitizer, translator, source: this.colours.codes + text });
    return [...(host.firstChild?.childNodes ?? [])];
  }

  private nextBlock(): void {
    const { rest } = this;
    this.dropRest();
    this.openBlock();
    this.begin(rest);
  }

  private openBlock(): void {
    this.block = document.createElement("pre");
    this.node.append(this.block);
    this.lines = 0;
    this.length = 0;
    this.plain = null;
    this.mark = null;
  }
}

/** A text in parts that fit into a block; all but the last end with a line's end. */
function* pieces(text: string): Generator<string> {
  let from = 0;
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    lines += 1;
    if (lines < BLOCK_LINES && at - from < BLOCK_LENGTH) continue;
    yield text.slice(from, at + 1);
    from = at + 1;
    lines = 0;
  }
  if (from === 0 || from < text.length) yield text.slice(from);
}
