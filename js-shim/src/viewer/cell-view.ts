/** A cell of the notebook in the page: its prompt, source and outputs, or its Markdown; each follows the document by itself. */

import type { IRenderMime, RenderMimeRegistry } from "@jupyterlab/rendermime";
import { MimeModel } from "@jupyterlab/rendermime";
import { Widget } from "@lumino/widgets";
import { warn } from "../document/emitter";
import { commonLength } from "../document/outputs";
import { OutputList, OutputListArea } from "../models/output-list";
import type { OutputEdit } from "../models/source";
import type { Cell, CellFacts } from "./cells/cell";
import { cellName, elsewhereWords, promptOf } from "./words";

/** Typing in a Markdown cell renders it again at most so often. */
const RENDER_MS = 150;

export class CellView {
  readonly node = document.createElement("article");
  private readonly prompt = part("prompt");
  private readonly body = part("content");
  private readonly code = document.createElement("details");
  private readonly source = document.createTextNode("");
  private readonly outputs = document.createElement("details");
  private readonly views = part("views");
  private readonly note = document.createElement("p");
  private readonly text = part("markdown");
  private facts: CellFacts;
  private list: OutputList | undefined;
  private area: OutputListArea | undefined;
  private rendering: ReturnType<typeof setTimeout> | undefined;
  private rendered: Widget | undefined;
  private stop: () => void = () => undefined;

  constructor(
    readonly cell: Cell,
    private readonly renderMime: RenderMimeRegistry,
  ) {
    this.facts = cell.facts;
    this.node.className = "cell";
    this.node.dataset.cell = cell.id;
    this.note.className = "commdoc-words";
    fold(this.code, "Code", pre(this.source));
    fold(this.outputs, "Outputs", this.views, this.note);
    this.node.append(this.prompt, this.body);
  }

  /** Draws it; it is in the page now. */
  attach(): void {
    this.show(this.facts);
    this.follow();
  }

  dispose(): void {
    clearTimeout(this.rendering);
    this.end();
    this.draw(undefined);
    this.node.remove();
  }

  private changed(facts: CellFacts): void {
    const drawn = this.facts;
    const hidden = facts.outputsHidden !== this.facts.outputsHidden;
    if (hidden) this.outputs.open = !facts.outputsHidden;
    if (facts.sourceHidden !== this.facts.sourceHidden) this.code.open = !facts.sourceHidden;
    // What is trusted now is drawn as that, and the other way round.
    const anew = facts.trusted !== drawn.trusted || facts.kind !== drawn.kind;
    // Before its place is taken out of the page.
    if (anew) this.end();
    this.show(facts);
    if (anew) this.follow();
  }

  private show(facts: CellFacts): void {
    const first = this.node.dataset.kind === undefined;
    const before = this.facts;
    this.facts = facts;
    this.node.dataset.kind = facts.kind;
    this.node.dataset.running = String(facts.running);
    this.node.ariaLabel = cellName(facts);
    this.prompt.textContent = promptOf(facts);
    write(this.source, facts.source);
    this.note.textContent = elsewhereWords(facts.elsewhere);
    this.note.hidden = facts.elsewhere === 0;
    if (first) {
      this.code.open = !facts.sourceHidden;
      this.outputs.open = !facts.outputsHidden;
    }
    this.showFolds();
    if (facts.kind !== "markdown") {
      clearTimeout(this.rendering);
      this.draw(undefined);
    }
    const parts = facts.kind === "markdown" ? [this.text] : [this.code, this.outputs];
    if (first || facts.kind !== before.kind) this.body.replaceChildren(...parts);
    const same = facts.source === before.source && facts.attachments === before.attachments;
    if (facts.kind !== "markdown" || (!first && facts.kind === before.kind && same)) return;
    clearTimeout(this.rendering);
    this.rendering = setTimeout(() => this.render(), first ? 0 : RENDER_MS);
  }

  private showFolds(): void {
    const { kind, source, sourceHidden, outputsHidden, elsewhere } = this.facts;
    const some = elsewhere > 0 || (this.list?.length ?? 0) > 0;
    this.outputs.hidden = kind !== "code" || !some;
    this.code.hidden = source === "" && !sourceHidden;
    this.code.classList.toggle("plain", !sourceHidden);
    this.outputs.classList.toggle("plain", !outputsHidden);
  }

  /** Follows the outputs from the first one on. */
  private follow(): void {
    this.end();
    const changed = (facts: CellFacts) => this.changed(facts);
    if (this.facts.kind !== "code") {
      this.stop = this.cell.follow({ changed, outputs: () => undefined });
      return;
    }
    const list = new OutputList({ trusted: this.facts.trusted });
    const area = new OutputListArea(this.renderMime, list);
    this.list = list;
    this.area = area;
    Widget.attach(area, this.views);
    const outputs = (edits: readonly OutputEdit[]) => {
      for (const edit of edits) list.edit(edit);
      this.showFolds();
    };
    this.stop = this.cell.follow({ changed, outputs });
  }

  private end(): void {
    this.stop();
    if (this.area !== undefined) dispose(this.area);
    this.list?.dispose();
    this.area = this.list = undefined;
  }

  private async render(): Promise<void> {
    const { facts } = this;
    const drawn = await this.markdown(facts).catch((error: unknown) => {
      warn(`the Markdown of cell ${this.cell.id} could not be rendered`, error);
      return new Widget({ node: pre(document.createTextNode(facts.source)) });
    });
    if (facts.source !== this.facts.source || !this.text.isConnected) drawn.dispose();
    else this.draw(drawn);
  }

  private async markdown({ source, attachments }: CellFacts): Promise<Widget> {
    const markdownParser = withFiles(this.renderMime.markdownParser, attachments);
    const renderer = this.renderMime.clone({ markdownParser }).createRenderer("text/markdown");
    // Never trusted: JupyterLab, too, sanitises Markdown, and nothing of the kernel is in it.
    await renderer.renderModel(new MimeModel({ data: { "text/markdown": source }, trusted: false }));
    return renderer;
  }

  /** Shows this in place of the Markdown that is shown. */
  private draw(rendered: Widget | undefined): void {
    if (this.rendered !== undefined) dispose(this.rendered);
    this.rendered = rendered;
    if (rendered !== undefined) Widget.attach(rendered, this.text);
  }
}

/** Also when something else, a script of an output perhaps, has taken it out of the page: Lumino throws then. */
function dispose(widget: Widget): void {
  if (widget.isAttached && !widget.node.isConnected) {
    widget.processMessage(Widget.Msg.BeforeDetach);
    widget.node.remove();
    widget.processMessage(Widget.Msg.AfterDetach);
  }
  widget.dispose();
}

/** Markdown whose images travel in the cell: their addresses are replaced before a browser sees them and asks somebody. */
function withFiles(
  parser: IRenderMime.IMarkdownParser | null,
  attachments: CellFacts["attachments"],
): IRenderMime.IMarkdownParser {
  const image = /(<img\b[^>]*?\ssrc=["'])attachment:([^"']*)/g;
  return {
    async render(source) {
      const html = (await parser?.render(source)) ?? "";
      return html.replace(image, (_whole, before: string, name: string) => {
        const [file] = Object.entries(attachments[decoded(name)] ?? {});
        return file === undefined ? before : `${before}data:${file[0]};base64,${file[1]}`;
      });
    },
  };
}

/** A name may have a percent sign that begins no code. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Of a text that is edited only the middle is touched: a selection in it stays. */
function write(node: Text, text: string): void {
  const { data } = node;
  if (data === text) return;
  const from = commonLength(data, text);
  let end = 0;
  const most = Math.min(data.length, text.length) - from;
  while (end < most && data[data.length - 1 - end] === text[text.length - 1 - end]) end += 1;
  node.replaceData(from, data.length - end - from, text.slice(from, text.length - end));
}

function part(name: string): HTMLElement {
  const node = document.createElement("div");
  node.className = name;
  return node;
}

function pre(text: Text): HTMLElement {
  const node = document.createElement("pre");
  node.className = "source";
  const code = document.createElement("code");
  code.append(text);
  node.append(code);
  return node;
}

/** What its author has hidden can be opened; else nothing is seen of the fold. */
function fold(details: HTMLDetailsElement, name: string, ...parts: HTMLElement[]): void {
  details.className = "fold plain";
  const summary = document.createElement("summary");
  summary.textContent = name;
  details.append(summary, ...parts);
}
