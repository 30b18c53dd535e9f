/**
 * A MessagePort that carries frames between a window and its room, with a page at its other end that pipes them to a socket.
 *
 * A window in a sandboxed frame has no token and opens no socket: the page around it does. `pipePort` runs there,
 * `portConnect` in the frame. Between them go frames as they are, and four small objects:
 *
 *     frame → page   { commdoc: "open", id }    open a socket
 *     page → frame   { commdoc: "opened", id }  it is open
 *     both ways      { commdoc: "frame", id, data }
 *     both ways      { commdoc: "close", id, code, reason }
 *
 * `id` counts the sockets, so that what a closed one still had to say is dropped. A window elsewhere has no need of it, so it
 * isn't of the library's core.
 */

import type { Connect, Transport } from "../window/transport";

/** The part of a MessagePort that is used. */
export interface PortLike {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

type PortMessage =
  | { commdoc: "open" | "opened"; id: number }
  | { commdoc: "frame"; id: number; data: Uint8Array }
  | { commdoc: "close"; id: number; code: number; reason: string };

/** Connects over a port whose other end runs `pipePort`. The port is used for nothing else. */
export function portConnect(port: PortLike): Connect {
  let count = 0;
  return (events) => {
    const id = ++count;
    let closed = false;
    const end = (code: number, reason: string): void => {
      if (closed) return;
      closed = true;
      events.close(code, reason);
    };
    port.onmessage = ({ data: message }: MessageEvent<PortMessage>) => {
      if (message.id !== id || closed) return;
      if (message.commdoc === "opened") events.open();
      else if (message.commdoc === "frame") events.frame(message.data);
      else if (message.commdoc === "close") end(message.code, message.reason);
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
  let current: { id: number; transport: Transport } | null = null;
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
      const transport = connect({
        open: () => is() && post(port, { commdoc: "opened", id }),
        frame: (data) => is() && post(port, { commdoc: "frame", id, data }),
        close: (code, reason) => {
          if (!is()) return;
          current = null;
          post(port, { commdoc: "close", id, code, reason });
        },
      });
      current = { id, transport };
    } else if (message.id === current?.id) {
      if (message.commdoc === "frame") current.transport.send(message.data);
      else if (message.commdoc === "close") drop(message.code, message.reason);
    }
  };
  return () => drop(1000, "the page is done");
}

function post(port: PortLike, message: PortMessage): void {
  port.postMessage(message);
}
