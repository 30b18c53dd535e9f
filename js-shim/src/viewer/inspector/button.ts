/** The button that opens and closes the inspector. Its script is loaded with the first opening. */

import type { Tap } from "./tap";

type Opened = { stop(): void };

export class InspectorButton {
  private readonly button: HTMLElement;
  private readonly place: HTMLElement;
  private readonly tap: Tap;
  private opened: Opened | null = null;
  private wanted = false;

  constructor(page: Document, tap: Tap) {
    this.tap = tap;
    this.button = page.getElementById("inspect") as HTMLElement;
    this.place = page.getElementById("inspector") as HTMLElement;
    this.button.hidden = false;
    this.button.addEventListener("click", () => this.toggle());
  }

  private toggle(): void {
    this.wanted = !this.wanted;
    this.button.setAttribute("aria-expanded", String(this.wanted));
    if (!this.wanted) this.close();
    else this.open().catch((error) => this.failed(error));
  }

  private async open(): Promise<void> {
    const url = new URL("inspector.js", import.meta.url).href;
    const { openDrawer } = (await import(url)) as typeof import("./index");
    if (!this.wanted || this.opened !== null) return;
    this.opened = openDrawer(this.place, this.tap, () => {
      this.toggle();
      this.button.focus();
    });
  }

  private close(): void {
    this.opened?.stop();
    this.opened = null;
  }

  private failed(error: unknown): void {
    console.error("[commdoc] the inspector can't be shown", error);
    this.wanted = false;
    this.button.setAttribute("aria-expanded", "false");
  }
}
