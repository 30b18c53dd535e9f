/**
 * The conformance cases of the AFM specification, as data: a story about some comms, the modules in them, and the trace that a
 * host has to leave. A case knows no host; a *driver* brings one to it.
 *
 * A module of a case leaves lines with `trace(text)`, writes values with `show(value)`, and waits at `await gate(name)` until
 * the story lets it go on. Lines of the story's own:
 *
 *     kernel ← a {"value":5}              the host asked for a change of comm a
 *     kernel ← a custom {…} DataView[1]   it sent a message
 *     problem a                           it reported that something of comm a failed
 *     view: text                          at the end: what is read in a view, by its name
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
  /** Until the trace has this line. */
  | { readonly wait: string };

export interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly trace: readonly string[];
  /** Where anywidget 0.11's own front end leaves another trace than the specification has it. */
  readonly anywidget?: { readonly trace: readonly string[]; readonly because: string };
}

/** A host in a page, with the comms of one story. */
export interface RunningHost {
  /** Shows a comm in an element; returns what takes it away. */
  show(commId: string, el: HTMLElement): () => void;
  dispose(): void;
}

/** What a host does that the kernel's side, or whoever embeds it, hears of. */
export interface Heard {
  requested(commId: string, state: State): void;
  sent(commId: string, content: unknown, buffers: readonly ArrayBuffer[]): void;
  problem(commId: string): void;
}

/** The room's side of a story. */
export interface Story {
  open(comms: Record<string, State>): void;
  set(commId: string, state: State): void;
  message(commId: string, content: unknown, buffers: DataView[]): void;
  close(commId: string): void;
}

export interface Driver {
  readonly name: string;
  start(heard: Heard): { readonly host: RunningHost; readonly story: Story };
}
