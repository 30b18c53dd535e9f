/** What is said of the chosen comm above its state, and a text of it as a whole below. */

import type { Comm } from "../../document";
import type { Inspected } from "./model";
import { element } from "./rows";
import { StateTree } from "./state-tree";
import { count, cut, nameOf, rateWords, sizeWords, visible } from "./values";

/** Characters of a long text that are shown at once. */
const PIECE = 100_000;

export interface DetailsEvents {
  follow(commId: string): void;
  copy(commId: string): void;
}

export class Details {
  readonly tree: StateTree;
  private readonly box: HTMLElement;
  private readonly model: Inspected;
  private readonly name: HTMLElement;
  private readonly id: HTMLElement;
  private readonly facts: HTMLElement;
  private readonly text: HTMLElement;
  private commId: string | null = null;

  constructor(box: HTMLElement, model: Inspected, events: DetailsEvents) {
    this.box = box;
    this.model = model;
    this.name = element("h3", "", { id: "inspector-comm" });
    this.id = element("button", "copy", { type: "button" });
    this.id.addEventListener("click", () => this.commId !== null && events.copy(this.commId));
    this.facts = element("p", "facts-of-comm");
    const head = element("div", "of-comm");
    head.append(this.name, this.id, this.facts);
    const grid = element("div", "grid", { "aria-labelledby": "inspector-comm" });
    this.text = element("section", "whole-text", { "aria-label": "The whole text" });
    this.text.hidden = true;
    box.replaceChildren(head, grid, this.text);
    this.tree = new StateTree(grid, model, {
      follow: events.follow,
      showText: (name, text) => this.showText(name, text),
    });
    this.show(null);
  }

  show(commId: string | null): void {
    if (commId !== this.commId) this.hideText();
    this.commId = commId;
    this.box.dataset.comm = commId ?? "";
    this.tree.show(commId);
    this.draw();
  }

  /** The comm has changed, or has gone. */
  reread(): void {
    this.tree.reread();
  }

  draw(): void {
    const comm = this.commId === null ? undefined : this.model.comms.get(this.commId);
    write(this.name, comm === undefined ? this.absent() : visible(cut(nameOf(comm), 80)));
    for (const its of [this.id, this.facts]) {
      if (its.hidden !== (comm === undefined)) its.hidden = comm === undefined;
    }
    if (comm !== undefined) {
      write(this.id, visible(cut(comm.commId, 60)));
      this.id.setAttribute("aria-label", `Copy the comm id ${visible(cut(comm.commId, 60))}`);
      write(this.facts, this.words(comm));
    }
    this.tree.window.draw();
  }

  /** @returns whether there was one */
  hideText(): boolean {
    const was = !this.text.hidden;
    this.text.hidden = true;
    this.text.replaceChildren();
    return was;
  }

  private absent(): string {
    return this.commId === null ? "Choose a comm" : "This comm is closed";
  }

  private words(comm: Comm): string {
    const facts = this.model.facts.of(comm.commId);
    const rate = rateWords(this.model.rates.of(comm.commId));
    const module = [comm.modelModule, comm.modelModuleVersion].filter((word) => word !== undefined).join(" ");
    const has = comm.hasState ? count(facts?.keys.size ?? 0, "key") : "no state: its open data";
    return visible(
      [
        `seq ${comm.seq}`,
        `target ${cut(comm.targetName, 60)}`,
        ...(module === "" ? [] : [cut(module, 80)]),
        `epoch ${cut(comm.epoch, 60)}`,
        has,
        sizeWords(facts?.bytes ?? 0),
        ...(rate === "" ? [] : [`${rate} updates/s`]),
      ].join(" · "),
    );
  }

  private showText(name: string, text: string): void {
    const heading = element("h4");
    heading.textContent = `${visible(cut(name, 80))}, ${count(text.length, "character")}`;
    const close = element("button", "", { type: "button" });
    close.textContent = "Close the text";
    close.addEventListener("click", () => {
      this.hideText();
      this.tree.window.box.focus();
    });
    const whole = element("pre", "", { tabindex: "0", dir: "auto", "aria-label": "The text" });
    const more = element("button", "", { type: "button" });
    let shown = 0;
    const showMore = () => {
      whole.append(visibleLines(text.slice(shown, shown + PIECE)));
      shown += PIECE;
      more.hidden = shown >= text.length;
      more.textContent = `${count(text.length - shown, "more character")}`;
    };
    more.addEventListener("click", showMore);
    showMore();
    this.text.replaceChildren(heading, close, whole, more);
    this.text.hidden = false;
    whole.focus();
  }
}

/** Line breaks and tabs as they are. */
function visibleLines(text: string): string {
  return text
    .split(/([\n\t])/)
    .map((part) => (part === "\n" || part === "\t" ? part : visible(part)))
    .join("");
}

function write(its: HTMLElement, text: string): void {
  if (its.textContent !== text) its.textContent = text;
}
