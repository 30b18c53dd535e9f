/** A `Room` as the models' source. The room reports its own problems (a missing blob, with comm, key and hash). */

import type { Comm, Change as RoomChange } from "../document";
import type { Room } from "../window/room";
import type { Change, Entry, MissingBlob, ModelSource, SourceListener, Values } from "./source";

/** How the name of a window that shows widgets ends. */
export const PAGE_SUFFIX = " page";

/**
 * @param onRefused told when the kernel or the room did not do what a model asked for
 */
export function fromRoom(
  room: Room,
  onRefused: (commId: string, reason: string) => void = () => undefined,
): ModelSource {
  return {
    commIds: () => room.comms.keys(),
    entry: (commId) => entryOf(room.comms.get(commId)),
    read: (commId, keys) => read(room, commId, keys),
    requested: (commId, key) => room.masked(commId, key),
    request(commId, state) {
      const { requestId, settled } = room.request(commId, state);
      settled.then(
        ({ error }) => error !== undefined && onRefused(commId, `its handler in the kernel raised: ${error}`),
        (error) => onRefused(commId, error.message),
      );
      return requestId;
    },
    send: (commId, data, buffers) => handled(room.send(commId, data, buffers), commId, onRefused),
    open: (commId, target, data, metadata) =>
      handled(room.open(commId, target, data, metadata as object), commId, onRefused),
    close: (commId, data) => handled(room.closeComm(commId, data), commId, onRefused),
    rank: () => rankOf(room),
    listen: (listener) => listen(room, listener),
  };
}

function entryOf(comm: Comm | undefined): Entry | undefined {
  if (comm === undefined) return undefined;
  return {
    targetName: comm.targetName,
    modelModule: comm.modelModule ?? "",
    modelModuleVersion: comm.modelModuleVersion ?? "",
    modelName: comm.modelName ?? "",
    keys: comm.keys,
  };
}

async function read(room: Room, commId: string, keys: readonly string[]): Promise<Values> {
  const { state, missing } = await room.read(commId, keys);
  const lacking: MissingBlob[] = missing.map(({ key, hash, message }) => ({ key, hash, reason: message }));
  return { state, missing: lacking };
}

function listen(room: Room, listener: SourceListener): () => void {
  const ends = [
    room.on("change", (changes) => listener.changed(changes.flatMap(changeOf))),
    room.on("message", ({ commId, data, buffers }) => listener.message(commId, data, buffers)),
  ];
  return () => {
    for (const end of ends) end();
  };
}

function changeOf({ kind, commId, keys }: RoomChange): Change[] {
  // An Output's outputs are a key of its state.
  if (kind === "outputs") return [{ kind: "updated", commId, keys }];
  return kind === "opened" || kind === "updated" || kind === "closed" ? [{ kind, commId, keys }] : [];
}

/** Windows that show widgets come before those that only read and ask: a script follows no links. */
function rankOf(room: Room): number {
  const windows = room.peers.filter(({ role }) => role === "window");
  const pages = windows.filter(({ name }) => name.endsWith(PAGE_SUFFIX));
  const ids = [...pages, ...windows].map(({ peer_id }) => peer_id);
  const sorted = [...ids.slice(0, pages.length).sort(), ...ids.slice(pages.length).sort()];
  return Math.max(0, sorted.indexOf(room.peerId));
}

function handled(
  { messageId, sent }: { messageId: string; sent: Promise<void> },
  commId: string,
  onRefused: (commId: string, reason: string) => void,
): string {
  sent.catch((error) => onRefused(commId, error.message));
  return messageId;
}
