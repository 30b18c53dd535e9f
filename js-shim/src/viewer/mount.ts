/**
 * A room's displayed widgets in an element of somebody else's page: no frame, no header, nothing outside of the element.
 *
 * They run with all that the page may do, so the page must trust the kernel; comms that no kernel of the room's host has made
 * are withheld (`trusted`). The looks are `commdoc/style.css`, which styles nothing outside of `.commdoc` but classes of
 * ipywidgets, Lumino and JupyterLab.
 */

import type { Comm, View } from "../document";
import { askHost } from "../models/ask-host";
import type { RoomManager } from "../models/manager";
import { type ModelsOptions, type RoomModels, roomModels } from "../models/of-room";
import { joinRoom, type Room } from "../window/room";
import { readLink } from "../window/transport";
import { Controls } from "./controls";
import { Stage } from "./stage";
import { Still } from "./still";
import { katexTypesetter } from "./typeset";
import { say, standing } from "./words";

export interface MountOptions extends ModelsOptions {
  /** Which of the displayed widgets are shown, by their comm. Default: all. */
  only?: (comm: Comm) => boolean;
  /** Under which name other windows see this page. Default: "a page". Counts where a link is given. */
  name?: string;
}

/** Widgets in a page. */
export interface Mounted {
  /** As it was given, or joined by its link. */
  readonly room: Room;
  /** The room's models, `modelsOf(room)`. */
  readonly models: RoomManager;
  /** Takes the widgets out of the element; closes the room if it was joined here. */
  remove(): void;
}

const WITHHELD = "no kernel of this room has made it, and this page doesn't vouch for it (trusted).";

/**
 * Shows a room's displayed widgets in an element, in the order in which cells displayed them, and follows the room from then on.
 * While nothing can be changed (no kernel, no connection, a link for reading) it says why, and takes no input: everything can be
 * read, selected and tabbed through. What a kernel's last life displayed stays until the next one displays something.
 *
 * A room may be shown in several elements, and a page may show several rooms.
 *
 * @param element what is in it stays; the widgets come behind it, in a `div` of class `commdoc`
 * @param room a room that was joined, or the link of one, which is joined here, asked for widget packages that are installed
 *   beside its kernel (`nbextensions`), and closed by `remove`
 * @param options those of the models count when it is the first time for this room
 * @returns rejects as `joinRoom` does
 */
export async function mountRoom(
  element: HTMLElement,
  room: Room | string | URL,
  options: MountOptions = {},
): Promise<Mounted> {
  const models: ModelsOptions = { typesetter: katexTypesetter, ...options };
  if (typeof room !== "string" && !(room instanceof URL)) {
    const mount = new Mount(element, room, roomModels(room, models), options);
    return { room, models: mount.manager, remove: () => mount.remove() };
  }
  const { onProblem } = options;
  const joined = await joinRoom(room, {
    name: `${options.name ?? "a"} page`,
    ...(onProblem && {
      onProblem: (text: string, error?: unknown) => onProblem({ commId: "", text, error }),
    }),
  });
  const mount = orClosed(joined, () => {
    const own = roomModels(joined, { root: element, nbextensions: askHost(readLink(room)), ...models });
    return new Mount(element, joined, own, options);
  });
  return {
    room: joined,
    models: mount.manager,
    remove() {
      mount.remove();
      mount.manager.dispose();
      joined.close();
    },
  };
}

/** A window that nobody would have is closed. */
function orClosed<T>(room: Room, make: () => T): T {
  try {
    return make();
  } catch (error) {
    room.close();
    throw error;
  }
}

/** One element with a room's widgets. */
class Mount {
  readonly manager: RoomManager;
  private readonly box = document.createElement("div");
  private readonly line = document.createElement("p");
  private readonly place = document.createElement("div");
  private readonly stage: Stage;
  private readonly still = new Still(this.place, window);
  private readonly controls = new Controls(this.place);
  private readonly ends: (() => void)[];

  constructor(
    element: HTMLElement,
    private readonly room: Room,
    private readonly models: RoomModels,
    private readonly options: MountOptions,
  ) {
    const { manager, guard } = models;
    this.manager = manager;
    this.box.className = "commdoc";
    this.line.className = "commdoc-state";
    this.line.setAttribute("role", "status");
    this.place.className = "commdoc-stage";
    this.box.append(this.line, this.place);
    element.append(this.box);
    models.stages.add(this.place);
    this.stage = new Stage(
      this.place,
      {
        get_model: (commId) =>
          guard.withholds(commId) ? Promise.reject(new Error(WITHHELD)) : manager.modelWhenThere(commId),
        create_view: (model) => manager.create_view(model),
      },
      (commId, error) => manager.failed(commId, "its view", error),
    );
    this.ends = [
      room.on("change", (changes) => {
        if (changes.some(({ kind }) => kind !== "updated" && kind !== "outputs")) this.show();
      }),
      room.on("kernel", () => this.show()),
      room.on("status", () => this.show()),
    ];
    this.show();
  }

  remove(): void {
    for (const end of this.ends) end();
    this.stage.show([]);
    this.still.remove();
    this.controls.remove();
    this.models.stages.delete(this.place);
    this.box.remove();
  }

  /** Which shown widgets nobody vouched for. */
  private withheld = new Set<string>();

  private show(): void {
    const { comms } = this.room;
    const { only } = this.options;
    const isShown = ({ comm_id: commId }: View) => {
      const comm = comms.get(commId);
      return only === undefined || (comm !== undefined && only(comm));
    };
    const views = comms.views.filter(isShown);
    const { guard, life } = this.models;
    // What somebody vouches for now is drawn in its place.
    const isFreed = ({ comm_id: commId }: View) => this.withheld.has(commId) && !guard.withholds(commId);
    if (views.some(isFreed)) this.stage.show(views.filter((view) => !isFreed(view)));
    this.withheld = new Set(views.map(({ comm_id: commId }) => commId).filter((id) => guard.withholds(id)));
    if (!life.isKept) this.stage.show(views);
    this.showLife();
  }

  private showLife(): void {
    const { ended, lifeless, rest, alive, state } = standing(this.room, this.models.life.isKept, {
      closed: "The room is closed. What you see is the last state.",
      reading: "This is for reading: nothing can be changed here.",
    });
    this.manager.setLive(alive);
    this.still.set(!alive);
    this.controls.set(!alive);
    this.box.dataset.state = state;
    say(this.line, ended ?? lifeless ?? rest);
  }
}
