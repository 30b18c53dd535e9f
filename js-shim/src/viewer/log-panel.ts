/** What callbacks printed where no cell shows it, and what failed in this page. */

/** Lines that are kept: a callback that prints on each move must not fill the page. */
const MAX_LINES = 500;

export type LogKind = "stdout" | "stderr" | "error";

export class LogPanel {
  private readonly box: HTMLDetailsElement;
  private readonly lines: HTMLElement;
  private total = 0;

  constructor(box: HTMLDetailsElement) {
    this.box = box;
    this.lines = box.querySelector("[role=log]") as HTMLElement;
  }

  add(kind: LogKind, text: string): void {
    const atEnd = this.lines.scrollTop + this.lines.clientHeight >= this.lines.scrollHeight - 8;
    for (const line of text.replace(/\n$/, "").split("\n")) this.addLine(kind, line);
    this.box.hidden = false;
    (this.box.querySelector("summary") as HTMLElement).textContent = `Log (${this.total})`;
    if (kind !== "stdout") this.box.open = true;
    if (atEnd) this.lines.scrollTop = this.lines.scrollHeight;
  }

  private addLine(kind: LogKind, text: string): void {
    this.total += 1;
    const element = document.createElement("pre");
    element.dataset.kind = kind;
    // Colours of terminals are for terminals.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what they begin with
    element.textContent = text.replace(/\x1b\[[0-9;]*m/g, "");
    this.lines.append(element);
    while (this.lines.childElementCount > MAX_LINES) this.lines.firstElementChild?.remove();
  }
}
