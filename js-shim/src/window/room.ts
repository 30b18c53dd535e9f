/**
 * A window onto a room: its comms, its kernel, who else is there, and asking.
 *
 * The document comes in by `connection.ts`, what this window asks goes out by `requests.ts`, blobs come by `blobs.ts`. Here
 * they meet: a change of the document reaches listeners of "change" unless a key is masked, an event reaches listeners
 * after the document it names.
 */

import * as Y from "yjs";
import { CommsMap, type SchemaError } from "../document/comms-map";
import type { Encoded } from "../document/elements";
import { Emitter, type OnProblem, warn } from "../document/emitter";
import type { Change } from "../document/entry";
import { asBytes, decode, type Value, view } from "../document/values";
import { Blobs } from "./blobs";
import { Connection, type ConnectionStatus, MALFORMED } from "./connection";
import { Deferred } from "./deferred";
import { type BlobError, ConnectionError, RequestError } from "./errors";
import { encodeFrame, textBytes } from "./frames";
import { Gate } from "./gate";
import { Heard } from "./heard";
import { idSource } from "./ids";
import type {
  Asking,
  CellEnd,
  CommMessage,
  Failed,
  KernelState,
  Log,
  PeerInfo,
  Role,
  ToWindow,
  Welcome,
} from "./messages";
import { Reader, type Reading } from "./reading";
import { type MessageFrame, type RequestHandle, Requests, type Settlement } from "./requests";
import { type Connect, connectTo, type WebSocketConstructor } from "./transport";
import { NO_WELCOME } from "./welcome";

export interface JoinOptions {
  /** What others see as this window's name. */
  name?: string;
  /** The program, for the room's log. Default `commdoc-js`. */
  client?: string;
  /** For a Node without a global WebSocket, and for tests: `ws`'s. */
  WebSocket?: WebSocketConstructor;
  /** Told of what went wrong without ending anything. Default: `console.warn`. */
  onProblem?: OnProblem;
  /** Shortest and longest wait before a reconnect, in ms. Default `[250, 10_000]`. */
  backOffMs?: [number, number];
  /** How long a handshake may take, in ms. Default 30 s: 5,000 models over a slow line. */
  handshakeMs?: number;
  /** How long a request waits without a connection, in ms. Default 10 s, as in the room. */
  expireMs?: number;
  /** How long a blob may take, in ms. Default 30 s. */
  blobMs?: number;
  /** Silence after which the room is asked for a sign of life, in ms. Default 30 s. */
  silenceMs?: number;
}

/** A comm message from the kernel, as plain Jupyter would give it to a comm. */
export interface RoomMessage {
  commId: string;
  data: Value;
  buffers: DataView[];
}

export interface RoomEvents {
  /** What the document changed, without masked keys. */
  change: Change[];
  /** A comm message from the kernel. */
  message: RoomMessage;
  /** So many messages, of whichever comms, will not come: this window had no connection, or the kernel none for too long. */
  missed: number;
  kernel: KernelState;
  cell_end: CellEnd;
  /** Stream output of a handler of a window's request that no cell shows. */
  log: Log;
  peers: readonly PeerInfo[];
  status: ConnectionStatus;
  /** A request or message of this window failed. */
  failed: Failed;
}

/** A message under way. */
export interface MessageHandle {
  messageId: string;
  /** Handed to the socket; rejects with a `RequestError`. */
  sent: Promise<void>;
  /** The kernel handled it; what it sent meanwhile was there before. Rejects with a `RequestError`. */
  settled: Promise<Settlement>;
}

export class Room {
  /** The comms of the document, in `seq` order. Stays the same object when the room begins a new life. */
  readonly comms: CommsMap;
  readonly #connection: Connection;
  readonly #requests: Requests;
  readonly #blobs: Blobs;
  readonly #reader: Reader;
  readonly #events: Emitter<RoomEvents>;
  readonly #gate: Gate;
  readonly #onProblem: OnProblem;
  readonly #newId = idSource();
  readonly #heard = new Heard();
  #welcome = { ...NO_WELCOME };
  #lastError = "";
  #joined: Deferred<void> | null = null;

  private constructor(connect: Connect, options: JoinOptions) {
    this.#onProblem = options.onProblem ?? warn;
    this.#events = new Emitter(this.#onProblem);
    this.#gate = new Gate((after) => this.#isApplied(after), this.#onProblem);
    this.#requests = new Requests({
      send: (message, buffers) => this.#send(message, buffers),
      reread: (commId, keys) => this.#events.emit("change", [{ kind: "updated", commId, keys }]),
      newId: this.#newId,
      expireMs: options.expireMs ?? 10_000,
    });
    this.#blobs = new Blobs({
      ask: (hashes) => {
        if (this.status === "synced") this.#connection.send({ type: "get_blobs", hashes });
      },
      named: () => this.comms.blobs,
      timeoutMs: options.blobMs ?? 30_000,
    });
    this.#connection = new Connection(
      connect,
      {
        welcome: (welcome) => this.#onWelcome(welcome),
        synced: (doc) => this.#onSynced(doc),
        message: (message, buffers) => this.#onMessage(message, buffers),
        lost: (error, ended) => this.#onLost(error, ended),
        problem: this.#onProblem,
      },
      {
        client: options.client ?? "commdoc-js",
        key: this.#newId(),
        name: options.name,
        backOffMs: options.backOffMs ?? [250, 10_000],
        handshakeMs: options.handshakeMs ?? 30_000,
        silenceMs: options.silenceMs ?? 30_000,
      },
    );
    this.comms = new CommsMap(this.#connection.doc, { onProblem: this.#onProblem });
    this.#reader = new Reader({
      comms: this.comms,
      requests: this.#requests,
      blobs: this.#blobs,
      onProblem: this.#onProblem,
    });
    this.comms.observe((changes) => {
      const shown = this.#requests.filter(changes);
      if (shown.length > 0) this.#events.emit("change", shown);
      this.#gate.drain();
    });
  }

  /** See `joinRoom`. */
  static async join(target: string | URL | Connect, options: JoinOptions = {}): Promise<Room> {
    const room = new Room(
      typeof target === "function" ? target : connectTo(target, options.WebSocket),
      options,
    );
    const joined = new Deferred<void>();
    room.#joined = joined;
    room.#connection.open();
    await joined.promise;
    // A task, not a microtask: whoever awaits the room listens before the first event.
    setTimeout(() => room.#gate.open(), 0);
    return room;
  }

  get doc(): Y.Doc {
    return this.comms.doc;
  }

  get status(): ConnectionStatus {
    return this.#connection.status;
  }

  /** What the room last said of its kernel; status "disconnected" before it said anything. */
  get kernel(): KernelState {
    return this.#welcome.kernel;
  }

  get peers(): readonly PeerInfo[] {
    return this.#welcome.peers;
  }

  get roomId(): string {
    return this.#welcome.room_id;
  }

  get peerId(): string {
    return this.#welcome.peer_id;
  }

  get role(): Role {
    return this.#welcome.role;
  }

  /** Why the document can't be read, when it needs a newer reader. */
  get schemaError(): SchemaError | null {
    return this.comms.schemaError;
  }

  /** @returns ends it */
  on<Name extends keyof RoomEvents>(name: Name, listener: (event: RoomEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Reads a comm's newest values (of `keys`, else all), this window's own unaccepted ones before the document's. Waits for
   * blobs that aren't here; never rejects for one that is missing.
   */
  read(commId: string, keys?: readonly string[]): Promise<Reading> {
    return this.#reader.read(commId, keys);
  }

  /** Decodes any encoded value of a comm (its open data, an output), as `read`. `key` names it in errors. */
  async resolve(
    commId: string,
    key: string,
    encoded: Encoded,
  ): Promise<{ value: Value; missing: BlobError[] }> {
    const { state, missing } = await this.#reader.resolve(commId, key, encoded);
    return { value: state[key] ?? null, missing };
  }

  /** Asks the kernel to change these keys. The values are copied now; binary parts are any ArrayBuffer or view. */
  request(commId: string, state: object): RequestHandle {
    return this.#requests.request(commId, state);
  }

  /** Whether a request of this window for the key waits to be accepted, or the key is held. */
  masked(commId: string, key: string): boolean {
    return this.#requests.masked(commId, key);
  }

  /**
   * Keeps the document's changes of some keys (of all, without `keys`) from listeners of "change" while a hand is on the
   * control.
   *
   * @returns ends it; what changed or was asked for meanwhile is told then
   */
  hold(commId: string, keys?: readonly string[]): () => void {
    return this.#requests.hold(commId, keys);
  }

  /** Sends a comm message to the kernel, after the requests that were made before it. */
  send(
    commId: string,
    data: unknown,
    buffers: readonly (ArrayBuffer | ArrayBufferView)[] = [],
  ): MessageHandle {
    return this.#message(commId, data, buffers, (encoded, indices) => ({
      type: "message",
      data: encoded,
      buffers: indices,
    }));
  }

  /** Opens a comm. Binary parts of `data` stay where they are in it. */
  open(commId: string, targetName: string, data: unknown, metadata?: object): MessageHandle {
    return this.#message(commId, { data, metadata }, [], (encoded) => ({
      type: "open",
      target_name: targetName,
      data: null,
      ...(encoded as { data?: Encoded; metadata?: Encoded }),
    }));
  }

  closeComm(commId: string, data?: unknown): MessageHandle {
    return this.#message(commId, data ?? {}, [], (encoded) => ({ type: "close", data: encoded }));
  }

  /** Leaves the room. */
  close(): void {
    this.#connection.close();
  }

  #message(
    commId: string,
    data: unknown,
    buffers: readonly (ArrayBuffer | ArrayBufferView)[],
    frame: MessageFrame,
  ): MessageHandle {
    const messageId = this.#newId();
    const bytes = buffers.map((buffer) => asBytes(buffer) ?? new Uint8Array());
    return { messageId, ...this.#requests.message(messageId, commId, data, bytes, frame) };
  }

  #send(message: Asking, buffers: readonly Uint8Array[]): void {
    const commId = message.comm_id;
    if (this.role === "viewer") throw new RequestError("a viewer may not ask", "viewer", commId);
    const frame = encodeFrame(message, buffers);
    const check = (size: number, what: string, most = Infinity): void => {
      const problem = `${size} ${what}, the room takes ${most} at once`;
      if (size > most) throw new RequestError(problem, "too_large", commId);
    };
    check(frame.length, "bytes", this.#welcome.limits.frame_bytes);
    check(textBytes(frame), "bytes of JSON", this.#welcome.limits.text_bytes);
    this.#connection.sendFrame(frame);
  }

  #onWelcome(welcome: Welcome): void {
    this.#welcome = welcome;
    this.#lastError = "";
    this.#requests.limit(welcome.limits.in_flight, welcome.limits.in_flight_bytes);
  }

  #onSynced(doc: Y.Doc): void {
    if (doc !== this.comms.doc) {
      this.#requests.failAll("expired", "the room began a new life");
      this.#gate.clear();
      this.comms.attach(doc);
    }
    this.#blobs.resume();
    this.#events.emit("status", this.status);
    this.#events.emit("kernel", this.kernel);
    this.#events.emit("peers", this.peers);
    this.#requests.resume();
    this.#joined?.resolve();
    this.#joined = null;
  }

  #onLost(error: ConnectionError, ended: boolean): void {
    const reason = this.#lastError || error.message;
    if (this.#joined) {
      this.#joined.reject(new ConnectionError(reason, error.code));
      this.#joined = null;
      this.#connection.close();
      return;
    }
    this.#requests.suspend();
    // What the room could not read would be refused again and again.
    if (error.code === MALFORMED) this.#requests.failAll("rejected", reason);
    if (ended) {
      this.#requests.failAll("closed", error.message);
      this.#blobs.close("can't come: the window left the room");
    }
    this.#events.emit("status", this.status);
  }

  #onMessage(message: ToWindow, buffers: Uint8Array[]): void {
    switch (message.type) {
      case "blobs":
        this.#blobs.receive(message, buffers);
        break;
      case "kernel": {
        const { type: _, ...kernel } = message;
        this.#welcome.kernel = kernel;
        this.#events.emit("kernel", kernel);
        break;
      }
      case "peers":
        this.#welcome.peers = message.peers;
        this.#events.emit("peers", message.peers);
        break;
      case "error":
        this.#lastError = message.reason;
        this.#onProblem(`the room says: ${message.reason} (${message.code})`);
        break;
      case "accepted":
      case "settled":
      case "failed":
      case "message":
      case "messages":
      case "cell_end":
      case "log":
        this.#gate.pass("after" in message ? message.after : 0, () => this.#deliver(message, buffers));
        break;
      default:
        this.#onProblem(`a message of type ${message.type} was not understood`);
    }
  }

  /** Takes a message whose place is behind what the document has, and behind those before it. */
  #deliver(message: ToWindow, buffers: Uint8Array[]): void {
    const { request_id, message_id } = message as { request_id?: string; message_id?: string };
    const id = request_id ?? message_id ?? "";
    switch (message.type) {
      case "accepted":
        this.#requests.accepted(id);
        break;
      case "settled":
        this.#requests.settled(id, message);
        break;
      case "failed":
        this.#requests.failed(id, message.code, message.reason);
        this.#events.emit("failed", message);
        break;
      case "message":
        this.#onCommMessage(message, buffers);
        break;
      case "messages":
        this.#tellMissed(this.#heard.joined(message.source, message.number));
        break;
      case "cell_end":
        this.#events.emit("cell_end", message);
        break;
      case "log":
        this.#events.emit("log", message);
    }
  }

  #onCommMessage(message: CommMessage, buffers: Uint8Array[]): void {
    const { source, number } = message;
    if (source !== undefined && number !== undefined) {
      const missed = this.#heard.gap(source, number);
      if (missed === null) return;
      this.#tellMissed(missed);
    }
    this.#events.emit("message", decodeMessage(message, buffers));
  }

  #tellMissed(count: number): void {
    if (count > 0) this.#events.emit("missed", count);
  }

  /** On our own socket the order does it; where the room tells its client id, the number does. */
  #isApplied(after: number): boolean {
    const client = this.#welcome.client_id;
    return client === undefined || Y.getState(this.doc.store, client) >= after;
  }
}

/**
 * Joins a room; the promise ends when the document is complete. It rejects when the first connection fails; later ones
 * are made again by themselves.
 *
 * @param target the link of the room's page, with `#token=…`, or a way to connect (`portConnect` of `commdoc/ports` in a sandboxed frame)
 */
export const joinRoom = Room.join;

function decodeMessage(message: CommMessage, buffers: readonly Uint8Array[]): RoomMessage {
  return {
    commId: message.comm_id,
    data: decode(message.data, undefined, buffers),
    buffers: message.buffers.map((index) => view(buffers[index] ?? new Uint8Array())),
  };
}
