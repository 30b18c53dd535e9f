/**
 * The frame: the room's models and views, in a document of opaque origin. It has no token and opens no connection: the page
 * around it gives it a port to the room. Its data attributes are what tests read:
 * `data-view` and `data-comm-id` on views, `data-cell` on groups, `data-live` on the body.
 */

import { fromRoom, PAGE_SUFFIX } from "../models/from-room";
import { LastLife } from "../models/last-life";
import { RoomManager } from "../models/manager";
import { portConnect } from "../ports";
import { ConnectionError } from "../window/errors";
import { joinRoom, type Room } from "../window/room";
import type { Connect } from "../window/transport";
import "./frame.css";
import { Notebook } from "./cells/notebook";
import { Controls } from "./controls";
import { answer } from "./frame-watch";
import { LogPanel } from "./log-panel";
import { askForModules } from "./module-desk";
import { NotebookView } from "./notebook-view";
import { Scheme } from "./scheme";
import { Stage } from "./stage";
import { Still } from "./still";
import { typesetter } from "./typesetter";
import { say, standing } from "./words";

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
  // JupyterLab's sheets ask for the scheme by an attribute: images that need a light ground get one.
  const scheme = new Scheme(document, window, (isDark) => {
    document.body.dataset.jpThemeLight = String(!isDark);
  });
  const still = new Still(at("stage"), window);
  const controls = new Controls(at("stage"));
  const [port, watch] = await portsFromPage();
  if (watch !== undefined) {
    const stage = at("stage");
    answer(
      watch,
      () => stage.isConnected,
      (look) => scheme.set(look),
    );
  }
  const room = await join(portConnect(port), problem);
  const refused = (commId: string, reason: string) => log.add("error", `comm ${commId}: ${reason}`);
  const life = new LastLife(
    room,
    fromRoom(room, refused),
    () => at("stage").querySelector("[data-comm-id]") !== null,
  );
  const manager = new RoomManager(life.source, {
    root: document,
    typesetter,
    nbextensions: askForModules(window),
    onProblem: ({ commId, text }) =>
      log.add("error", text.startsWith("comm ") ? text : `comm ${commId}: ${text}`),
  });
  const maker = {
    get_model: (commId: string) => manager.modelWhenThere(commId),
    create_view: manager.create_view.bind(manager),
  };
  const stage = new Stage(at("views"), maker, (commId, error) => problem(`comm ${commId}: no view`, error));
  const notebook = new Notebook(room.doc, problem);
  const cells = new NotebookView(at("cells"), notebook, manager.renderMime, () => show());
  const show = () => {
    const { views } = room.comms;
    if (life.isKept && views.length > 0) life.release();
    if (notebook.doc !== room.doc) notebook.attach(room.doc);
    const loose = cells.hasCells && !life.isKept ? cells.place(views) : views;
    if (!life.isKept) stage.show(loose);
    at("loose").hidden = !cells.hasCells || loose.length === 0;
    at("empty").hidden = cells.hasCells || views.length > 0 || life.isKept || !room.kernel.live;
    const alive = showLife(room, manager, life);
    still.set(!alive);
    controls.set(!alive);
  };
  room.on("change", (changes) => {
    if (changes.some(({ kind }) => kind !== "updated" && kind !== "outputs")) show();
  });
  room.on("kernel", show);
  room.on("status", show);
  room.on("log", ({ name, text }) => log.add(name === "stderr" ? "stderr" : "stdout", text));
  show();
}

/** Says how things stand; returns whether widgets can be used. */
function showLife(room: Room, manager: RoomManager, life: LastLife): boolean {
  const { ended, rest, alive, state } = standing(room, life.isKept, {
    closed: "The room is gone. Load this page again to look for it.",
    reading: "This link is for reading: nothing can be changed with it.",
  });
  manager.setLive(alive);
  at("stage").dataset.state = state;
  document.body.dataset.live = String(alive);
  // What there is to say of kernel and connection the page around says itself.
  say(at("state"), ended ?? rest);
  return alive;
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

/** The ports to the room and to who watches, from the page around: asked for now, and again when the page says that it is there. */
function portsFromPage(): Promise<[MessagePort, MessagePort | undefined]> {
  // The frame's origin is opaque and it can't know the page's; there is nothing secret in being ready.
  const ready = { commdoc: "ready", id: Math.random() };
  return new Promise((resolve) => {
    const take = ({ source, data, ports: [port, watch] }: MessageEvent) => {
      if (source !== window.parent) return;
      if (data?.commdoc === "here") window.parent.postMessage(ready, "*");
      if (data?.commdoc !== "port" || port === undefined) return;
      window.removeEventListener("message", take);
      resolve([port, watch]);
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
