/**
 * A model's values in this page, and which of them the kernel has not been told.
 *
 * Two write here: the module, by `set`, and the document, by `take`. What the module sets is there at once, whatever the
 * kernel makes of it later; it is *unsaved* until `save` gives it out. What the document brings is shown, and never sent back.
 * Both tell what changed: `change:<key>` for each key whose value is another one now, then `change` once.
 */

import { same } from "../models/same";
import type { Listeners } from "./listeners";

export class Attributes {
  private readonly values = new Map<string, unknown>();
  private readonly unsaved = new Map<string, unknown>();
  /** Changes are being told: what is changed by a listener ends with the same `change`. */
  private telling = false;
  private untold = false;

  constructor(private readonly listeners: Listeners) {}

  /** The first values; nobody is told. */
  begin(state: object): void {
    for (const [key, value] of Object.entries(state)) this.values.set(key, value);
  }

  get(key: string): unknown {
    return this.values.get(key);
  }

  /** The module sets values. */
  set(state: object): void {
    this.write(Object.entries(state), (key, value) => this.unsaved.set(key, value));
  }

  /** The document has these values. One that the module set and has not saved stays unsaved. */
  take(state: object): void {
    this.write(Object.entries(state));
  }

  /**
   * What is unsaved, as copies; from here on it counts as saved. What the document wrote over meanwhile is the module's again.
   * Throws, and saves nothing, when a value can't be copied.
   */
  save(): Record<string, unknown> {
    const mine = [...this.unsaved];
    const copies = mine.map(([key, value]): [string, unknown] => [key, structuredClone(value)]);
    this.unsaved.clear();
    this.write(mine);
    return Object.fromEntries(copies);
  }

  private write(entries: [string, unknown][], changed?: (key: string, value: unknown) => void): void {
    const keys: string[] = [];
    for (const [key, value] of entries) {
      const isNew = !same(this.values.get(key), value);
      this.values.set(key, value);
      if (!isNew) continue;
      keys.push(key);
      changed?.(key, value);
    }
    this.tell(keys);
  }

  private tell(keys: readonly string[]): void {
    const outermost = !this.telling;
    this.telling = true;
    this.untold ||= keys.length > 0;
    for (const key of keys) this.listeners.emit(`change:${key}`);
    if (!outermost) return;
    while (this.untold) {
      this.untold = false;
      this.listeners.emit("change");
    }
    this.telling = false;
  }
}
