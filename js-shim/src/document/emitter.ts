/** How news reaches who listens: in order, and no listener's error reaches another. */

/** Told of what went wrong without ending anything. */
export type OnProblem = (text: string, error?: unknown) => void;

export const warn: OnProblem = (text, error) => console.warn(`commdoc: ${text}`, error ?? "");

type Listener<T> = (event: T) => void;

/** Listeners by the name of the event. */
export class Emitter<Events> {
  #listeners: { [Name in keyof Events]?: Set<Listener<Events[Name]>> } = {};

  constructor(readonly onProblem: OnProblem) {}

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

  /** Ends all listening. */
  clear(): void {
    this.#listeners = {};
  }
}

function commOf(event: unknown): string {
  const about = Array.isArray(event) ? event[0] : event;
  const { kind, commId } = (about ?? {}) as { kind?: string; commId?: string };
  if (commId === undefined) return "";
  return ` at ${kind === undefined ? "comm" : `${kind} of`} ${commId}`;
}
