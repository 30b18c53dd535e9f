/**
 * What callbacks printed where no cell shows it, and what failed in this page. Screen readers read it when they are led there;
 * by itself only an error is said, and of many the last: a callback that prints on each move would drown all else.
 */

/** Lines that are kept: a callback that prints on each move must not fill the page. */
const MAX_LINES = 500;

/** How long errors are gathered of which one is said. */
const SAY_MS = 1000;

export type LogKind = "stdout" | "stderr" | "error";

export class LogPanel {
  private readonly box: HTMLDetailsElement;
  private readonly lines: HTMLElement;
  private total = 0;
  private saying: ReturnType<typeof setTimeout> | undefined;
  private last = "";

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
    if (kind === "error") this.say(text);
    if (atEnd) this.lines.scrollTop = this.lines.scrollHeight;
  }

  private say(text: string): void {
    this.last = text;
    this.saying ??= setTimeout(() => {
      this.saying = undefined;
      const news = this.box.ownerDocument.getElementById("news");
      if (news !== null) news.textContent = this.last;
    }, SAY_MS);
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
