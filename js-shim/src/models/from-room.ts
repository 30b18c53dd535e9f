/** A `Room` as the models' source. The room reports its own problems (a missing blob, with comm, key and hash). */

import { type Comm, decode, forEachBlob, type OutputBody, type Change as RoomChange } from "../document";
import type { MessageHandle, Room } from "../window/room";
import type {
  Change,
  Entry,
  MissingBlob,
  ModelSource,
  Output,
  OutputEdit,
  SourceListener,
  Values,
} from "./source";

/** The key that an Output's outputs have in its state; here they are followed, not read. */
const OUTPUTS = "outputs";

/** How the name of a window that shows widgets ends. */
export const PAGE_SUFFIX = " page";

/**
 * @param onRefused told when the kernel or the room did not do what a model asked for
 */
export function fromRoom(
  room: Room,
  onRefused: (commId: string, reason: string) => void = () => undefined,
): ModelSource {
  const followers = new Followers(room);
  return {
    commIds: () => room.comms.keys(),
    entry: (commId) => entryOf(room.comms.get(commId)),
    read: (commId, keys) => read(room, commId, keys),
    follow: (commId, follower) => followers.add(commId, follower),
    trusted: (commId) => room.kernel.epoch !== null && room.comms.get(commId)?.epoch === room.kernel.epoch,
    requested: (commId, key) => room.masked(commId, key),
    request(commId, state) {
      const { requestId, settled } = room.request(commId, state);
      settled.then(
        ({ error }) => error !== undefined && onRefused(commId, `its handler in the kernel raised: ${error}`),
        (error) => onRefused(commId, error.message),
      );
      return requestId;
    },
    send(commId, data, buffers, ended) {
      const handle = room.send(commId, data, buffers);
      if (ended === undefined) return handled(handle, commId, onRefused);
      handle.settled.then(
        ({ error }) => ended(error === undefined ? undefined : new Error(error)),
        (error) => ended(error),
      );
      return handle.messageId;
    },
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
    keys: comm.isOutputModel ? comm.keys.filter((key) => key !== OUTPUTS) : comm.keys,
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
  return kind === "opened" || kind === "updated" || kind === "closed" ? [{ kind, commId, keys }] : [];
}

type Follower = (edits: readonly OutputEdit[]) => void;

/** Who follows the outputs of which comm, with one listener of the room for all of them. */
class Followers {
  private readonly byComm = new Map<string, Set<Follower>>();
  private stop: () => void = () => undefined;

  constructor(private readonly room: Room) {}

  add(commId: string, follower: Follower): () => void {
    if (this.byComm.size === 0) this.stop = this.room.on("change", (changes) => this.changed(changes));
    const those = this.byComm.get(commId) ?? new Set();
    this.byComm.set(commId, those.add(follower));
    follower(this.all(commId));
    return () => {
      those.delete(follower);
      if (those.size === 0 && this.byComm.get(commId) === those) this.byComm.delete(commId);
      if (this.byComm.size === 0) this.stop();
    };
  }

  private changed(changes: readonly RoomChange[]): void {
    for (const { kind, commId, outputs } of changes) {
      const those = this.byComm.get(commId);
      if (those === undefined || (kind !== "outputs" && kind !== "opened")) continue;
      // One that this window opened has its model before the document has it.
      const edits =
        kind === "opened"
          ? [{ what: "cut", at: 0 } as const, ...this.all(commId)]
          : this.edits(commId, outputs);
      for (const follower of those) follower(edits);
    }
  }

  private all(commId: string): OutputEdit[] {
    const bodies = this.room.comms.get(commId)?.outputs ?? [];
    return bodies.map((body, at) => ({ what: "added", at, output: this.read(commId, body) }));
  }

  /** What was said of a transaction, with what is there after it: that is the end of each output's edits. */
  private edits(commId: string, told: RoomChange["outputs"] = []): OutputEdit[] {
    const comm = this.room.comms.get(commId);
    return told.flatMap((edit): OutputEdit[] => {
      if (edit.what === "cut" || edit.what === "stream") return [edit];
      const body = comm?.output(edit.at);
      return body === undefined ? [] : [{ ...edit, output: this.read(commId, body) }];
    });
  }

  private read(commId: string, body: OutputBody): Output | Promise<Output> {
    let blobs = 0;
    forEachBlob(body, () => {
      blobs += 1;
    });
    if (blobs === 0) {
      try {
        return decode(body) as Output;
      } catch (error) {
        return inWords(`This output can't be read: ${(error as Error).message}`);
      }
    }
    return this.room.resolve(commId, OUTPUTS, body).then(({ value, missing: [first] }) => {
      return first === undefined
        ? (value as Output)
        : inWords(`A part of this output is missing: ${first.message}`);
    });
  }
}

function inWords(text: string): Output {
  return { output_type: "stream", name: "stderr", text: `${text}\n` };
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
  { messageId, settled }: MessageHandle,
  commId: string,
  onRefused: (commId: string, reason: string) => void,
): string {
  // What a handler raised is in the log, where the kernel's other output is.
  settled.catch((error) => onRefused(commId, error.message));
  return messageId;
}
