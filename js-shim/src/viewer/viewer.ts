/**
 * The page: it owns the token and the WebSocket, and shows the room in its header. Widgets run in a sandboxed frame of
 * opaque origin, so that an author's module has neither the reader's cookies nor the token; frames pass to it over a
 * MessagePort (`ports/index.ts` tells how).
 */

import "./viewer.css";
import { pipePort } from "../ports";
import { type Connect, readLink, type TransportEvents, webSocketConnect } from "../window/transport";
import { FrameWatch } from "./frame-watch";
import { Header } from "./header";
import { InspectorButton } from "./inspector/button";
import { Tap } from "./inspector/tap";
import { look } from "./look";
import { serveModules } from "./module-desk";
import { type Look, lookOf, Scheme } from "./scheme";
import { takeToken } from "./token";
import type { ConnectionState, FrameTrouble } from "./words";

/** Close codes of those who may not be here, and of those who don't understand each other. */
const FORBIDDEN = 4403;
const WRONG_VERSION = 4426;

function main(): void {
  const token = takeToken(window);
  const address = { ...readLink(location.href), token };
  const header = new Header(document, roomId(location.pathname));
  if (!token) {
    header.setConnection("refused");
    return;
  }
  let look: Look = {};
  const scheme = new Scheme(document, window);
  const tap = new Tap((settings) => {
    look = { ...look, ...lookOf(settings) };
    scheme.set(look);
    host.look(look);
  });
  const room = new RoomLine(webSocketConnect(address, WebSocket as never), header, tap, () =>
    refused(address.socket, token),
  );
  new InspectorButton(document, tap);
  const frame = document.getElementById("frame") as HTMLIFrameElement;
  serveModules(window, frame, address);
  const host = new FrameHost(frame, room, header);
}

/** Serves the frame: gives it its ports, sees to it that it is well, and loads it again when that is asked for. */
class FrameHost {
  private readonly frame: HTMLIFrameElement;
  private readonly room: RoomLine;
  private readonly header: Header;
  private served: unknown;
  private end: () => void = () => undefined;
  private watch: FrameWatch | null = null;
  private shown: Look = {};

  constructor(frame: HTMLIFrameElement, room: RoomLine, header: Header) {
    this.frame = frame;
    this.room = room;
    this.header = header;
    window.addEventListener("message", ({ source, data }) => {
      // The frame's origin is opaque: it is known by its window. It says one thing, that it is ready, perhaps twice.
      if (source !== this.frame.contentWindow || data?.commdoc !== "ready" || data.id === this.served) return;
      this.served = data.id;
      this.serve();
    });
    document.getElementById("reload")?.addEventListener("click", () => this.reload());
    // A page that a browser had put aside: its frame has said that it leaves.
    window.addEventListener("pageshow", ({ persisted }) => persisted && this.reload());
    // Page and frame load side by side; the frame may have been ready before this script was.
    frame.contentWindow?.postMessage({ commdoc: "here" }, "*");
  }

  /** How the frame is to look, also one that comes later. */
  look(look: Look): void {
    this.shown = look;
    this.watch?.look(look);
  }

  private serve(): void {
    this.end();
    this.header.setTrouble(null);
    // Of the connection before the header hears no more: what it said last is not what is.
    this.header.setConnection("connecting");
    const room = new MessageChannel();
    const watched = new MessageChannel();
    const stopPipe = pipePort(room.port1, this.room.connect);
    const watch = new FrameWatch(watched.port1, (trouble) => this.say(trouble));
    this.watch = watch;
    watch.look(this.shown);
    this.end = () => {
      this.end = () => undefined;
      this.watch = null;
      watch.stop();
      this.room.forget();
      stopPipe();
    };
    this.frame.contentWindow?.postMessage({ commdoc: "port" }, "*", [room.port2, watched.port2]);
  }

  private say(trouble: FrameTrouble | null): void {
    this.header.setTrouble(trouble);
    if (trouble !== "left" && trouble !== "overwritten") return;
    // Nobody is there who could take what the room says.
    this.end();
    this.header.setConnection("stopped");
  }

  /** Out of the page and in again: of what was done to the frame nothing is left. */
  private reload(): void {
    this.end();
    const { parentNode, nextSibling } = this.frame;
    this.frame.remove();
    parentNode?.insertBefore(this.frame, nextSibling);
    this.header.setTrouble(null);
    this.header.setConnection("connecting");
  }
}

/** The way to the room, with the header told what happens on it. */
class RoomLine {
  /** Connections of which the header is told no more are below this number. */
  private first = 0;
  private count = 0;
  private readonly open: Connect;
  private readonly header: Header;
  private readonly tap: Tap;
  private readonly isRefused: () => Promise<boolean>;

  constructor(open: Connect, header: Header, tap: Tap, isRefused: () => Promise<boolean>) {
    this.open = open;
    this.header = header;
    this.tap = tap;
    this.isRefused = isRefused;
  }

  /** The connections until now are the header's business no more. */
  forget(): void {
    this.first = this.count + 1;
    this.tap.lost();
    this.tap.forget();
  }

  readonly connect: Connect = (events: TransportEvents) => {
    const number = ++this.count;
    const tell = (state: ConnectionState) => number >= this.first && this.header.setConnection(state);
    let opened = false;
    tell("connecting");
    const ended = (code: number, reason: string) => {
      if (number === this.count) this.tap.lost();
      tell(code === FORBIDDEN || code === WRONG_VERSION ? "refused" : "disconnected");
      events.close(code, reason);
    };
    const line = this.open({
      open() {
        opened = true;
        events.open();
      },
      frame: (data) => {
        const isOurs = number === this.count && number >= this.first && look(data, this.header, this.tap);
        if (!isOurs) events.frame(data);
      },
      close: (code, reason) => {
        if (opened) return ended(code, reason);
        // A browser doesn't say that the handshake was answered with 403.
        this.isRefused().then((is) =>
          is ? ended(FORBIDDEN, "the host refused the token") : ended(code, reason),
        );
      },
    });
    this.tap.connecting(line);
    return line;
  };
}

/** Does the host refuse this token? Asked by way of a blob that no room has. */
async function refused(socket: string, token: string): Promise<boolean> {
  const url = new URL(`blobs/${"0".repeat(64)}`, socket.replace(/^ws/, "http"));
  try {
    return (await fetch(url, { headers: { Authorization: `Bearer ${token}` } })).status === 403;
  } catch {
    return false;
  }
}

function roomId(path: string): string {
  return /\/rooms\/([^/]+)/.exec(path)?.[1] ?? "";
}

main();
