/** When news reaches who listens: after the document it names, and in order. */

import type { OnProblem } from "../document/emitter";

interface Waiting {
  after: number;
  deliver(): void;
}

/** Events that wait for the document, and (until `open`) for who joined to begin listening. */
export class Gate {
  #waiting: Waiting[] = [];
  #open = false;

  readonly #isApplied: (after: number) => boolean;
  readonly #onProblem: OnProblem;

  /** @param isApplied whether the document is as far as `after` says */
  constructor(isApplied: (after: number) => boolean, onProblem: OnProblem) {
    this.#isApplied = isApplied;
    this.#onProblem = onProblem;
  }

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
      if (!next || !this.#isApplied(next.after)) return;
      this.#waiting.shift();
      try {
        next.deliver();
      } catch (error) {
        this.#onProblem("an event could not be delivered", error);
      }
    }
  }

  /** The document that they wait for is no more. */
  clear(): void {
    this.#waiting = [];
  }
}
