/**
 * How news reaches who listens: after the document it names, in order, and no listener's error reaches another.
 */

type Listener<T> = (event: T) => void;

/** Listeners by the name of the event. */
export class Emitter<Events> {
  readonly #listeners: { [Name in keyof Events]?: Set<Listener<Events[Name]>> } = {};

  constructor(readonly onProblem: (text: string, error?: unknown) => void) {}

  /** @returns ends it */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const listeners: Set<Listener<Events[Name]>> = this.#listeners[name] ?? new Set();
    this.#listeners[name] = listeners;
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.#listeners[name] ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        this.onProblem(`a listener of "${String(name)}" threw${commOf(event)}`, error);
      }
    }
  }
}

function commOf(event: unknown): string {
  const about = Array.isArray(event) ? event[0] : event;
  const { commId } = (about ?? {}) as { commId?: string };
  return commId === undefined ? "" : ` at comm ${commId}`;
}

interface Waiting {
  after: number;
  deliver(): void;
}

/** Events that wait for the document, and (until `open`) for who joined to begin listening. */
export class Gate {
  #waiting: Waiting[] = [];
  #open = false;

  /** @param isApplied whether the document is as far as `after` says */
  constructor(
    readonly isApplied: (after: number) => boolean,
    readonly onProblem: (text: string, error?: unknown) => void,
  ) {}

  /** Delivers an event as soon as the document and all events before it allow. */
  pass(after: number, deliver: () => void): void {
    this.#waiting.push({ after, deliver });
    this.drain();
  }

  open(): void {
    this.#open = true;
    this.drain();
  }

  /** The document may be further now. */
  drain(): void {
    while (this.#open) {
      const next = this.#waiting[0];
      if (!next || !this.isApplied(next.after)) return;
      this.#waiting.shift();
      try {
        next.deliver();
      } catch (error) {
        this.onProblem("an event could not be delivered", error);
      }
    }
  }

  /** The document that they wait for is no more. */
  clear(): void {
    this.#waiting = [];
  }
}
