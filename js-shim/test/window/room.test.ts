import { afterEach, beforeEach, expect, test } from "vitest";
import type { Change } from "../../src/document/entry";
import { type JoinOptions, joinRoom, type Room, type RoomMessage } from "../../src/window/room";
import { arrived, MemoryRoom } from "./memory-room";

let host: MemoryRoom;
let rooms: Room[];
let problems: string[];

beforeEach(() => {
  host = new MemoryRoom();
  rooms = [];
  problems = [];
});

afterEach(() => {
  for (const room of rooms) room.close();
});

async function join(options: JoinOptions = {}): Promise<Room> {
  const room = await joinRoom(host.connect, {
    backOffMs: [1, 5],
    onProblem: (text) => problems.push(text),
    ...options,
  });
  rooms.push(room);
  return room;
}

const SLIDER = { value: 5, max: 100 };

function value(room: Room, commId = "slider"): unknown {
  return room.comms.get(commId)?.encoded("value");
}

test("S01 updates that arrive during the handshake are there when the room is joined, none twice", async () => {
  host.manual = true;
  for (let n = 0; n < 10; n++) host.writer.open(`c${n}`, SLIDER);
  const joining = join();
  await arrived();
  for (let n = 0; n < 19; n++) host.writer.update(`c${n % 10}`, { value: n });
  for (const peer of host.peers) host.answerStep1(peer);
  const room = await joining;
  expect(room.comms.toJSON()).toEqual(host.writer.plain());
  expect(room.doc.getArray("comms").toArray()).toEqual(host.writer.array.toArray());
});

test("S03 who listens late, after opens and updates arrived, reads all of it", async () => {
  const room = await join();
  host.writer.open("slider", SLIDER);
  host.writer.update("slider", { value: 6 });
  await arrived();
  const changes: Change[] = [];
  room.on("change", (news) => changes.push(...news));
  host.writer.update("slider", { value: 7 });
  await arrived();
  expect(changes).toEqual([{ kind: "updated", commId: "slider", keys: ["value"] }]);
  expect(room.comms.toJSON()).toEqual(host.writer.plain());
});

test("S24 a message is heard after the state that was set before it, also right after joining", async () => {
  host.writer.open("slider", SLIDER);
  host.manual = true;
  const joining = join();
  await arrived();
  for (const peer of host.peers) {
    host.answerStep1(peer);
    host.writer.update("slider", { value: 6 });
    peer.send({ type: "message", comm_id: "slider", data: { at: 6 }, buffers: [0], after: 2 }, [
      new Uint8Array([1, 2]),
    ]);
  }
  const room = await joining;
  const heard: [unknown, RoomMessage][] = [];
  room.on("message", (message) => heard.push([value(room), message]));
  await arrived();
  expect(heard.length).toBe(1);
  const [seen, message] = heard[0] as [unknown, RoomMessage];
  expect([seen, message.commId, message.data]).toEqual([6, "slider", { at: 6 }]);
  expect([...new Uint8Array((message.buffers[0] as DataView).buffer)]).toEqual([1, 2]);
});

test("S24 where the room names its client, an event waits until the document has what it follows", async () => {
  host.clientId = host.writer.doc.clientID;
  const room = await join();
  const heard: unknown[] = [];
  room.on("message", () => heard.push(value(room)));
  await arrived();
  host.tell({ type: "message", comm_id: "slider", data: null, buffers: [], after: 1 });
  host.tell({ type: "cell_end", msg_id: "m", status: "ok", after: 0 });
  await arrived();
  expect(heard).toEqual([]);
  host.writer.open("slider", SLIDER);
  await arrived();
  expect(heard).toEqual([5]);
});

test("S25 a thousand messages arrive, in order, none merged", async () => {
  host.writer.open("slider", SLIDER);
  const room = await join();
  const heard: [unknown, unknown][] = [];
  room.on("message", ({ data }) => heard.push([value(room), data]));
  await arrived();
  for (let n = 0; n < 1_000; n++) {
    host.writer.update("slider", { value: n });
    host.tell({ type: "message", comm_id: "slider", data: n, buffers: [], after: n });
  }
  await arrived();
  expect(heard).toEqual(Array.from({ length: 1_000 }, (_, n) => [n, n]));
});

test("S12 while a request is open the document's other values don't reach the UI; what was made of it does", async () => {
  host.writer.open("slider", SLIDER);
  const room = await join();
  const shown: unknown[] = [];
  room.on("change", (changes) => {
    for (const { keys } of changes) if (keys.includes("value")) shown.push(value(room));
  });
  const { accepted, settled } = room.request("slider", { value: 700 });
  const { request_id } = await host.next("request");
  host.writer.update("slider", { value: 6 });
  await arrived();
  expect(shown).toEqual([]);
  expect((await room.read("slider", ["value"])).state).toEqual({ value: 700 });
  host.accept(request_id, "slider", { value: 700 });
  await accepted;
  host.settle(request_id, "slider", { value: 100 });
  expect(await settled).toMatchObject({ state: { value: 100 } });
  expect([shown[0], shown.at(-1)]).toEqual([700, 100]);
});

test("S12 700 clamped to an unchanged 100 gives no delta, and is shown all the same", async () => {
  host.writer.open("slider", { value: 100 });
  const room = await join();
  const shown: unknown[] = [];
  room.on("change", () => shown.push(value(room)));
  const { settled } = room.request("slider", { value: 700 });
  const { request_id } = await host.next("request");
  host.tell({ type: "settled", request_id, after: 0, state: { value: 100 } });
  await settled;
  expect(shown).toEqual([100]);
});

test("S12 a hand on the control is not pulled back", async () => {
  host.writer.open("slider", SLIDER);
  const room = await join();
  const shown: unknown[] = [];
  room.on("change", () => shown.push(value(room)));
  const release = room.hold("slider", ["value"]);
  const { settled } = room.request("slider", { value: 42 });
  const { request_id } = await host.next("request");
  host.accept(request_id, "slider", { value: 42 });
  host.settle(request_id, "slider", { value: 40 });
  await settled;
  await arrived();
  expect([shown, room.masked("slider", "value")]).toEqual([[], true]);
  release();
  expect(shown).toEqual([40]);
});

test("S09 a window whose connection was cut resumes by itself, complete, doubling nothing", async () => {
  host.writer.open("slider", SLIDER);
  const room = await join();
  const kinds: string[] = [];
  room.on("change", (changes) => kinds.push(...changes.map(({ kind }) => kind)));
  for (const peer of host.peers) peer.close(1006);
  await arrived();
  host.writer.update("slider", { value: 6 });
  host.writer.open("other", SLIDER);
  await until(() => host.connections >= 2 && room.status === "synced" && room.comms.has("other"));
  expect(room.comms.toJSON()).toEqual(host.writer.plain());
  expect(room.doc.getArray("comms").length).toBe(host.writer.array.length);
  expect(kinds.sort()).toEqual(["opened", "updated"]);
});

test("S09 after the room began a new life the window has that one, and open requests fail", async () => {
  host.writer.open("slider", SLIDER);
  host.writer.open("gone", SLIDER);
  const room = await join();
  const changes: string[] = [];
  room.on("change", (news) => changes.push(...news.map(({ kind, commId }) => `${kind} ${commId}`)));
  const { settled } = room.request("slider", { value: 1 });
  const failure = settled.catch((error) => error);
  await host.next("request");
  const { doc } = room;
  host.restart();
  host.writer.open("slider", { ...SLIDER, value: 9 });
  await until(() => room.doc !== doc);
  expect((await failure).code).toBe("expired");
  expect(room.comms.toJSON()).toEqual(host.writer.plain());
  expect(new Set(changes)).toEqual(new Set(["updated slider", "closed gone"]));
});

test("S09 requests under way when the connection is lost are asked again under their ids", async () => {
  host.writer.open("slider", SLIDER);
  const room = await join();
  const { settled } = room.request("slider", { value: 1 });
  const first = await host.next("request");
  for (const peer of host.peers) peer.close(1006);
  const second = await host.next("request", 2);
  expect(second).toEqual(first);
  host.settle(first.request_id, "slider", { value: 1 });
  await settled;
});

test("a window that is closed by who hears what it missed stays closed", async () => {
  host.writer.open("slider", SLIDER);
  const room = await join({ silenceMs: 10 });
  for (const peer of host.peers) peer.close(1006);
  host.writer.update("slider", { value: 6 });
  room.on("change", () => room.close());
  await until(() => room.status === "closed");
  await new Promise((resolve) => setTimeout(resolve, 50)); // it would ask for a sign of life, and come again
  expect([room.status, host.connections]).toEqual(["closed", 2]);
});

test("a message of a type that this release doesn't know is reported, and keeps no other waiting", async () => {
  const room = await join();
  const heard: unknown[] = [];
  room.on("cell_end", () => heard.push("end"));
  host.clientId = 1;
  for (const peer of host.peers) peer.close(1006);
  await until(() => host.connections === 2 && room.status === "synced");
  host.tell({ type: "of tomorrow", after: "noon" } as never);
  host.tell({ type: "cell_end", msg_id: "m", after: 0 } as never);
  await until(() => heard.length === 1);
  expect(problems).toEqual(["a message of type of tomorrow was not understood"]);
});

test("S09 a room that went silent is asked for a sign of life, and given up without one", async () => {
  const room = await join({ silenceMs: 20 });
  await host.next("get_blobs");
  await until(() => host.connections >= 2);
  await until(() => room.status === "synced");
});

test("S05 a window that leaves mid-handshake rejects, and leaves nothing behind in the room", async () => {
  host.manual = true;
  const joining = join();
  await arrived();
  for (const peer of host.peers) peer.close(1006, "cut");
  await expect(joining).rejects.toThrow("cut");
  await arrived();
  expect([host.peers.size, host.connections]).toEqual([0, 1]);
  host.manual = false;
  await join();
});

test("S06 a room that never finishes the handshake is given up", async () => {
  host.manual = true;
  await expect(join({ handshakeMs: 20 })).rejects.toThrow("handshake");
});

test("S47 a viewer's request and message fail at once, and what was asked for is rolled back", async () => {
  host.role = "viewer";
  host.writer.open("slider", SLIDER);
  const room = await join();
  const shown: unknown[] = [];
  room.on("change", () => shown.push(value(room)));
  await expect(room.request("slider", { value: 6 }).settled).rejects.toMatchObject({ code: "viewer" });
  await expect(room.send("slider", {}).sent).rejects.toMatchObject({ code: "viewer" });
  expect([shown, host.of("request")]).toEqual([[5], []]);
});

test("what the room refuses because of its version ends the window, with the reason", async () => {
  host.onHello = (peer) => {
    peer.send({ type: "error", code: "version", reason: "upgrade commdoc on this side" } as never);
    peer.close(4426, "upgrade");
  };
  await expect(join()).rejects.toThrow("upgrade commdoc on this side");
});

test("S27 a listener that throws is reported with its comm; the others hear it", async () => {
  host.writer.open("slider", SLIDER);
  const room = await join();
  const heard: unknown[] = [];
  room.on("message", () => {
    throw new Error("mine");
  });
  room.on("message", ({ data }) => heard.push(data));
  host.tell({ type: "message", comm_id: "slider", data: 1, buffers: [], after: 0 });
  await until(() => heard.length === 1);
  expect(problems).toEqual(['a listener of "message" threw at comm slider']);
});

test("S23 a frame that is no frame makes the window reconnect; it loses nothing", async () => {
  host.writer.open("slider", SLIDER);
  const room = await join();
  for (const peer of host.peers) peer.sendFrame(new Uint8Array([100, 200]));
  await until(() => host.connections >= 2 && room.status === "synced");
  expect(room.comms.toJSON()).toEqual(host.writer.plain());
});

test("S23 what the room could not read is not sent to it again", async () => {
  host.writer.open("slider", SLIDER);
  const room = await join();
  const { settled } = room.request("slider", { value: 1 });
  await host.next("request");
  for (const peer of host.peers) {
    peer.send({ type: "error", code: "malformed", reason: "buffer 0 of 0" } as never);
    peer.close(4400);
  }
  await expect(settled).rejects.toMatchObject({ code: "rejected", message: "comm slider: buffer 0 of 0" });
  await until(() => host.connections === 2 && room.status === "synced");
  await arrived();
  expect(host.of("request").length).toBe(1);
});

test("S09 a room that says that it is gone may come back", async () => {
  const room = await join();
  for (const peer of host.peers) peer.close(4410, "the room has ended");
  await until(() => host.connections === 2 && room.status === "synced");
});

test("S23 an update that yjs can't read makes the window start with a fresh document", async () => {
  host.writer.open("slider", SLIDER);
  const room = await join();
  const { doc } = room;
  for (const peer of host.peers) peer.sendFrame(new Uint8Array([0, 2, 3, 1, 1, 99]));
  await until(() => host.connections >= 2 && room.status === "synced");
  expect(room.doc).not.toBe(doc);
  expect(room.comms.toJSON()).toEqual(host.writer.plain());
});

test("too large a message fails here, and nothing is sent", async () => {
  const room = await join();
  await expect(room.send("slider", {}, [new ArrayBuffer(2e6)]).sent).rejects.toMatchObject({
    code: "too_large",
  });
  await expect(room.send("slider", "x".repeat(2e5), []).sent).rejects.toMatchObject({ code: "too_large" });
  expect(host.of("message")).toEqual([]);
});

test("a comm is opened and closed, binary parts where they were", async () => {
  const room = await join();
  await room.open("mine", "jupyter.widget", { state: { data: new Uint8Array([1]) } }, { version: "2.1.0" })
    .sent;
  await room.closeComm("mine").sent;
  const open = await host.next("open");
  expect(open).toMatchObject({ data: { state: { data: { $buffer: 0 } } }, metadata: { version: "2.1.0" } });
  expect((await host.next("close")).comm_id).toBe("mine");
});

test("kernel and peers are known at once, and their news is heard", async () => {
  const room = await join();
  const heard: unknown[] = [];
  room.on("kernel", ({ status }) => heard.push(status));
  room.on("peers", (peers) => heard.push(peers.length));
  expect([room.kernel.status, room.role, room.roomId]).toEqual(["idle", "window", "room"]);
  host.tell({ type: "kernel", status: "dead", epoch: "e", kernel_id: "k", live: false });
  host.tell({ type: "peers", peers: [{ peer_id: "p", role: "window", name: "me" }] });
  await arrived();
  expect([heard, room.kernel.live, room.peers.length]).toEqual([["dead", 1], false, 1]);
});

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 5_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not within 5 s: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
