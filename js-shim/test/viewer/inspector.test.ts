import { describe, expect, it, vi } from "vitest";
import { Inspected } from "../../src/viewer/inspector/model";
import { Tap } from "../../src/viewer/inspector/tap";
import { frameType, SYNC } from "../../src/window/frames";
import type { ChangedKeys } from "../../src/window/messages";
import { joinRoom, type Room } from "../../src/window/room";
import { arrived, MemoryRoom } from "../window/memory-room";
import { tapped } from "./tapped";

const SLIDER = { value: 0, min: 0 };

interface Page {
  room: MemoryRoom;
  tap: Tap;
  window: Room;
  problems: string[];
  /** The frames that the window got. */
  passed: Uint8Array[];
}

async function page(): Promise<Page> {
  const room = new MemoryRoom();
  room.tells = true;
  const tap = new Tap();
  const problems: string[] = [];
  const passed: Uint8Array[] = [];
  const window = await joinRoom(
    tapped(room.connect, tap, (data) => passed.push(data)),
    {
      onProblem: (text) => problems.push(text),
      backOffMs: [1, 2],
    },
  );
  return { room, tap, window, problems, passed };
}

function told(room: MemoryRoom, ...changes: ChangedKeys[]): void {
  room.tell({ type: "changed", changes });
}

const anna = { peer_id: "p-anna", name: "Chrome page" };

describe("the inspector's model", () => {
  it("has what the room has, also when it is opened in the middle, and follows", async () => {
    const { room, tap, window } = await page();
    room.writer.open("c1", SLIDER);
    room.writer.update("c1", { value: 3 });
    await arrived();
    const inspected = new Inspected(tap, () => undefined);
    expect(inspected.isLive).toBe(false);
    room.writer.open("c2", SLIDER);
    await arrived();
    expect(inspected.isLive).toBe(true);
    room.writer.update("c2", { value: 5 });
    await arrived();
    expect(inspected.comms.toJSON()).toEqual(window.comms.toJSON());
    expect(inspected.comms.get("c2")?.encoded("value")).toBe(5);
    expect([...inspected.comms.keys()]).toEqual(["c1", "c2"]);
    inspected.stop();
    window.close();
  });

  it("costs nothing before it is opened and after it is closed: nothing is asked, no update is looked at", async () => {
    const { room, tap, window } = await page();
    room.writer.open("c1", SLIDER);
    await arrived();
    expect(room.of("inspect")).toEqual([]);
    const inspected = new Inspected(tap, () => undefined);
    await arrived();
    const before = vi.spyOn(inspected.comms, "toJSON");
    inspected.stop();
    await arrived();
    expect(room.of("inspect").map(({ on }) => on)).toEqual([true, false]);
    room.writer.update("c1", { value: 9 });
    await arrived();
    expect(inspected.comms.get("c1")?.encoded("value")).toBe(0);
    expect(window.comms.get("c1")?.encoded("value")).toBe(9);
    expect(before).not.toHaveBeenCalled();
    window.close();
  });

  it("keeps from the window what is the inspector's alone", async () => {
    const { room, tap, window, problems, passed } = await page();
    const inspected = new Inspected(tap, () => undefined);
    await arrived();
    expect(inspected.isLive).toBe(true);
    passed.length = 0;
    room.writer.open("c1", SLIDER);
    told(room, { comm_id: "c1", keys: ["value"], ago: 0 });
    await arrived();
    expect(passed.map(frameType)).toEqual([SYNC]);
    expect(problems).toEqual([]);
    inspected.stop();
    window.close();
  });

  it("is answered what it asks for, and its window isn't", async () => {
    const { tap, window, passed } = await page();
    const before = passed.length;
    const inspected = new Inspected(tap, () => undefined);
    await arrived();
    expect(inspected.isLive).toBe(true);
    expect(passed.length).toBe(before);
    inspected.stop();
    window.close();
  });

  it("knows who changed what last, and forgets it with the comm", async () => {
    const { room, tap, window } = await page();
    const inspected = new Inspected(
      tap,
      () => undefined,
      () => 10_000,
    );
    room.writer.open("c1", SLIDER);
    told(
      room,
      { comm_id: "c1", keys: ["value"], ago: 2, by: anna },
      { comm_id: "c1", keys: ["min"], ago: 5 },
    );
    told(room, { comm_id: "never", keys: ["value"], ago: 2, by: anna });
    await arrived();
    expect(inspected.authors.of("c1", "value")).toEqual({ by: anna, at: 8_000 });
    expect(inspected.authors.of("c1", "min")?.by).toBeNull();
    expect(inspected.authors.of("c1", "max")).toBeUndefined();
    expect(inspected.authors.newest("c1")?.by).toEqual(anna);
    expect(inspected.authors.newest("never")).toBeUndefined();
    room.writer.close("c1");
    await arrived();
    expect(inspected.authors.newest("c1")).toBeUndefined();
    inspected.stop();
    window.close();
  });

  it("asks an old room for nothing that it doesn't know, and says so", async () => {
    const { room, tap, window } = await page();
    room.tells = false;
    room.restart();
    await vi.waitFor(() => expect(window.status).toBe("synced"));
    const inspected = new Inspected(tap, () => undefined);
    room.writer.open("c1", SLIDER);
    await arrived();
    expect(inspected.comms.size).toBe(1);
    expect(inspected.tellsAuthors).toBe(false);
    inspected.stop();
    await arrived();
    expect(room.of("inspect")).toEqual([]);
    window.close();
  });

  it("counts updates per second, by comm and in total, over the last seconds", async () => {
    const { room, tap, window } = await page();
    let now = 0;
    const inspected = new Inspected(
      tap,
      () => undefined,
      () => now,
    );
    for (const commId of ["c1", "c2"]) room.writer.open(commId, SLIDER);
    await arrived();
    for (let n = 1; n <= 60; n++) {
      now += 50;
      room.writer.update("c1", { value: n });
      if (n % 2 === 0) room.writer.update("c2", { value: n });
      await arrived();
    }
    expect(inspected.rates.of("c1")).toBeCloseTo(20, -1);
    expect(inspected.rates.of("c2")).toBeCloseTo(10, -1);
    expect(inspected.rates.total).toBeCloseTo(inspected.rates.of("c1") + inspected.rates.of("c2"));
    now += 3_500;
    expect([inspected.rates.of("c1"), inspected.rates.total]).toEqual([0, 0]);
    inspected.stop();
    window.close();
  });

  it("counts sizes by key and by comm, in pieces, and again only for what changed", async () => {
    const { room, tap, window } = await page();
    for (let n = 0; n < 50; n++) room.writer.open(`c${n}`, { ...SLIDER, label: "ü" });
    await arrived();
    const inspected = new Inspected(tap, () => undefined);
    await arrived();
    while (!inspected.facts.isComplete) inspected.facts.work();
    const one = inspected.facts.of("c7");
    expect(one?.keys.get("label")?.bytes).toBe(4);
    expect(inspected.facts.bytes).toBe(50 * (one?.bytes ?? 0));
    const read = vi.spyOn(inspected.comms, "get");
    room.writer.update("c7", { label: "longer" });
    await arrived();
    while (!inspected.facts.isComplete) inspected.facts.work();
    expect(new Set(read.mock.calls.flat())).toEqual(new Set(["c7"]));
    expect(inspected.facts.of("c7")?.keys.get("label")?.bytes).toBe(8);
    room.writer.close("c7");
    await arrived();
    expect(inspected.facts.bytes).toBe(49 * (one?.bytes ?? 0));
    inspected.stop();
    window.close();
  });

  it("knows the blobs that comms name, who names them, and whether this window has them", async () => {
    const { room, tap, window } = await page();
    const blob = (n: string) => ({ $blob: n.repeat(64), size: 3, type: "bytes" });
    room.writer.open("c1", { ...SLIDER, image: blob("a"), deep: [{ in: blob("b") }] });
    room.writer.open("c2", { ...SLIDER, image: blob("a"), gone: blob("c") });
    room.tell({ type: "blobs", hashes: ["a".repeat(64)], sizes: [3], missing: ["c".repeat(64)] }, [
      Uint8Array.of(1, 2, 3),
    ]);
    await arrived();
    const inspected = new Inspected(tap, () => undefined);
    await arrived();
    while (!inspected.facts.isComplete) inspected.facts.work();
    const named = inspected.facts.blobs.get("a".repeat(64));
    expect([...(named?.names ?? [])]).toEqual([
      ["c1", ["image"]],
      ["c2", ["image"]],
    ]);
    expect(["a", "b", "c"].map((n) => inspected.presence(n.repeat(64)))).toEqual([
      "here",
      "not fetched",
      "missing",
    ]);
    room.writer.close("c1");
    await arrived();
    expect([...inspected.facts.blobs.keys()].map((hash) => hash[0])).toEqual(["a", "c"]);
    inspected.stop();
    window.close();
  });

  it("finds comms by name, id and key", async () => {
    const { room, tap, window } = await page();
    room.writer.open("abc", { value: 1 }, { model_name: "IntSliderModel" });
    room.writer.open("def", { description: "x" }, { model_name: "ButtonModel" });
    await arrived();
    const inspected = new Inspected(tap, () => undefined);
    await arrived();
    const ids = (text: string) => inspected.matching(text).map(({ commId }) => commId);
    expect([ids(""), ids(" slider "), ids("DEF"), ids("descr"), ids("nothing")]).toEqual([
      ["abc", "def"],
      ["abc"],
      ["def"],
      ["def"],
      [],
    ]);
    inspected.stop();
    window.close();
  });

  it("S09: shows the last state without a connection, and what the room has when it is back", async () => {
    const { room, tap, window } = await page();
    room.writer.open("c1", SLIDER);
    await arrived();
    const inspected = new Inspected(tap, () => undefined);
    told(room, { comm_id: "c1", keys: ["value"], ago: 0, by: anna });
    await arrived();
    room.reachable = false;
    room.restart();
    await arrived();
    expect([inspected.isLive, inspected.comms.size]).toEqual([false, 1]);
    room.writer.open("c1", SLIDER);
    room.writer.open("c2", SLIDER);
    room.reachable = true;
    await vi.waitFor(() => expect(inspected.isLive).toBe(true));
    expect([...inspected.comms.keys()]).toEqual(["c1", "c2"]);
    expect(inspected.authors.newest("c1")).toBeUndefined();
    expect(room.of("inspect").map(({ on }) => on)).toEqual([true, true]);
    inspected.stop();
    window.close();
  });
});
