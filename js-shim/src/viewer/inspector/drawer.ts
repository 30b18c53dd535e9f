/**
 * The drawer: its parts, how they follow each other, and when they are drawn. What the document does is only noted; it is
 * drawn at most every `DRAW_MS`, and of it what can be seen, so that no flood of updates costs more than that.
 */

import { BlobList } from "./blob-list";
import { CommList } from "./comm-list";
import { Details } from "./details";
import { movable } from "./edge";
import { Inspected } from "./model";
import { element, setAttribute } from "./rows";
import type { Tap } from "./tap";
import { count, rateWords, sizeWords } from "./values";

/** A person reads no faster. */
const DRAW_MS = 250;

/** What is shown of the time goes on without anything happening. */
const IDLE_MS = 1000;

type Tab = "comms" | "blobs";

export class Drawer {
  private readonly place: HTMLElement;
  private readonly closed: () => void;
  private readonly model: Inspected;
  private readonly filter = element("input", "", {
    type: "search",
    "aria-label": "Filter by name, comm id or key",
    placeholder: "Name, id or key",
    spellcheck: "false",
    autocomplete: "off",
  }) as HTMLInputElement;
  private readonly totals = element("p", "totals");
  private readonly said = element("p", "said", { role: "status" });
  private readonly tabs: Record<Tab, HTMLElement>;
  private readonly panes: Record<Tab, HTMLElement>;
  private readonly comms: CommList;
  private readonly blobs: BlobList;
  private readonly details: Details;
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly onResize = () => this.draw();
  private tab: Tab = "comms";
  private commId: string | null = null;
  private touched = new Set<string>();
  private dirty = true;
  private comesAndGoes = true;
  private drawnAt = 0;

  /** @param closed told when it was closed from inside */
  constructor(place: HTMLElement, tap: Tap, closed: () => void) {
    this.place = place;
    this.closed = closed;
    this.model = new Inspected(tap, (commIds) => this.note(commIds));
    const comms = element("div", "grid", { "aria-label": "Comms" });
    const blobs = element("div", "grid", { "aria-label": "Blobs" });
    const details = element("div", "details");
    const choose = (commId: string) => this.choose(commId);
    const copy = (commId: string) => this.copy(commId);
    this.comms = new CommList(comms, this.model, (commId) => this.choose(commId, false), copy);
    this.blobs = new BlobList(blobs, this.model, choose);
    this.details = new Details(details, this.model, { follow: choose, copy });
    const both = element("div", "panes");
    both.append(comms, details);
    this.panes = { comms: both, blobs };
    this.tabs = { comms: this.makeTab("comms", "Comms"), blobs: this.makeTab("blobs", "Blobs") };
    this.build();
    this.timer = setInterval(() => this.tick(), DRAW_MS);
    window.addEventListener("resize", this.onResize);
    this.filter.addEventListener("input", () => this.filtered());
    place.addEventListener("keydown", this.onKey);
    this.show("comms");
    comms.focus();
  }

  /** Ends everything; the drawer is empty then. */
  stop(): void {
    clearInterval(this.timer);
    window.removeEventListener("resize", this.onResize);
    this.place.removeEventListener("keydown", this.onKey);
    this.model.stop();
    // An edge that is taken away while it is dragged doesn't hear that the pointer was let go.
    delete document.body.dataset.moving;
    this.place.replaceChildren();
    this.place.hidden = true;
  }

  private build(): void {
    const edge = element("div", "edge", {
      role: "separator",
      tabindex: "0",
      "aria-orientation": "horizontal",
      "aria-label": "Height of the inspector",
      "aria-controls": this.place.id,
    });
    const heading = element("h2", "", { id: "inspector-heading" });
    heading.textContent = "Inspector";
    const close = element("button", "close", { type: "button", "aria-label": "Close the inspector" });
    close.textContent = "✕";
    close.addEventListener("click", () => this.closed());
    const tabs = element("div", "tabs");
    tabs.append(this.tabs.comms, this.tabs.blobs);
    const bar = element("div", "top");
    bar.append(heading, tabs, this.filter, this.totals, this.said, close);
    this.place.replaceChildren(edge, bar, this.panes.comms, this.panes.blobs);
    this.place.hidden = false;
    movable(edge, this.place, () => this.drawIfReady());
  }

  private makeTab(tab: Tab, name: string): HTMLElement {
    const button = element("button", "", { type: "button" });
    button.textContent = name;
    button.addEventListener("click", () => this.show(tab));
    return button;
  }

  private show(tab: Tab): void {
    this.tab = tab;
    for (const name of ["comms", "blobs"] as const) {
      this.tabs[name].setAttribute("aria-pressed", String(name === tab));
      this.panes[name].hidden = name !== tab;
    }
    this.comesAndGoes = true;
    this.draw();
  }

  /** @param goes whether the list is to go to it, too */
  private choose(commId: string, goes = true): void {
    if (commId !== this.commId) this.said.textContent = "";
    this.commId = commId;
    this.details.show(commId);
    if (!goes) return;
    if (this.tab !== "comms") this.show("comms");
    const isListed = this.model.matching(this.filter.value).some((comm) => comm.commId === commId);
    if (!isListed) {
      this.filter.value = "";
      this.filtered();
    }
    this.comms.select(commId);
  }

  private filtered(): void {
    this.comms.setFilter(this.filter.value);
    this.comesAndGoes = true;
    this.draw();
  }

  private note(commIds: ReadonlySet<string>): void {
    this.dirty = true;
    for (const commId of commIds) this.touched.add(commId);
    // Told while it is being made, when the room is there already.
    this.comesAndGoes ||= commIds.size === 0 || this.comms?.count !== this.model?.comms.size;
  }

  private tick(): void {
    if (document.hidden) return;
    const { facts, rates } = this.model;
    facts.work();
    const idle = !this.dirty && facts.isComplete && rates.total === 0;
    if (!idle || performance.now() - this.drawnAt >= IDLE_MS) this.draw();
  }

  private drawIfReady(): void {
    if (this.place.contains(this.totals)) this.draw();
  }

  private draw(): void {
    const { model } = this;
    if (this.comesAndGoes || this.filter.value !== "") this.comms.reread();
    if (this.tab === "blobs") {
      this.blobs.reread(this.filter.value);
      this.blobs.window.draw();
    } else {
      this.comms.window.draw();
      const isTouched = this.commId !== null && this.touched.has(this.commId);
      if (isTouched || this.comesAndGoes) this.details.reread();
      this.details.draw();
    }
    setAttribute(this.place, "data-state", model.isLive ? "live" : "last");
    const words = this.totalWords();
    if (this.totals.textContent !== words) this.totals.textContent = words;
    this.dirty = false;
    this.comesAndGoes = false;
    this.touched.clear();
    this.drawnAt = performance.now();
  }

  private totalWords(): string {
    const { comms, facts, rates, isLive } = this.model;
    const shown = this.comms.count === comms.size ? "" : `${this.comms.count.toLocaleString("en")} of `;
    let blobBytes = 0;
    for (const { size } of facts.blobs.values()) blobBytes += size;
    const parts = [
      shown + count(comms.size, "comm"),
      `${facts.isComplete ? "" : "≥ "}${sizeWords(facts.bytes)} in the document`,
      `${count(facts.blobs.size, "blob")}, ${sizeWords(blobBytes)}`,
      `${rateWords(rates.total) || "0"} updates/s`,
    ];
    if (!isLive) parts.unshift("not connected: the last state");
    return parts.join(" · ");
  }

  private copy(commId: string): void {
    const done = (words: string) => {
      this.said.textContent = words;
    };
    // Only where the page came by https or from this machine.
    if (navigator.clipboard === undefined) done(`The comm id is ${commId}`);
    else
      navigator.clipboard.writeText(commId).then(
        () => done("Comm id copied"),
        () => done(`The comm id is ${commId}`),
      );
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    // The first closes what lies above, or empties the filter.
    if (this.details.hideText()) {
      this.details.tree.window.box.focus();
    } else if (event.target === this.filter && this.filter.value !== "") {
      this.filter.value = "";
      this.filtered();
    } else this.closed();
    event.preventDefault();
  };
}
