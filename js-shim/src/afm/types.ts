/**
 * The contract of an *anywidget front-end module* (AFM, as of anywidget 0.11): what a module is, and what its host gives it.
 *
 *     module   ── default export ──►  { initialize?, render? }, or a function that gives that
 *     host     initialize({ model, signal, experimental })        once for each comm; before any view
 *              render({ model, el, signal, host, experimental })  once for each place in which it is shown
 *
 * Each hook may return what cleans up; it runs when the hook's `signal` aborts. An object that `initialize` returns are the
 * widget's exports. Values of a model are `unknown`, unless the author of the page says what they are.
 */

export type Awaitable<T> = T | Promise<T>;

export type Cleanup = () => Awaitable<void>;

/** Any function; what it is called with depends on the event. */
export type Listener = (...args: never[]) => void;

export type Binary = ArrayBuffer | ArrayBufferView;

/** A comm's values, as a module sees and sets them. */
export interface AfmModel<State extends object = Record<string, unknown>> {
  /** A value: JSON as it is, bytes as a `DataView`, a reference as the text that it is. */
  get<Key extends keyof State>(key: Key): State[Key];
  /** Shown at once in this page; goes to the kernel with `save_changes`. */
  set<Key extends keyof State>(key: Key, value: State[Key]): void;
  /** Sends the keys that were changed by `set` since the last time. */
  save_changes(): void;
  /** A custom message came; everything that was set before it is there. */
  on(event: "msg:custom", callback: (content: unknown, buffers: DataView[]) => void): void;
  /** `change:<key>`, or `change` after all keys of one change. The callback gets no arguments. Several names: with spaces between. */
  on(event: string, callback: () => void): void;
  /** Ends what this model object was told by `on`: of this event, this callback, or all. */
  off(event?: string | null, callback?: Listener | null): void;
  /** Sends a custom message. `callbacks` is there for the order of the arguments; nothing is called. */
  send(content: unknown, callbacks?: unknown, buffers?: readonly Binary[]): void;
  readonly widget_manager: WidgetManager;
}

export interface WidgetManager {
  /** The model of any comm of the room; rejects when none has come after 10 s. */
  get_model<State extends object = Record<string, unknown>>(modelId: string): Promise<AfmModel<State>>;
}

/** anywidget's surface beside the specification. */
export interface Experimental {
  /** Calls a command in the kernel: what it answers, and its buffers. Rejects after 3 s, or when `signal` aborts. */
  invoke<Response = unknown>(
    name: string,
    message?: unknown,
    options?: { buffers?: readonly Binary[]; signal?: AbortSignal },
  ): Promise<[Response, DataView[]]>;
}

/** Another widget of the room, initialised. */
export interface ResolvedWidget<Exports = unknown> {
  readonly exports: Exports;
  /** Draws it in `el` until `signal` aborts, by default that of the view that asks. Rejects when its `render` fails. */
  render(place: { el: HTMLElement; signal?: AbortSignal }): Promise<void>;
}

/** Finds other widgets by a reference, `anywidget:<model id>`. */
export interface Host {
  getModel<State extends object = Record<string, unknown>>(ref: string): Promise<AfmModel<State>>;
  getWidget<Exports = unknown>(ref: string): Promise<ResolvedWidget<Exports>>;
}

export interface InitializeProps<State extends object = Record<string, unknown>> {
  model: AfmModel<State>;
  /** Aborts when the widget is closed, its module replaced, or `initialize` fails. */
  signal: AbortSignal;
  experimental: Experimental;
}

export interface RenderProps<State extends object = Record<string, unknown>> {
  model: AfmModel<State>;
  el: HTMLElement;
  /** Aborts when the view is removed, with that of `initialize`, or when `render` fails. */
  signal: AbortSignal;
  host: Host;
  experimental: Experimental;
}

/** What a module defines. */
export interface WidgetDefinition {
  initialize?(props: InitializeProps): unknown;
  render?(props: RenderProps): unknown;
}
