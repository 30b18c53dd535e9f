/**
 * The frame: the room's models and views, in a document of opaque origin. It has no token and opens no connection: the page
 * around it gives it a port to the room. Its data attributes are what tests read:
 * `data-view` and `data-comm-id` on views, `data-cell` on groups, `data-live` on the body.
 */

import { modelsOf, nbextensions, type RoomManager } from "../models";
import { PAGE_SUFFIX } from "../models/from-room";
import { ConnectionError } from "../window/errors";
import { joinRoom, type Room } from "../window/room";
import { type Connect, portConnect } from "../window/transport";
import "./frame.css";
import { LogPanel } from "./log-panel";
import { askForModules } from "./module-desk";
import { Stage } from "./stage";
import { typesetter } from "./typesetter";
import { lifelessWords } from "./words";

/** The wait before the room is tried again, while it was never joined. */
const RETRY_MS = [300, 1000, 3000, 10_000];

/** Forbidden, and another version. */
const FINAL_CODES = new Set([4403, 4426]);

async function main(): Promise<void> {
  const log = new LogPanel(at<HTMLDetailsElement>("log"));
  const problem = (text: string, error?: unknown) => {
    console.error(`[commdoc] ${text}`, error ?? "");
    log.add("error", text);
  };
  const room = await join(portConnect(await portFromPage()), problem);
  const manager = modelsOf(room, {
    root: document,
    typesetter,
    loader: nbextensions(askForModules(window)),
    onProblem: ({ commId, text }) =>
      log.add("error", text.startsWith("comm ") ? text : `comm ${commId}: ${text}`),
  });
  const maker = {
    get_model: (commId: string) => manager.modelWhenThere(commId),
    create_view: manager.create_view.bind(manager),
  };
  const stage = new Stage(at("stage"), maker, (commId, error) => problem(`comm ${commId}: no view`, error));
  const show = () => {
    const { views } = room.comms;
    stage.show(views);
    at("empty").hidden = views.length > 0 || !room.kernel.live;
  };
  const live = () => showLife(room, manager);
  room.on("change", (changes) => {
    if (changes.some(({ kind }) => kind !== "updated")) show();
    if (changes.some(({ kind }) => kind === "kernel" || kind === "refused")) live();
  });
  room.on("kernel", () => {
    live();
    show();
  });
  room.on("status", live);
  room.on("log", ({ name, text }) => log.add(name === "stderr" ? "stderr" : "stdout", text));
  live();
  show();
}

function showLife(room: Room, manager: RoomManager): void {
  const { status, live, epoch } = room.kernel;
  const connection = room.status === "synced" ? "live" : "disconnected";
  const lifeless = lifelessWords(connection, epoch === null ? "unknown" : status, live);
  // What the page around can't know; the rest it says itself.
  const reading = room.role === "viewer" ? "This link is for reading: nothing can be changed with it." : null;
  const closed = room.status === "closed" ? "The room is gone. Load this page again to look for it." : null;
  const words = room.schemaError?.message ?? closed ?? reading;
  const alive = words === null && lifeless === null && live;
  manager.setLive(alive);
  at("stage").inert = !alive;
  document.body.dataset.live = String(alive);
  const line = at("state");
  line.hidden = words === null;
  line.textContent = words;
}

async function join(connect: Connect, problem: (text: string, error?: unknown) => void): Promise<Room> {
  for (let tries = 0; ; tries++) {
    try {
      return await joinRoom(connect, { name: browserName(), client: "commdoc-page", onProblem: problem });
    } catch (error) {
      // The page around says what is wrong; here it is only tried again, where that can help.
      if (error instanceof ConnectionError && FINAL_CODES.has(error.code)) await new Promise(() => undefined);
      const wait = RETRY_MS[Math.min(tries, RETRY_MS.length - 1)];
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

/** The port to the room, from the page around: asked for now, and again when the page says that it is there. */
function portFromPage(): Promise<MessagePort> {
  // The frame's origin is opaque and it can't know the page's; there is nothing secret in being ready.
  const ready = { commdoc: "ready", id: Math.random() };
  return new Promise((resolve) => {
    const take = ({ source, data, ports }: MessageEvent) => {
      if (source !== window.parent) return;
      if (data?.commdoc === "here") window.parent.postMessage(ready, "*");
      if (data?.commdoc !== "port" || ports[0] === undefined) return;
      window.removeEventListener("message", take);
      resolve(ports[0]);
    };
    window.addEventListener("message", take);
    window.parent.postMessage(ready, "*");
  });
}

function browserName(): string {
  const agent = navigator.userAgent;
  const found = /(Firefox|Edg|Chrome|Safari)\//.exec(agent)?.[1] ?? "Browser";
  return `${found === "Edg" ? "Edge" : found}${PAGE_SUFFIX}`;
}

function at<E extends HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

main().catch((error) => console.error("[commdoc] the frame could not start", error));
