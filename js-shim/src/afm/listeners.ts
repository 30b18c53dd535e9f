/**
 * Who listens to a model. Each listener has an *owner*, the model object by which it was registered: what one view ends by
 * `off`, or what ends with it, is its own and nobody else's.
 *
 * As with the events that modules know: whoever comes or goes while an event is told counts from the next one on, and a callback
 * that is registered twice is called twice. One that throws is reported, and the others are told.
 */

import type { Listener } from "./types";

interface Registered {
  callback: Listener;
  owner: object;
}

export class Listeners {
  private readonly byName = new Map<string, readonly Registered[]>();

  /** @param failed told of a listener that threw */
  constructor(private readonly failed: (event: string, error: unknown) => void) {}

  /** @param names one event, or several with spaces between */
  on(names: string, callback: Listener, owner: object): void {
    for (const name of split(names)) {
      this.byName.set(name, [...(this.byName.get(name) ?? []), { callback, owner }]);
    }
  }

  /** Ends an owner's listeners: of these events or all, this callback or all. */
  off(names: string | null | undefined, callback: Listener | null | undefined, owner: object): void {
    for (const name of names ? split(names) : [...this.byName.keys()]) {
      const those = this.byName.get(name) ?? [];
      const rest = those.filter((each) => each.owner !== owner || (callback && each.callback !== callback));
      if (rest.length > 0) this.byName.set(name, rest);
      else this.byName.delete(name);
    }
  }

  emit(name: string, ...args: unknown[]): void {
    for (const { callback } of this.byName.get(name) ?? []) {
      try {
        (callback as (...args: unknown[]) => void)(...args);
      } catch (error) {
        this.failed(name, error);
      }
    }
  }
}

function split(names: string): string[] {
  return names.split(/\s+/).filter((name) => name !== "");
}
