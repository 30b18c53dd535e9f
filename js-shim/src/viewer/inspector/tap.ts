/**
 * The page's own look at what passes between the room and the frame: what an inspector needs, and nothing while there is none.
 *
 *     frame  hello, step 1 …  ──►  room       passes as it is
 *     page   inspect, step 1  ──►  room       behind that, when somebody listens: on the same connection, as the same window
 *     room   step 2, changed  ──►  page       the answers to these; the frame gets neither
 *     page   follow_settings  ──►  room       on each connection, where the room has settings; the frame gets no answer
 *     room   updates          ──►  both
 *
 * Nothing here depends on the frame: a widget can't change what is seen here, and a frame that hangs doesn't stop it.
 */

import { writeVarUint, writeVarUint8Array } from "lib0/encoding";
import { decodeSync, encodeFrame, syncFrame } from "../../window/frames";
import type { Blobs, ChangedKeys, Settings, ToWindow, Welcome } from "../../window/messages";
import type { Transport } from "../../window/transport";

/** Steps of y-protocols sync, which itself would bring yjs into a page that shows no inspector. */
const STEP1 = 0;
const STEP2 = 1;
const UPDATE = 2;

/** The state vector of who has nothing. */
const NOTHING = Uint8Array.of(0);

/** Blobs of which it is remembered that they came; a stream of images would fill the page's memory. */
const MOST_BLOBS = 20_000;

/** Whether this window has a blob: `unknown` when too much has come since to know. */
export type BlobPresence = "here" | "not fetched" | "missing" | "unknown";

export interface TapListener {
  /** A connection is complete, and the whole document comes; what was known before is another life's, or old. */
  began(): void;
  /** The whole document. */
  document(update: Uint8Array): void;
  update(update: Uint8Array): void;
  changed(changes: readonly ChangedKeys[]): void;
  /** A blob came, or was said to be missing. */
  blobs(): void;
  /** The connection is gone. */
  lost(): void;
}

export class Tap {
  private line: Transport | null = null;
  private welcome: Welcome | null = null;
  private synced = false;
  private listener: TapListener | null = null;
  private readonly here = new Set<string>();
  private readonly missing = new Set<string>();
  private forgot = false;
  private readonly onSettings: (settings: Settings["settings"]) => void;

  /** @param onSettings takes what the room tells of the user's settings */
  constructor(onSettings: (settings: Settings["settings"]) => void = () => undefined) {
    this.onSettings = onSettings;
  }

  /** As whom the room knows this window. */
  get peerId(): string {
    return this.welcome?.peer_id ?? "";
  }

  /** Whether the room tells who changes what. */
  get tellsAuthors(): boolean {
    return this.welcome?.inspect === true;
  }

  /** A new connection is being made. */
  connecting(line: Transport): void {
    this.lost();
    this.line = line;
  }

  /** The connection is gone. */
  lost(): void {
    const was = this.synced;
    this.line = null;
    this.welcome = null;
    this.synced = false;
    if (was) this.listener?.lost();
  }

  /** Another frame: it has no blobs. */
  forget(): void {
    this.here.clear();
    this.missing.clear();
    this.forgot = false;
  }

  /** @returns whether it was for the page alone */
  message(message: ToWindow): boolean {
    if (message.type === "welcome") {
      this.welcome = message;
      if (message.settings) this.line?.send(encodeFrame({ type: "follow_settings", on: true }));
    } else if (message.type === "settings") {
      this.onSettings(message.settings);
      return true;
    } else if (message.type === "blobs") this.note(message);
    else if (message.type === "changed") {
      this.listener?.changed(message.changes);
      return true;
    }
    return false;
  }

  /** @returns whether it was for the page alone */
  sync(data: Uint8Array): boolean {
    const first = !this.synced;
    if (!first && this.listener === null) return false;
    const [step, content] = decodeSync(data);
    if (step !== STEP2) {
      if (step === UPDATE) this.listener?.update(content);
      return false;
    }
    if (!first) {
      // The frame asks once in a connection.
      this.listener?.document(content);
      return true;
    }
    this.synced = true;
    if (this.listener !== null) this.ask();
    return false;
  }

  /** @returns ends it */
  listen(listener: TapListener): () => void {
    this.listener = listener;
    if (this.synced) this.ask();
    return () => {
      this.listener = null;
      if (this.synced && this.tellsAuthors) this.line?.send(encodeFrame({ type: "inspect", on: false }));
    };
  }

  presence(hash: string): BlobPresence {
    if (this.here.has(hash)) return "here";
    if (this.missing.has(hash)) return "missing";
    return this.forgot ? "unknown" : "not fetched";
  }

  private ask(): void {
    this.listener?.began();
    if (this.tellsAuthors) this.line?.send(encodeFrame({ type: "inspect", on: true }));
    this.line?.send(
      syncFrame((encoder) => {
        writeVarUint(encoder, STEP1);
        writeVarUint8Array(encoder, NOTHING);
      }),
    );
  }

  private note({ hashes, missing }: Blobs): void {
    for (const hash of hashes) {
      this.here.delete(hash);
      this.here.add(hash);
      this.missing.delete(hash);
    }
    for (const hash of missing) {
      this.here.delete(hash);
      this.missing.add(hash);
    }
    for (const set of [this.here, this.missing]) {
      for (const hash of set) {
        if (set.size <= MOST_BLOBS) break;
        set.delete(hash);
        this.forgot = true;
      }
    }
    this.listener?.blobs();
  }
}
