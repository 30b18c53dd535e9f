/**
 * The page: it owns the token and the WebSocket, and shows the room in its header. Widgets run in a sandboxed frame of
 * opaque origin, so that an author's module has neither the reader's cookies nor the token; frames pass to it over a
 * MessagePort (`window/transport.ts` tells how).
 */

import "./viewer.css";
import { decodeFrame, frameType, MESSAGE } from "../window/frames";
import {
  type Connect,
  pipePort,
  readLink,
  type TransportEvents,
  webSocketConnect,
} from "../window/transport";
import { Header } from "./header";
import { serveModules } from "./module-desk";
import { takeToken } from "./token";

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
  const connect = watched(webSocketConnect(address, WebSocket as never), header, () =>
    refused(address.socket, token),
  );
  const frame = document.getElementById("frame") as HTMLIFrameElement;
  serveModules(window, frame, address);
  let served: unknown;
  let stop: () => void = () => undefined;
  window.addEventListener("message", ({ source, data }) => {
    // The frame's origin is opaque: it is known by its window. It says one thing, that it is ready, perhaps twice.
    if (source !== frame.contentWindow || data?.commdoc !== "ready" || data.id === served) return;
    served = data.id;
    stop();
    const { port1, port2 } = new MessageChannel();
    stop = pipePort(port1, connect);
    frame.contentWindow?.postMessage({ commdoc: "port" }, "*", [port2]);
  });
  // Page and frame load side by side; the frame may have been ready before this script was.
  frame.contentWindow?.postMessage({ commdoc: "here" }, "*");
}

/** `connect`, with the header told what happens. */
function watched(connect: Connect, header: Header, isRefused: () => Promise<boolean>): Connect {
  return (events: TransportEvents) => {
    let opened = false;
    header.setConnection("connecting");
    const ended = (code: number, reason: string) => {
      header.setConnection(code === FORBIDDEN || code === WRONG_VERSION ? "refused" : "disconnected");
      events.close(code, reason);
    };
    return connect({
      open() {
        opened = true;
        events.open();
      },
      frame(data) {
        look(data, header);
        events.frame(data);
      },
      close(code, reason) {
        if (opened) return ended(code, reason);
        // A browser doesn't say that the handshake was answered with 403.
        isRefused().then((is) => (is ? ended(FORBIDDEN, "the host refused the token") : ended(code, reason)));
      },
    });
  };
}

function look(data: Uint8Array, header: Header): void {
  try {
    if (frameType(data) === MESSAGE) header.take(decodeFrame(data).message);
  } catch {
    // The frame's own reader refuses it, with the reason.
  }
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
