/**
 * One life of a comm's module: loaded, initialised, rendered wherever the comm is shown, ended.
 *
 * A hook's signal and what the hook returned are one: the cleanup runs when the signal aborts, right after the signal's own
 * listeners. Signals of views derive from that of `initialize`. A hook that throws has its signal aborted.
 */

import type { AfmComm } from "./comm";
import type { Place, Registry } from "./contracts";
import { loadDefinition } from "./load";
import { modelOf } from "./model";
import { within } from "./patience";
import { hostOf } from "./references";
import type { Cleanup, WidgetDefinition } from "./types";

/** A cleanup that takes longer is left behind: the author's next try is not to wait for it. */
const CLEANUP_MS = 2000;

export class Life {
  exports: unknown;
  private readonly controller = new AbortController();
  private readonly views = new Set<AbortController>();
  private readonly cleanups = new Set<Promise<void>>();
  private definition: WidgetDefinition = {};

  constructor(
    private readonly comm: AfmComm,
    private readonly registry: Registry,
  ) {
    this.signal.addEventListener("abort", () => comm.listeners.off(null, null, this));
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Loads and initialises; rejects with what failed, also when it was ended meanwhile. */
  async begin(esm: string): Promise<void> {
    const { comm, signal } = this;
    try {
      this.definition = await loadDefinition(esm);
      signal.throwIfAborted();
      const { invoke } = comm.invocations;
      const model = modelOf(comm, this);
      const result = await this.definition.initialize?.({ model, signal, experimental: { invoke } });
      if (typeof result === "function") this.whenAborted(signal, result as Cleanup);
      else if (typeof result === "object" && result !== null) this.exports = result;
      signal.throwIfAborted();
    } catch (error) {
      this.controller.abort(error);
      // One that was ended while it was initialised may have gone on to listen.
      comm.listeners.off(null, null, this);
      throw error;
    }
  }

  /** Draws a view; resolves when its `render` is done, rejects with what it threw. */
  async render(place: Place): Promise<void> {
    const { comm, definition } = this;
    if (definition.render === undefined) return;
    const view = new AbortController();
    const signal = AbortSignal.any([place.signal, this.signal, view.signal]);
    const forget = () => {
      this.views.delete(view);
      comm.listeners.off(null, null, view);
    };
    this.views.add(view);
    signal.addEventListener("abort", forget);
    try {
      const cleanup = await definition.render({
        model: modelOf(comm, view),
        el: place.el,
        signal,
        host: hostOf(this.registry, signal),
        experimental: { invoke: comm.invocations.invoke },
      });
      if (typeof cleanup === "function") this.whenAborted(signal, cleanup as Cleanup);
    } catch (error) {
      if (signal.aborted) return;
      view.abort(error);
      throw error;
    } finally {
      // One that was removed while it was drawn may have gone on to listen.
      if (signal.aborted) forget();
    }
  }

  /** The widget is closed: its views end, then it does. Resolves when its cleanups are done. */
  close(): Promise<void> {
    for (const view of [...this.views]) view.abort();
    return this.end();
  }

  /** Another module takes its place. Resolves when its cleanups are done. */
  async end(): Promise<void> {
    this.controller.abort();
    const cleaned = Promise.all(this.cleanups).then(() => undefined);
    await within(CLEANUP_MS, cleaned, `it took longer than ${CLEANUP_MS / 1000} s`).catch((error) =>
      this.registry.failed(this.comm.commId, "cleaning up", error),
    );
  }

  private whenAborted(signal: AbortSignal, cleanup: Cleanup): void {
    if (signal.aborted) this.clean(cleanup);
    else signal.addEventListener("abort", () => this.clean(cleanup));
  }

  private clean(cleanup: Cleanup): void {
    const done = Promise.resolve()
      .then(cleanup)
      .catch((error) => this.registry.failed(this.comm.commId, "cleaning up", error))
      .finally(() => this.cleanups.delete(done));
    this.cleanups.add(done);
  }
}
