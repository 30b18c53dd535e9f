/**
 * A room's anywidgets in a page of one's own, without ipywidgets:
 *
 *     const room = await joinRoom(link);
 *     const host = afmOf(room);
 *     const remove = host.widget(commId).render(element);
 *
 * A module runs with all that the page may do: only those of comms that the room's kernel has made run by themselves (`trusted`).
 *
 * @module
 */

import { fromRoom } from "../models/from-room";
import type { Room } from "../window/room";
import { AfmHost, type AfmOptions } from "./host";

const hosts = new WeakMap<Room, AfmHost>();

/** The host of a room's anywidgets; the same object each time, until it is disposed. `options` count the first time. */
export function afmOf(room: Room, options: AfmOptions = {}): AfmHost {
  const known = hosts.get(room);
  if (known !== undefined) return known;
  const refused = (commId: string, reason: string) => options.onProblem?.({ commId, text: reason });
  const host = new AfmHost(fromRoom(room, refused), options);
  hosts.set(room, host);
  // A kernel's comms may be in the document before the room has said whose they are.
  const stop = room.on("kernel", () => host.check());
  host.disposed.addEventListener("abort", () => {
    stop();
    hosts.delete(room);
  });
  return host;
}

export { fromRoom } from "../models/from-room";
export type { ModelSource } from "../models/source";
export { AfmHost, type AfmOptions, type AfmProblem, type AfmWidget } from "./host";
export type {
  AfmModel,
  Awaitable,
  Binary,
  Cleanup,
  Experimental,
  Host,
  InitializeProps,
  Listener,
  RenderProps,
  ResolvedWidget,
  WidgetDefinition,
  WidgetManager,
} from "./types";
