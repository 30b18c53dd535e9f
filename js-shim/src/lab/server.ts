/** What the plugin asks of the server's extension, with Jupyter's own authentication: rooms, their sockets, links. */

import { URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";
import type { Role } from "../window/messages";
import { type Connect, type Transport, webSocketConnect } from "../window/transport";

/** Which room: that of a kernel's bridge, else of a notebook's path. */
export interface RoomQuery {
  kernel_id?: string;
  path?: string;
}

/** Whose document the room has: its own, or one that a collaboration extension syncs with the notebook. */
export type DocumentKind = "own" | "jupyter-collaboration" | "jupyter-server-documents";

export interface RoomAnswer {
  room_id: string;
  role: Role;
  path: string;
  document: DocumentKind;
}

/** A room that isn't there: no such session, no such file, or no extension. */
const NOT_FOUND = 404;

export class RoomServer {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  /** Is the extension there? */
  async isThere(): Promise<boolean> {
    return (await this.ask("GET", "api/status")) !== null;
  }

  room(query: RoomQuery): Promise<RoomAnswer | null> {
    return this.ask("POST", "api/rooms", query) as Promise<RoomAnswer | null>;
  }

  /** A link to the room's page, good for a while. */
  async link(roomId: string, role: Role): Promise<string> {
    const answer = await this.ask("POST", `api/rooms/${roomId}/links`, { role });
    if (answer === null) throw new Error("the room is gone");
    // It may come without a host: this browser knows under which name it reaches the server.
    return new URL((answer as { url: string }).url, this.settings.baseUrl).href;
  }

  /**
   * Connects to the room that `query` names at that time: after a restart of the server, or when a kernel has got another
   * one, it may be another room.
   */
  connect(query: () => RoomQuery, found: (answer: RoomAnswer) => void): Connect {
    return (events) => {
      let transport: Transport | null = null;
      let closed = false;
      const fail = (reason: string): void => {
        if (!closed) events.close(1006, reason);
        closed = true;
      };
      this.room(query()).then(
        (answer) => {
          if (closed) return;
          if (answer === null) return fail("there is no room for this kernel");
          found(answer);
          transport = webSocketConnect(
            { socket: this.socketUrl(answer.room_id), token: "" },
            this.settings.WebSocket as never,
          )(events);
        },
        (error) => fail(String(error.message ?? error)),
      );
      return {
        send: (frame) => transport?.send(frame),
        close: (code, reason) => {
          closed = true;
          transport?.close(code, reason);
        },
      };
    };
  }

  private socketUrl(roomId: string): string {
    const { wsUrl, token, appendToken } = this.settings;
    const url = URLExt.join(wsUrl, "commdoc/rooms", roomId, "ws");
    return appendToken && token ? `${url}?token=${encodeURIComponent(token)}` : url;
  }

  private async ask(method: string, path: string, body?: object): Promise<unknown> {
    const response = await ServerConnection.makeRequest(
      URLExt.join(this.settings.baseUrl, "commdoc", path),
      { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) },
      this.settings,
    );
    if (response.status === NOT_FOUND) return null;
    if (!response.ok) throw await ServerConnection.ResponseError.create(response);
    return response.json();
  }
}
