/**
 * The conformance cases of the AFM specification, as data: a story about some comms, the modules in them, and the trace that a
 * host has to leave. A case knows no host; a *driver* brings one to it, and a kernel, which may be a real one.
 *
 * A module of a case leaves lines with `trace(text)`, writes values with `show(value)`, and waits at `await gate(name)` until
 * the story lets it go on. Lines of the story's own:
 *
 *     kernel ← a {"value":5}              the host asked for a change of comm a
 *     kernel ← a custom {…} DataView[1]   it sent a message
 *     problem a                           it reported that something of comm a failed
 *     view: text                          at the end: what is drawn in a view, by its name
 */

/** Bytes, in the data of a case. */
export interface Bytes {
  readonly bytes: readonly number[];
}

export type State = Record<string, unknown>;

export type Step =
  /** Comms are opened, together. A state without `_esm` is a comm without a module. */
  | { readonly open: Record<string, State> }
  /** The kernel sets values. */
  | { readonly set: Record<string, State> }
  | { readonly message: string; readonly content: unknown; readonly buffers?: readonly Bytes[] }
  | { readonly close: string }
  /** A comm is shown; the view has a name. */
  | { readonly show: string; readonly as: string }
  | { readonly remove: string }
  | { readonly click: string }
  /** Opens a gate. */
  | { readonly release: string }
  /** Until the trace has this line; one of the kernel's, until the kernel has heard it. */
  | { readonly wait: string };

/** What a host leaves where it leaves something else than the specification has it. */
export interface Difference {
  readonly trace: readonly string[];
  readonly because: string;
}

export interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly trace: readonly string[];
  /** Of anywidget 0.11's own front end. */
  readonly anywidget?: Difference;
  /** Of that in JupyterLab, where that is another one: ipywidgets' own models and JupyterLab's messages have a part in it. */
  readonly jupyterlab?: Difference;
}

/** A host in a page, with the comms of one story. */
export interface RunningHost {
  /** Shows a comm in an element; returns what takes it away. */
  show(commId: string, el: HTMLElement): () => void;
  /** What modules have drawn in an element, without what the host itself says there. By default all of its text. */
  drawn?(el: HTMLElement): string;
  /** Resolves when nothing is on its way any more between host and kernel. By default there is no way. */
  atRest?(): Promise<void>;
  /** Ends the host; with a kernel that other stories have, too, the story's comms as well. */
  dispose(): void | Promise<void>;
}

/** What a host does that the kernel's side, or whoever embeds it, hears of. Told at once, since the order counts. */
export interface Heard {
  requested(commId: string, state: State): void;
  sent(commId: string, content: unknown, buffers: readonly ArrayBuffer[]): void;
  problem(commId: string): void;
}

/** The kernel's side of a story. Bytes are `DataView`s; `asSteps` makes JSON of all that, for a kernel elsewhere. */
export interface Story {
  open(comms: Record<string, State>): void | Promise<void>;
  set(commId: string, state: State): void | Promise<void>;
  message(commId: string, content: unknown, buffers: DataView[]): void | Promise<void>;
  close(commId: string): void | Promise<void>;
}

export interface Running {
  readonly host: RunningHost;
  readonly story: Story;
}

export interface Driver {
  readonly name: string;
  start(heard: Heard): Running | Promise<Running>;
}
