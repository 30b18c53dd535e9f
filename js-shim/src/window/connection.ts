/**
 * One window's connection to its room, for as long as the window lives: it comes back by itself.
 *
 *     window                          room
 *       hello ───────────────────────►
 *       ◄─────────────────── welcome    names the document's life; another one than ours: a fresh document
 *       ◄── sync step 1, step 1 ──────►
 *       ◄──────────── sync step 2       from here on the document is complete
 *       step 2 ──────────────────────►
 *       ◄───── updates and messages
 *
 * A resumed window sends the state vector of what it has, so nothing comes twice. What is left to others: what the
 * messages mean.
 */

import {
  messageYjsSyncStep1,
  messageYjsSyncStep2,
  messageYjsUpdate,
  writeSyncStep1,
  writeSyncStep2,
} from "y-protocols/sync";
import * as Y from "yjs";
import { ConnectionError, ProtocolError } from "./errors";
import { AWARENESS, decodeFrame, decodeSync, encodeFrame, frameType, SYNC, syncFrame } from "./frames";
import {
  type FromWindow,
  MIN_PROTOCOL_VERSION,
  PROTOCOL_VERSION,
  type ToWindow,
  type Welcome,
} from "./messages";
import type { Connect, Transport } from "./transport";

/** How a connection is: being made (again), complete, or ended for good. */
export type ConnectionStatus = "connecting" | "synced" | "closed";

/** What a connection tells its user. */
export interface ConnectionEvents {
  welcome(welcome: Welcome): void;
  /** The document is complete. Another one than last time when the room began a new life. */
  synced(doc: Y.Doc): void;
  /** A message, after everything that came before it is in the document. */
  message(message: ToWindow, buffers: Uint8Array[]): void;
  /** The connection is gone; unless `ended`, the next one is being made. */
  lost(error: ConnectionError, ended: boolean): void;
  /** Something was wrong that does not end the connection. */
  problem(text: string, error?: unknown): void;
}

export interface ConnectionOptions {
  client: string;
  /** Names this window over all of its connections: what it repeats is done once. */
  key: string;
  name?: string | undefined;
  /** Shortest and longest wait before a reconnect, in ms. */
  backOffMs: [number, number];
  /** How long a handshake may take. */
  handshakeMs: number;
  /** Without a sign of life for this long, the room is asked for one; half as long for an answer, then it is given up. */
  silenceMs: number;
}

/** Another try would end the same. */
const WRONG_VERSION = 4426;
/** The room, or the right to be in it, is gone: for good, or until its host is back. */
const GONE = new Set([4403, 4410]);
/** So long it is taken to come back. */
const GONE_MS = 60_000;
/** The other side could not read what it was sent. */
export const MALFORMED = 4400;
/** A blob that no room has: asking for it is answered at once. */
const NO_BLOB = "0".repeat(64);
/** A connection that held this long was a good one: the next wait is short again. */
const GOOD_AFTER_MS = 5_000;

export class Connection {
  #doc = new Y.Doc();
  #documentId: string | null = null;
  #transport: Transport | null = null;
  #status: ConnectionStatus = "connecting";
  #attempts = 0;
  #syncedAt = 0;
  #heardAt = 0;
  #askedAt = 0;
  #goneSince = Infinity;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #handshake: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(
    readonly connect: Connect,
    readonly events: ConnectionEvents,
    readonly options: ConnectionOptions,
  ) {}

  /** The document of this life of the room; complete when synced. */
  get doc(): Y.Doc {
    return this.#doc;
  }

  get status(): ConnectionStatus {
    return this.#status;
  }

  /** Sends a message; only while synced. */
  send(message: FromWindow): void {
    this.sendFrame(encodeFrame(message));
  }

  sendFrame(frame: Uint8Array): void {
    this.#transport?.send(frame);
  }

  /** Ends the connection for good. */
  close(): void {
    this.#lost("closed by this window", 1000, true);
  }

  /** Makes the first connection, and each that comes after. */
  open(): void {
    let mine: Transport | null = null;
    const ifCurrent = (action: () => void): void => {
      if (mine === this.#transport || mine === null) action();
    };
    this.#handshake = setTimeout(
      () => this.#lost("the room did not finish the handshake in time", 4408),
      this.options.handshakeMs,
    );
    try {
      mine = this.connect({
        open: () => ifCurrent(() => this.#hello()),
        frame: (data) => ifCurrent(() => this.#frame(data)),
        close: (code, reason) => ifCurrent(() => this.#ended(code, reason)),
      });
    } catch (error) {
      this.#lost(`can't connect: ${(error as Error).message}`, 1006);
      return;
    }
    this.#transport = mine;
  }

  #hello(): void {
    const { client, key, name } = this.options;
    this.send({ type: "hello", protocol: [MIN_PROTOCOL_VERSION, PROTOCOL_VERSION], client, key, name });
    // Whichever document the room has, this window has nothing of it: that can be said before the welcome.
    if (this.#documentId === null) this.#askFor(new Y.Doc());
  }

  #frame(data: Uint8Array): void {
    this.#heardAt = Date.now();
    try {
      const type = frameType(data);
      if (type === SYNC) this.#sync(data);
      else if (type !== AWARENESS) {
        const { message, buffers } = decodeFrame(data);
        if (message.type === "welcome") this.#welcome(message);
        else if (!message.type.startsWith("x-")) this.events.message(message, buffers);
      }
    } catch (error) {
      this.events.problem("a frame of the room could not be taken; reconnecting", error);
      if (!(error instanceof ProtocolError)) this.#documentId = null;
      this.#lost((error as Error).message, 1006, false, MALFORMED);
    }
  }

  #welcome(welcome: Welcome): void {
    const asked = this.#documentId === null;
    if (welcome.document_id !== this.#documentId) {
      this.#documentId = welcome.document_id;
      this.#doc = new Y.Doc();
    }
    this.events.welcome(welcome);
    if (!asked) this.#askFor(this.#doc);
  }

  #sync(data: Uint8Array): void {
    const [step, content] = decodeSync(data);
    if (step === messageYjsSyncStep1) {
      this.sendFrame(syncFrame((encoder) => writeSyncStep2(encoder, this.#doc, content)));
    } else if (step === messageYjsSyncStep2 || step === messageYjsUpdate) {
      Y.applyUpdate(this.#doc, content, this);
      if (step === messageYjsSyncStep2 && this.#status === "connecting") this.#becomeSynced();
    } else {
      throw new ProtocolError(`unknown sync message ${step}`);
    }
  }

  #becomeSynced(): void {
    clearTimeout(this.#handshake);
    this.#status = "synced";
    this.#syncedAt = Date.now();
    this.#goneSince = Infinity;
    const { silenceMs } = this.options;
    this.#watch = setInterval(() => this.#checkLife(), silenceMs / 2);
    (this.#watch as { unref?: () => void }).unref?.();
    this.events.synced(this.#doc);
  }

  /**
   * A network that went away says nothing: after some silence, asks for something that is always answered. Only a question
   * without an answer counts, since a page in the background has its timers late.
   */
  #checkLife(): void {
    if (this.#askedAt > this.#heardAt) {
      this.#lost("the room went silent", 1006);
    } else if (Date.now() - this.#heardAt >= this.options.silenceMs) {
      this.#askedAt = Date.now();
      this.send({ type: "get_blobs", hashes: [NO_BLOB] });
    }
  }

  /** Asks for what a document doesn't have. */
  #askFor(doc: Y.Doc): void {
    this.sendFrame(syncFrame((encoder) => writeSyncStep1(encoder, doc)));
  }

  /** The other side has closed the connection. */
  #ended(code: number, reason: string): void {
    // A refused upgrade has no close code; Node's WebSocket tells the HTTP status in words.
    const gone = GONE.has(code) || /response: 40[34]$/.test(reason);
    this.#goneSince = gone ? Math.min(this.#goneSince, Date.now()) : Infinity;
    const ended = code === WRONG_VERSION || Date.now() - this.#goneSince > GONE_MS;
    this.#lost(reason || `the connection closed with code ${code}`, code, ended);
  }

  #lost(reason: string, code: number, ended = false, closeCode = 1000): void {
    if (this.#status === "closed") return;
    const transport = this.#transport;
    this.#transport = null;
    clearTimeout(this.#handshake);
    clearTimeout(this.#retry);
    clearInterval(this.#watch);
    if (this.#status === "synced" && Date.now() - this.#syncedAt > GOOD_AFTER_MS) this.#attempts = 0;
    this.#status = ended ? "closed" : "connecting";
    if (!ended) {
      const [shortest, longest] = this.options.backOffMs;
      const wait = Math.min(longest, shortest * 2 ** this.#attempts++);
      // Half of it is chance: a host that restarts isn't met by all windows at once.
      this.#retry = setTimeout(() => this.open(), wait * (0.5 + Math.random() / 2));
    }
    transport?.close(closeCode, reason);
    this.events.lost(new ConnectionError(reason, code), ended);
  }
}
