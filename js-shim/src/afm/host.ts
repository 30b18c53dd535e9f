/**
 * The widgets of a room without ipywidgets: each comm of the document that has state gets a model, and a module if it has
 * one; what the document says goes to them, in order, and what they ask goes to the room.
 */

import { Arrivals } from "../models/arrivals";
import { Hand } from "../models/hand";
import { Reactions } from "../models/reactions";
import type { Change, ModelSource } from "../models/source";
import { AfmComm } from "./comm";
import { PATIENCE_MS, type Place, type Registry } from "./contracts";
import { within } from "./patience";
import { Styles } from "./styles";
import type { AfmModel } from "./types";

const WIDGET_TARGET = "jupyter.widget";

/** Something went wrong for one comm; the rest goes on. */
export interface AfmProblem {
  readonly commId: string;
  readonly text: string;
  readonly error?: unknown;
}

export interface AfmOptions {
  /**
   * Which modules may run in this page beside those for which the room vouches, which are those of comms that the room's
   * kernel has made: all of them, or what a function says of a comm id.
   */
  trusted?: boolean | ((commId: string) => boolean);
  /** Told of what went wrong; the browser's console is, too. */
  onProblem?: (problem: AfmProblem) => void;
  /** Whose pointer and key events tell which widgets are under the hand. Default: the page's document. */
  root?: Document | HTMLElement;
}

/** A widget for the page that shows it. */
export interface AfmWidget<Exports = unknown> {
  readonly commId: string;
  /** What its module's `initialize` returned. Rejects when there is none after 10 s, with the reason. */
  exports(): Promise<Exports>;
  /**
   * Draws it in an element of its own in `el`, when it is there, and again when its module is replaced or its comm opens again.
   *
   * @returns takes it away; so does the signal
   */
  render(el: HTMLElement, options?: { signal?: AbortSignal }): () => void;
}

export class AfmHost {
  private readonly comms = new Map<string, AfmComm>();
  private readonly arrivals = new Arrivals<AfmComm>();
  private readonly shown = new Map<string, Set<Place>>();
  private readonly styles = new Styles();
  private readonly reactions: Reactions;
  private readonly hand: Hand | undefined;
  private readonly registry: Registry;
  private readonly stopListening: () => void;
  private readonly end = new AbortController();
  private applying = 0;

  constructor(
    readonly source: ModelSource,
    private readonly options: AfmOptions = {},
  ) {
    const failed = (commId: string, doing: string, error: unknown) => this.failed(commId, doing, error);
    this.reactions = new Reactions(source, failed);
    const { root = globalThis.document } = options;
    if (root !== undefined) {
      this.hand = new Hand(root, (commIds) => {
        for (const commId of commIds) this.comms.get(commId)?.wire.released();
      });
    }
    this.registry = this.door(failed);
    this.stopListening = source.listen({
      changed: (changes) => this.changed(changes),
      message: (commId, data, buffers) => this.comms.get(commId)?.wire.message(data, buffers),
    });
    for (const commId of source.commIds()) this.opened(commId);
    this.reactions.joining(Promise.allSettled([...this.comms.values()].map(({ ready }) => ready)));
  }

  /** Aborts with the host's end. */
  get disposed(): AbortSignal {
    return this.end.signal;
  }

  /** A comm's model; the same object each time. Waits 10 s for one that isn't there yet. */
  async model<State extends object = Record<string, unknown>>(commId: string): Promise<AfmModel<State>> {
    return (await this.registry.get(commId)).model as unknown as AfmModel<State>;
  }

  widget<Exports = unknown>(commId: string): AfmWidget<Exports> {
    return {
      commId,
      exports: async () => (await (await this.registry.get(commId)).instance.initialized()) as Exports,
      render: (el, { signal } = {}) => this.render(commId, el, signal),
    };
  }

  /** Somebody may vouch now for what was withheld. */
  check(): void {
    for (const comm of this.comms.values()) comm.check();
  }

  /** Ends all widgets and follows the document no more. */
  dispose(): void {
    this.stopListening();
    this.reactions.dispose();
    this.hand?.dispose();
    for (const commId of [...this.comms.keys()]) this.closed(commId);
    this.end.abort();
    this.styles.dispose();
  }

  private render(commId: string, el: HTMLElement, signal: AbortSignal | undefined): () => void {
    const controller = new AbortController();
    const signals = [controller.signal, this.end.signal, ...(signal ? [signal] : [])];
    const place: Place = { el: document.createElement("div"), signal: AbortSignal.any(signals) };
    if (place.signal.aborted) return () => undefined;
    place.el.dataset.commId = commId;
    el.append(place.el);
    const those = this.shown.get(commId) ?? new Set();
    this.shown.set(commId, those.add(place));
    place.signal.addEventListener("abort", () => {
      place.el.remove();
      those.delete(place);
    });
    this.show(commId, place);
    return () => controller.abort();
  }

  private show(commId: string, place: Place): void {
    // What fails is said in the place, and reported, by the widget.
    this.comms
      .get(commId)
      ?.instance.show(place)
      .catch(() => undefined);
  }

  private changed(changes: readonly Change[]): void {
    for (const { kind, commId, keys } of changes) {
      if (kind === "opened") this.opened(commId);
      else if (kind === "closed") this.closed(commId);
      else {
        this.reactions.outdated(commId, keys);
        this.comms.get(commId)?.wire.changed(keys);
      }
    }
  }

  private opened(commId: string): void {
    if (this.source.entry(commId)?.targetName !== WIDGET_TARGET) return;
    this.closed(commId);
    const comm = new AfmComm(commId, this.registry);
    this.comms.set(commId, comm);
    this.arrivals.arrived(commId, comm);
    for (const place of this.shown.get(commId) ?? []) this.show(commId, place);
  }

  private closed(commId: string): void {
    this.comms.get(commId)?.close();
    this.comms.delete(commId);
    this.reactions.closed(commId);
  }

  private async get(commId: string): Promise<AfmComm> {
    const late = `the room has no widget model ${commId}`;
    const comm = this.comms.get(commId) ?? (await this.arrivals.wait(commId, PATIENCE_MS, late));
    return within(PATIENCE_MS, comm.ready, `the state of ${commId} did not come`);
  }

  private failed(commId: string, doing: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const text = `comm ${commId}: ${doing} failed: ${reason}`;
    console.error(`[commdoc] ${text}`, error);
    this.options.onProblem?.({ commId, text, error });
  }

  private trusts(commId: string): boolean {
    const { trusted = false } = this.options;
    return this.source.trusted(commId) || (typeof trusted === "function" ? trusted(commId) : trusted);
  }

  private door(failed: Registry["failed"]): Registry {
    const host = this;
    return {
      source: this.source,
      styles: this.styles,
      failed,
      get: (commId) => this.get(commId),
      trusts: (commId) => this.trusts(commId),
      handOn: (commId) => this.hand?.on(commId) ?? false,
      get applying() {
        return host.applying > 0;
      },
      apply(take) {
        host.applying += 1;
        try {
          take();
        } finally {
          host.applying -= 1;
        }
      },
      reacted: (commId, state) => this.reactions.add(commId, state),
      asks: (commId, keys) => this.reactions.asks(commId, keys),
    };
  }
}
