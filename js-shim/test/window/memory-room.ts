/**
 * A room in memory, for tests of the window alone: a yjs document that it writes, the handshake, and whatever else a test has it
 * say. (The real room, in Python, is met in `tests/interop`.)
 */

import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import * as sync from "y-protocols/sync";
import type { State } from "../../src/document/elements";
import { decodeFrame, encodeFrame, frameType, MESSAGE, SYNC } from "../../src/window/frames";
import type { FromWindow, Role, ToWindow, Welcome } from "../../src/window/messages";
import type { Connect, TransportEvents } from "../../src/window/transport";
import { Writer } from "../document/writer";

/** One window's connection, seen from the room. */
export class Peer {
  synced = false;
  open = true;

  constructor(
    readonly room: MemoryRoom,
    readonly events: TransportEvents,
  ) {}

  send(message: ToWindow | { type: string }, buffers: Uint8Array[] = []): void {
    this.sendFrame(encodeFrame(message, buffers));
  }

  sendFrame(frame: Uint8Array): void {
    // A copy, later: as a socket delivers.
    const copy = frame.slice();
    queueMicrotask(() => this.open && this.events.frame(copy));
  }

  sendSync(write: (encoder: encoding.Encoder) => void): void {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, SYNC);
    write(encoder);
    this.sendFrame(encoding.toUint8Array(encoder));
  }

  close(code: number, reason = ""): void {
    if (!this.open) return;
    queueMicrotask(() => {
      this.open = false;
      this.room.peers.delete(this);
      this.events.close(code, reason);
    });
  }
}

export class MemoryRoom {
  writer = new Writer();
  documentId = "life-1";
  role: Role = "window";
  /** New connections are refused while false. */
  reachable = true;
  /** Step 1 of a window is answered by the test, by `answerStep1`. */
  manual = false;
  readonly peers = new Set<Peer>();
  /** What windows said, and its buffers. */
  readonly heard: { message: FromWindow; buffers: Uint8Array[]; peer: Peer }[] = [];
  connections = 0;
  /** Whether it says that it tells who changes what. */
  tells = false;
  /** The room's own Yjs client id, when it tells it. */
  clientId: number | undefined;
  /** What is answered to a hello, instead of a welcome. */
  onHello: ((peer: Peer) => void) | undefined;
  #listeners = new Set<() => void>();

  constructor() {
    this.begin();
  }

  /** Begins a new life of the document. */
  begin(): void {
    const { doc } = this.writer;
    doc.on("update", (update: Uint8Array) => {
      if (doc !== this.writer.doc) return;
      for (const peer of this.peers)
        if (peer.synced) peer.sendSync((encoder) => sync.writeUpdate(encoder, update));
    });
  }

  restart(): void {
    for (const peer of this.peers) peer.close(1006);
    this.writer = new Writer();
    this.documentId = `${this.documentId}+`;
    this.begin();
  }

  readonly connect: Connect = (events) => {
    const peer = new Peer(this, events);
    this.connections++;
    queueMicrotask(() => {
      if (!this.reachable) return events.close(1006, "unreachable");
      this.peers.add(peer);
      events.open();
    });
    return {
      send: (frame) => {
        const copy = frame.slice();
        queueMicrotask(() => peer.open && this.#receive(peer, copy));
      },
      close: (code, reason) => peer.close(code, reason),
    };
  };

  answerStep1(peer: Peer, stateVector?: Uint8Array): void {
    peer.sendSync((encoder) => sync.writeSyncStep2(encoder, this.writer.doc, stateVector));
    peer.synced = true;
  }

  tell(message: ToWindow, buffers: Uint8Array[] = []): void {
    for (const peer of this.peers) peer.send(message, buffers);
  }

  /** What windows said, of one type. */
  of<Type extends FromWindow["type"]>(type: Type): Extract<FromWindow, { type: Type }>[] {
    return this.heard.map(({ message }) => message).filter((message) => message.type === type) as never;
  }

  /** Waits until windows have said `count` messages of a type; returns the last. */
  async next<Type extends FromWindow["type"]>(
    type: Type,
    count = 1,
  ): Promise<Extract<FromWindow, { type: Type }>> {
    while (this.of(type).length < count) {
      await new Promise<void>((resolve) => {
        this.#listeners.add(resolve);
      });
    }
    return this.of(type)[count - 1] as Extract<FromWindow, { type: Type }>;
  }

  accept(id: string, commId: string, state: State): void {
    this.writer.update(commId, state);
    this.tell({ type: "accepted", request_id: id, after: 0 });
  }

  settle(id: string, commId: string, state: State): void {
    this.writer.update(commId, state);
    this.tell({ type: "settled", request_id: id, after: 0, state });
  }

  #receive(peer: Peer, frame: Uint8Array): void {
    if (frameType(frame) === SYNC) this.#sync(peer, frame);
    else if (frameType(frame) === MESSAGE) {
      const { message, buffers } = decodeFrame(frame);
      this.heard.push({ message: message as unknown as FromWindow, buffers, peer });
      if ((message as { type: string }).type === "hello")
        (this.onHello ?? ((one) => this.#welcome(one)))(peer);
    }
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }

  #welcome(peer: Peer): void {
    const welcome: Welcome = {
      type: "welcome",
      protocol: 1,
      room_id: "room",
      document_id: this.documentId,
      ...(this.clientId === undefined ? {} : { client_id: this.clientId }),
      peer_id: `peer-${this.connections}`,
      role: this.role,
      limits: {
        frame_bytes: 1e6,
        text_bytes: 1e5,
        queue_bytes: 1e6,
        event_bytes: 1e6,
        push_bytes: 1e6,
        handshake_seconds: 10,
      },
      kernel: { status: "idle", epoch: "e", kernel_id: "k", live: true },
      peers: [],
      ...(this.tells ? { inspect: true } : {}),
    };
    peer.send(welcome);
    peer.sendSync((encoder) => sync.writeSyncStep1(encoder, this.writer.doc));
  }

  #sync(peer: Peer, frame: Uint8Array): void {
    const decoder = decoding.createDecoder(frame);
    decoding.readVarUint(decoder);
    if (decoding.readVarUint(decoder) !== sync.messageYjsSyncStep1) return;
    if (!this.manual) this.answerStep1(peer, decoding.readVarUint8Array(decoder));
  }
}

/** Lets everything that is under way arrive. */
export async function arrived(): Promise<void> {
  for (let n = 0; n < 5; n++) await new Promise((resolve) => setTimeout(resolve, 0));
}
