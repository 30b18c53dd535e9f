/**
 * What carries frames between a window and its room: a WebSocket, or a MessagePort whose other end a page pipes to one.
 *
 * A window in a sandboxed frame has no token and opens no socket: the page around it does. `pipePort` runs there,
 * `portConnect` in the frame. Between them go frames as they are, and four small objects:
 *
 *     frame → page   { commdoc: "open", id }    open a socket
 *     page → frame   { commdoc: "opened", id }  it is open
 *     both ways      { commdoc: "frame", id, data }
 *     both ways      { commdoc: "close", id, code, reason }
 *
 * `id` counts the sockets, so that what a closed one still had to say is dropped.
 */

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
  url.protocol = url.protocol === "https:" || url.protocol === "wss:" ? "wss:" : "ws:";
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
