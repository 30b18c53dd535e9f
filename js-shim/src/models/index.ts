/**
 * The ipywidgets host of a room, for a page of one's own:
 *
 *     const room = await joinRoom(link);
 *     const models = modelsOf(room);
 *     const view = await models.create_view(await models.get_model(commId));
 *     Widget.attach(view.luminoWidget, element);          // Widget of @lumino/widgets
 *
 * The page brings the style sheets (`@jupyter-widgets/controls/css/widgets-base.css` and JupyterLab's variables).
 */

import type { Room } from "../window/room";
import { fromRoom } from "./from-room";
import { type ManagerOptions, RoomManager } from "./manager";

const hosts = new WeakMap<Room, RoomManager>();

/** The models of a room; the same object each time. `options` count the first time. */
export function modelsOf(room: Room, options: ManagerOptions = { root: document }): RoomManager {
  let host = hosts.get(room);
  if (host === undefined) {
    const refused = (commId: string, reason: string) => options.onProblem?.({ commId, text: reason });
    host = new RoomManager(fromRoom(room, refused), options);
    hosts.set(room, host);
  }
  return host;
}

export { fromRoom } from "./from-room";
export { type ManagerOptions, type Problem, RoomManager } from "./manager";
export type { ModuleLoader } from "./modules";
export { type FindModule, type ModulePlace, nbextensions } from "./nbextensions";
export type {
  Change,
  Entry,
  MissingBlob,
  ModelSource,
  Output,
  OutputEdit,
  SourceListener,
  Values,
} from "./source";
