/**
 * Style sheets of widgets: one `<style>` or `<link>` in the page's head for each `_anywidget_id`, which all widgets of a class
 * share. The newest `_css` of any of them takes its place. Without an id, or without text at first, there is none.
 */

import { isAddress } from "./load";

export class Styles {
  /** The sheet of an id last, before it those whose place it takes when it has loaded. */
  private readonly sheets = new Map<string, HTMLElement[]>();

  /** Puts, or replaces, the sheet of an id; an empty text takes it away. */
  set(id: string, css: string): void {
    if (typeof document === "undefined") return; // a program without a page reads models all the same
    const now = this.sheets.get(id)?.at(-1);
    if (css === "") this.remove(id);
    else if (isAddress(css)) {
      if (now?.getAttribute("href") !== css) this.link(id, css);
    } else if (now instanceof HTMLStyleElement) now.textContent = css;
    else this.text(id, css);
  }

  dispose(): void {
    for (const id of [...this.sheets.keys()]) this.remove(id);
  }

  private text(id: string, css: string): void {
    const style = Object.assign(document.createElement("style"), { id, textContent: css });
    this.put(id, style);
    this.keepOnly(id, style);
  }

  private link(id: string, href: string): void {
    const link = Object.assign(document.createElement("link"), { id, rel: "stylesheet", href });
    // The old one goes when the new one is there: nothing is ever shown without style.
    for (const end of ["load", "error"]) link.addEventListener(end, () => this.keepOnly(id, link));
    this.put(id, link);
  }

  private put(id: string, sheet: HTMLElement): void {
    const before = this.sheets.get(id) ?? [];
    const last = before.at(-1);
    if (last?.isConnected) last.after(sheet);
    else document.head.append(sheet);
    this.sheets.set(id, [...before, sheet]);
  }

  private keepOnly(id: string, sheet: HTMLElement): void {
    const all = this.sheets.get(id) ?? [];
    const at = all.indexOf(sheet);
    for (const each of all.slice(0, Math.max(0, at))) each.remove();
    if (at > 0) this.sheets.set(id, all.slice(at));
  }

  private remove(id: string): void {
    for (const sheet of this.sheets.get(id) ?? []) sheet.remove();
    this.sheets.delete(id);
  }
}
