/** What carries frames between a window and its room, and the WebSocket that does. `ports` has another: a MessagePort. */

import { CommdocError } from "./errors";

/** What a transport tells its user. `close` comes once and last. */
export interface TransportEvents {
  open(): void;
  frame(data: Uint8Array): void;
  close(code: number, reason: string): void;
}

/** One connection. */
export interface Transport {
  send(frame: Uint8Array): void;
  close(code: number, reason: string): void;
}

/** Begins a connection; called again for each reconnect. */
export type Connect = (events: TransportEvents) => Transport;

/** The part of the WebSocket constructor that is used; `ws` of Node has it too. */
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

export interface WebSocketLike {
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

/** Where a room is. */
export interface RoomAddress {
  /** The WebSocket's URL, without the token. */
  socket: string;
  token: string;
}

/**
 * Reads a page link, `http://host/commdoc/rooms/<room_id>/#token=…`. The token is only ever behind `#`.
 */
export function readLink(link: string | URL): RoomAddress {
  const url = new URL(link);
  const token = new URLSearchParams(url.hash.slice(1)).get("token") ?? "";
  url.hash = "";
  url.search = "";
  url.protocol = url.protocol.replace("http", "ws");
  url.pathname = `${url.pathname.replace(/\/(ws)?$/, "")}/ws`;
  return { socket: url.href, token };
}

/** Connects over a WebSocket; the token travels as a sub-protocol, which is what a browser can set. */
export function webSocketConnect(address: RoomAddress, Socket: WebSocketConstructor): Connect {
  return (events) => {
    const protocols = address.token ? ["commdoc", `commdoc.token.${address.token}`] : ["commdoc"];
    const socket = new Socket(address.socket, protocols);
    let problem = "";
    socket.binaryType = "arraybuffer";
    socket.onopen = () => events.open();
    socket.onmessage = (event: { data: unknown }) => {
      if (event.data instanceof ArrayBuffer) events.frame(new Uint8Array(event.data));
      else socket.close(4400, "a text frame");
    };
    socket.onerror = (event: { message?: string }) => {
      problem = event.message ?? "";
    };
    socket.onclose = (event: { code: number; reason: string }) =>
      events.close(event.code, event.reason || problem);
    return {
      send: (frame) => socket.send(frame as Uint8Array<ArrayBuffer>),
      close(code, reason) {
        try {
          socket.close(code, reason.slice(0, 100));
        } catch {
          // A code or a reason that a browser doesn't take, from a widget that speaks to the port by itself.
          socket.close();
        }
      },
    };
  };
}

/** Connects to a room by its link, with the global WebSocket unless another is passed. */
export function connectTo(
  link: string | URL,
  Socket: WebSocketConstructor | undefined = (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket,
): Connect {
  if (!Socket)
    throw new CommdocError(
      "there is no WebSocket here: pass one, e.g. that of the package ws, as option WebSocket",
    );
  return webSocketConnect(readLink(link), Socket);
}
