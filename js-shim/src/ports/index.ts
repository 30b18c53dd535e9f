/**
 * A MessagePort that carries frames between a window and its room, with a page at its other end that pipes them to a socket.
 *
 * A window in a sandboxed frame has no token and opens no socket: the page around it does. `pipePort` runs there,
 * `portConnect` in the frame. Between them go frames as they are, and five small objects:
 *
 *     frame → page   { commdoc: "open", id }    open a socket
 *     page → frame   { commdoc: "opened", id }  it is open
 *     both ways      { commdoc: "frame", id, data }
 *     frame → page   { commdoc: "taken", id, bytes }  of this socket's frames so many bytes have been read, told now and then
 *     both ways      { commdoc: "close", id, code, reason }
 *
 * `id` counts the sockets, so that what a closed one still had to say is dropped. A window elsewhere has no need of it, so it
 * isn't of the library's core.
 *
 * A port takes whatever is posted, also while nobody reads at its other end. For a frame that stands still the socket is
 * closed before the page's memory is full of what waits for it; the frame hears of that when it goes on, and comes back to what
 * the room has then, as a window does that was away.
 *
 * @module
 */

import type { Connect, Transport } from "../window/transport";

/** The part of a MessagePort that is used. */
export interface PortLike {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

/** What may wait for a frame that takes nothing, in bytes, and for how long in ms it may take nothing then. */
export const WAITING_BYTES = 64 * 2 ** 20;
export const STALL_MS = 2000;

/** What may wait for one that does take: a burst. */
export const BURST_BYTES = 4 * WAITING_BYTES;

/** So many bytes are told at once to have been taken. */
const TELL_BYTES = 2 ** 18;

/** Closed because its window stood still. */
const STALLED = 4408;

type PortMessage =
  | { commdoc: "open" | "opened"; id: number }
  | { commdoc: "taken"; id: number; bytes: number }
  | { commdoc: "frame"; id: number; data: Uint8Array }
  | { commdoc: "close"; id: number; code: number; reason: string };

/** Connects over a port whose other end runs `pipePort`. The port is used for nothing else. */
export function portConnect(port: PortLike): Connect {
  let count = 0;
  return (events) => {
    const id = ++count;
    let closed = false;
    let taken = 0;
    let told = 0;
    const end = (code: number, reason: string): void => {
      if (closed) return;
      closed = true;
      events.close(code, reason);
    };
    port.onmessage = ({ data: message }: MessageEvent<PortMessage>) => {
      if (message.id !== id || closed) return;
      if (message.commdoc === "opened") events.open();
      else if (message.commdoc === "frame") {
        taken += message.data.length;
        if (taken - told >= TELL_BYTES) {
          told = taken;
          post(port, { commdoc: "taken", id, bytes: taken });
        }
        events.frame(message.data);
      } else if (message.commdoc === "close") end(message.code, message.reason);
    };
    post(port, { commdoc: "open", id });
    return {
      send: (data) => post(port, { commdoc: "frame", id, data }),
      close: (code, reason) => {
        post(port, { commdoc: "close", id, code, reason });
        end(code, reason);
      },
    };
  };
}

/**
 * Serves a window behind a port: opens a connection whenever it asks for one.
 *
 * @returns ends the pipe and its connection
 */
export function pipePort(port: PortLike, connect: Connect): () => void {
  let current: { id: number; transport: Transport; flow: Flow } | null = null;
  const drop = (code: number, reason: string): void => {
    const dropped = current;
    current = null;
    dropped?.transport.close(code, reason);
  };
  port.onmessage = ({ data: message }: MessageEvent<PortMessage>) => {
    if (message.commdoc === "open") {
      drop(1000, "another socket was asked for");
      const { id } = message;
      const is = (): boolean => current?.id === id;
      const flow = new Flow();
      const transport = connect({
        open: () => is() && post(port, { commdoc: "opened", id }),
        frame: (data) => {
          if (!is()) return;
          post(port, { commdoc: "frame", id, data });
          if (flow.passed(data.length, performance.now())) return;
          const reason = "the window took nothing of what came";
          drop(STALLED, reason);
          post(port, { commdoc: "close", id, code: STALLED, reason });
        },
        close: (code, reason) => {
          if (!is()) return;
          current = null;
          post(port, { commdoc: "close", id, code, reason });
        },
      });
      current = { id, transport, flow };
    } else if (message.id === current?.id) {
      if (message.commdoc === "frame") current.transport.send(message.data);
      else if (message.commdoc === "taken") current.flow.took(message.bytes);
      else if (message.commdoc === "close") drop(message.code, message.reason);
    }
  };
  return () => drop(1000, "the page is done");
}

/** How much of a socket's frames waits in the port. */
class Flow {
  private posted = 0;
  private taken = 0;
  /** Since when too much waits, and nothing was taken. */
  private stalledAt = Infinity;

  /** So many bytes more were posted; false when too much waits for a window that stands still. */
  passed(bytes: number, now: number): boolean {
    this.posted += bytes;
    const waiting = this.posted - this.taken;
    if (waiting <= WAITING_BYTES) return true;
    this.stalledAt = Math.min(this.stalledAt, now);
    return waiting <= BURST_BYTES && now - this.stalledAt < STALL_MS;
  }

  /** Of all that was posted so many bytes have been read. */
  took(taken: number): void {
    // Whoever speaks to the port by itself says what it likes; more than there was doesn't count.
    if (!(taken > this.taken && taken <= this.posted)) return;
    this.taken = taken;
    this.stalledAt = Infinity;
  }
}

function post(port: PortLike, message: PortMessage): void {
  port.postMessage(message);
}
