/** A room's own models: one manager for each room, whoever asks for it. */

import type { Room } from "../window/room";
import { fromRoom } from "./from-room";
import { Guard } from "./guard";
import { LastLife } from "./last-life";
import { type ManagerOptions, RoomManager } from "./manager";

export interface ModelsOptions extends ManagerOptions {
  /**
   * Does the page vouch for widgets that no kernel of the room's host has made (they came with a document from elsewhere)? Otherwise
   * they are withheld: no model of them is made, none of their modules is loaded.
   */
  trusted?: boolean;
}

/** What a room has in this page. */
export interface RoomModels {
  readonly manager: RoomManager;
  readonly guard: Guard;
  readonly life: LastLife;
  /** Where its widgets are shown. */
  readonly stages: Set<Element>;
}

const hosts = new WeakMap<Room, RoomModels>();

/** The models of a room, with who withholds some; `options` count the first time. */
export function roomModels(room: Room, options: ModelsOptions = {}): RoomModels {
  const there = hosts.get(room);
  if (there !== undefined) return there;
  const refused = (commId: string, reason: string) => options.onProblem?.({ commId, text: reason });
  const stages = new Set<Element>();
  const life = new LastLife(room, fromRoom(room, refused), () =>
    [...stages].some((stage) => stage.querySelector("[data-comm-id]") !== null),
  );
  const guard = new Guard(life.source, () => options.trusted ?? false);
  const manager = new RoomManager(guard.source, { root: document, ...options });
  // A kernel's comms may be in the document before the room has said whose they are.
  room.on("kernel", () => guard.check());
  // Before whoever shows something is told of the change.
  room.on("change", () => {
    if (life.isKept && room.comms.views.length > 0) life.release();
  });
  const models = { manager, guard, life, stages };
  hosts.set(room, models);
  return models;
}

/** The models of a room; the same object each time. `options` count the first time. */
export function modelsOf(room: Room, options?: ModelsOptions): RoomManager {
  return roomModels(room, options).manager;
}
