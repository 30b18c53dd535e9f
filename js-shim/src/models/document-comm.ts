/**
 * The comm of a model whose other side is the room: what ipywidgets models call an `IClassicComm`.
 *
 * In: the document says *that* keys changed; what is delivered is read when its turn comes, as one `update` of the newest
 * values. Everything goes through one inbox in order, which begins when the model is there: state before the message that
 * followed it (P4), and nothing is lost on a model whose module is still loading. Nothing that came in goes out again.
 *
 * Out: an `update` becomes a request (the room throttles, merges, waits), anything else a message in its order. What a model
 * sends because a value came in is no request but a reaction, see `reactions.ts`.
 */

import type { Ended, ModelSource } from "./source";

type Handler = (message: unknown) => unknown;

/** What may wait for a model: one whose module doesn't load, or is slower than the kernel, would fill the page's memory. */
const MOST_WAITING_BYTES = 64 * 1024 * 1024;

/** What a message costs beside its buffers. */
const MESSAGE_BYTES = 1024;

/** A view begins without values that take longer: a blob may hang. */
const VIEW_PATIENCE_MS = 1000;

const TOO_MANY = "they come faster than the model takes them; from here on some are left out";

/** What the comm asks of its manager. */
export interface CommDoor {
  readonly source: ModelSource;
  /** Is a view of this comm under the user's hand? */
  handOn(commId: string): boolean;
  /** Is a value being set that came from the document? */
  readonly applying: boolean;
  /** A model reacted to a value that came from the document. */
  reacted(commId: string, state: Record<string, unknown>): void;
  /** This window asks for values of these keys. */
  asks(commId: string, keys: readonly string[]): void;
  /** This window sends a message; for a host that keeps what is typed and not told. */
  told?(commId: string): void;
  /** Read keys and resolve their references; keys that must wait are left out. */
  readResolved(commId: string, keys: readonly string[]): Promise<Record<string, unknown>>;
  /** Something failed for this comm; the rest goes on. */
  failed(commId: string, doing: string, error: unknown): void;
}

export class DocumentComm {
  readonly comm_id: string;
  readonly target_name: string;
  private readonly door: CommDoor;
  private inbox: Promise<void>;
  private onMessage: Handler | undefined;
  private onClose: Handler | undefined;
  /** Keys whose newest value has not been delivered. */
  private readonly stale = new Set<string>();
  /** Keys that this window set while its hand was on. */
  private readonly handled = new Set<string>();
  private readQueued = false;
  /** Delivers the last of the values that no message stands before. */
  private foremost: Promise<void> | null = null;
  /** Messages whose turn is not over. */
  private messages = 0;
  /** Of the messages that wait for their turn. */
  private waitingBytes = 0;
  /** Messages were left out, and it was said. */
  private behind = false;
  /** What waits for the kernel to open a comm that this window asked for; null once the document has it. */
  private unopened: (() => void)[] | null = null;

  /** @param ready the model's creation: nothing is delivered before */
  constructor(commId: string, targetName: string, door: CommDoor, ready: Promise<unknown>) {
    this.comm_id = commId;
    this.target_name = targetName;
    this.door = door;
    this.inbox = ready.then(
      () => undefined,
      () => undefined,
    );
  }

  // --- what the model calls

  on_msg(callback: Handler): void {
    this.onMessage = callback;
  }

  on_close(callback: Handler): void {
    this.onClose = callback;
  }

  open(data: unknown, _callbacks?: unknown, metadata?: unknown): string {
    this.unopened = [];
    return this.door.source.open(this.comm_id, this.target_name, data, metadata);
  }

  close(data?: unknown): string {
    return this.door.source.close(this.comm_id, data ?? {});
  }

  send(
    data: unknown,
    callbacks?: { ended?: Ended } | unknown,
    _metadata?: unknown,
    buffers?: readonly (ArrayBuffer | ArrayBufferView)[],
  ): string {
    const binary = (buffers ?? []).map(bytesOf);
    if (!isUpdate(data)) {
      // What a listener answers to a value from the document tells nothing of what somebody typed.
      if (!this.door.applying) this.door.told?.(this.comm_id);
      const ended = this.inTurn((callbacks as { ended?: Ended } | undefined)?.ended);
      const plain = asJson(data);
      return this.whenOpen(() => this.door.source.send(this.comm_id, plain, binary, ended));
    }
    const state = withBuffers(data.state, data.buffer_paths ?? [], binary);
    if (this.door.applying) {
      this.door.reacted(this.comm_id, state);
      return "";
    }
    const keys = Object.keys(state);
    this.door.asks(this.comm_id, keys);
    if (this.door.handOn(this.comm_id)) for (const key of keys) this.handled.add(key);
    return this.whenOpen(() => this.door.source.request(this.comm_id, state));
  }

  // --- what the manager calls

  /** The document has the comm: what waited for that goes out, before anything comes in. */
  opened(): void {
    const waiting = this.unopened ?? [];
    this.unopened = null;
    for (const send of waiting) send();
  }

  /** The document has new values for these keys. */
  changed(keys: Iterable<string>): void {
    for (const key of keys) this.stale.add(key);
    if (this.readQueued || this.stale.size === 0) return;
    this.readQueued = true;
    this.enqueue("a new state", () => this.deliverState());
    // A message may wait for the view that waits for these values.
    if (this.messages > 0) return;
    const { inbox } = this;
    this.foremost = inbox;
    void inbox.then(() => {
      if (this.foremost === inbox) this.foremost = null;
    });
  }

  /** Resolves when the values that came before a view was displayed were delivered; null when they are. */
  beforeView(): Promise<void> | null {
    if (this.foremost === null) return null;
    const { foremost } = this;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, VIEW_PATIENCE_MS);
      void foremost.then(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** A message came; values that were there before it are delivered before it. */
  message(data: unknown, buffers: readonly DataView[]): void {
    const bytes = buffers.reduce((sum, { byteLength }) => sum + byteLength, MESSAGE_BYTES);
    if (this.waitingBytes > 0 && this.waitingBytes + bytes > MOST_WAITING_BYTES) {
      if (!this.behind) this.door.failed(this.comm_id, "taking all messages", new Error(TOO_MANY));
      this.behind = true;
      return;
    }
    this.waitingBytes += bytes;
    this.messages += 1;
    this.enqueue("a message", async () => {
      this.waitingBytes -= bytes;
      await this.deliver(data, buffers).finally(() => {
        this.messages -= 1;
      });
    });
  }

  private async deliver(data: unknown, buffers: readonly DataView[]): Promise<void> {
    // An update that comes as a message is a command: a value that the kernel has taken back already.
    if (isUpdate(data)) {
      const state = withBuffers(data.state, data.buffer_paths ?? [], buffers);
      await this.onMessage?.(this.envelope({ method: "update", state, buffer_paths: [] }, []));
      // It may have come by a longer way than newer values: what the document has stays the last word.
      this.changed(Object.keys(state));
    } else await this.onMessage?.(this.envelope(data, buffers));
  }

  closed(): void {
    this.enqueue("its end", async () => {
      await this.onClose?.(this.envelope({}, []));
    });
  }

  /** The hand is off: what was held is read again. */
  released(): void {
    const keys = [...this.handled];
    this.handled.clear();
    this.changed(keys);
  }

  /** Is the key's value this window's own for now? Then values from the document wait. */
  held(key: string): boolean {
    const byHand = this.handled.has(key) && this.door.handOn(this.comm_id);
    return byHand || this.door.source.requested(this.comm_id, key);
  }

  /** Leave out what is held, at the moment of setting; it stays stale. */
  withoutHeld(state: Record<string, unknown>): Record<string, unknown> {
    const free: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(state)) {
      if (this.held(key)) this.stale.add(key);
      else free[key] = value;
    }
    return free;
  }

  /** Resolves when everything that has come so far was delivered. */
  async settled(): Promise<void> {
    await this.inbox;
  }

  private async deliverState(): Promise<void> {
    this.readQueued = false;
    const keys = [...this.stale].filter((key) => !this.held(key));
    for (const key of keys) this.stale.delete(key);
    if (keys.length === 0) return;
    const state = await this.door.readResolved(this.comm_id, keys);
    if (Object.keys(state).length === 0) return;
    await this.onMessage?.(this.envelope({ method: "update", state, buffer_paths: [] }, []));
  }

  /** What the kernel said before it was done with a message is delivered before its end is told. */
  private inTurn(ended: Ended | undefined): Ended | undefined {
    return ended && ((error) => this.enqueue("the end of a message", async () => ended(error)));
  }

  private whenOpen(send: () => string): string {
    if (this.unopened === null) return send();
    this.unopened.push(send);
    return "";
  }

  private enqueue(what: string, task: () => Promise<void>): void {
    this.inbox = this.inbox.then(task).catch((error) => this.door.failed(this.comm_id, what, error));
  }

  private envelope(data: unknown, buffers: readonly DataView[]): object {
    return { content: { comm_id: this.comm_id, data }, buffers, metadata: {}, parent_header: {} };
  }
}

interface Update {
  method: "update";
  state: Record<string, unknown>;
  buffer_paths?: (string | number)[][];
}

function isUpdate(data: unknown): data is Update {
  return typeof data === "object" && data !== null && (data as Update).method === "update";
}

/** What plain Jupyter makes of a message that has no bytes beside its buffers: a typed array is an object of its items. */
function asJson(data: unknown): unknown {
  return data === undefined ? undefined : JSON.parse(JSON.stringify(data));
}

/** The bytes of a buffer as plain Jupyter sends them. */
function bytesOf(buffer: ArrayBuffer | ArrayBufferView): ArrayBuffer {
  if (!ArrayBuffer.isView(buffer)) return buffer.slice(0);
  const bytes = new Uint8Array(buffer.byteLength);
  bytes.set(new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength));
  return bytes.buffer;
}

/** Put the buffers back where ipywidgets took them out; `state` was copied on the way there, as far as needed. */
function withBuffers(
  state: Record<string, unknown>,
  paths: readonly (string | number)[][],
  buffers: readonly (ArrayBuffer | DataView)[],
): Record<string, unknown> {
  const full = { ...state };
  paths.forEach((path, index) => {
    let holder = full as Record<string | number, unknown>;
    for (const key of path.slice(0, -1)) holder = holder[key] as Record<string | number, unknown>;
    holder[path[path.length - 1] as string | number] = buffers[index];
  });
  return full;
}
