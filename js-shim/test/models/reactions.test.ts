// @vitest-environment jsdom
// biome-ignore-start assist/source/organizeImports: the packages touch the DOM when they load
import "./dom";
// biome-ignore-end assist/source/organizeImports: see above
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RoomManager } from "../../src/models/manager";
import { MemorySource } from "./memory-source";

let source: MemorySource;
let manager: RoomManager;

const slider = (value: number) => ({ model: "IntSliderModel", value, min: 0, max: 100 });
const link = (from: string, to: string) => ({
  model: "LinkModel",
  source: [`IPY_MODEL_${from}`, "value"],
  target: [`IPY_MODEL_${to}`, "value"],
});

/** A page of a room with these comms: there before it, and while it is open. */
async function open(before: Record<string, Record<string, unknown>>, then = {}): Promise<void> {
  source.opened(before);
  manager = new RoomManager(source, { root: document });
  source.opened(then);
  for (const commId of Object.keys({ ...before, ...then })) await manager.get_model(commId);
  await pass(0);
}

async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
}

async function shown(...commIds: string[]): Promise<unknown[]> {
  return Promise.all(commIds.map(async (commId) => (await manager.get_model(commId)).get("value")));
}

/** The document gets these values one after another, faster than anything rests. */
async function come(...changes: [string, number][]): Promise<void> {
  for (const [commId, value] of changes) {
    source.set(commId, { value });
    await pass(5);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  source = new MemorySource();
});

afterEach(() => {
  manager.dispose();
  vi.useRealTimers();
});

describe("S14: what a link in the page does because a value came in", () => {
  it("is sent only when nobody else did it", async () => {
    await open({}, { a: slider(1), b: slider(1), l: link("a", "b") });
    await come(["a", 5]);
    expect(await shown("a", "b")).toEqual([5, 5]);
    await come(["b", 5]);
    await pass(5000);
    expect(source.requests).toEqual([]);
    await come(["a", 6]);
    await pass(100);
    expect(source.requests).toEqual([{ commId: "b", state: { value: 6 } }]);
  });

  it("is sent soon while this window alone does it", async () => {
    await open({}, { a: slider(1), b: slider(1), l: link("a", "b") });
    for (const value of [2, 3, 4]) {
      await come(["a", value]);
      await pass(100);
      expect(source.requests.at(-1)).toEqual({ commId: "b", state: { value } });
      await come(["b", value]);
    }
    expect(source.requests).toHaveLength(3);
  });

  it("sets nothing back that is being changed: the other end of a link is only late", async () => {
    await open({}, { a: slider(1), b: slider(1), c: slider(1), l: link("a", "b"), m: link("b", "c") });
    await come(["a", 2], ["b", 2], ["c", 2], ["a", 4], ["b", 3], ["c", 3], ["a", 7], ["b", 5]);
    await pass(500);
    expect(source.requests).toEqual([]);
    await come(["b", 7], ["c", 4]);
    await pass(500);
    await come(["c", 7]);
    await pass(5000);
    expect(source.requests).toEqual([]);
    expect(await shown("a", "b", "c")).toEqual([7, 7, 7]);
  });

  it("is sent after a while when the other end stays where it is", async () => {
    await open({}, { a: slider(1), b: slider(1), l: link("a", "b") });
    await come(["a", 2], ["b", 2], ["a", 4], ["b", 3]);
    await pass(500);
    expect(source.requests).toEqual([]);
    await pass(1000);
    expect(source.requests).toEqual([{ commId: "a", state: { value: 3 } }]);
  });

  it("is sent while the stream goes on, now and then", async () => {
    await open({}, { a: slider(1), b: slider(1), l: link("a", "b") });
    for (let value = 2; value < 100; value++) {
      await come(["a", value]);
      await pass(35);
    }
    expect(source.requests.length).toBeGreaterThan(1);
    expect(source.requests.length).toBeLessThan(6);
    expect(new Set(source.requests.map(({ commId }) => commId))).toEqual(new Set(["b"]));
  });

  it("is left to the windows before this one for a while", async () => {
    source.place = 2;
    await open({}, { a: slider(1), b: slider(1), l: link("a", "b") });
    await come(["a", 5]);
    await pass(3000);
    expect(source.requests).toEqual([]);
    await pass(100);
    expect(source.requests).toEqual([{ commId: "b", state: { value: 5 } }]);
  });

  it("is not sent by a window that came into the middle of it", async () => {
    await open({ a: slider(6), b: slider(5), l: link("a", "b") });
    await pass(500);
    expect(source.requests).toEqual([]);
    await come(["b", 6]);
    await pass(100);
    expect(source.requests).toEqual([]);
    // Its own models are there, and what others do from now on it does as everybody.
    await pass(5000);
    await come(["a", 8]);
    await pass(100);
    expect(source.requests).toEqual([{ commId: "b", state: { value: 8 } }]);
  });

  it("ends where this window asks for another value", async () => {
    await open({}, { a: slider(1), b: slider(1), l: link("a", "b") });
    await come(["a", 5]);
    const b = await manager.get_model("b");
    b.set("value", 9);
    b.save_changes();
    await pass(5000);
    expect(source.requests.map(({ commId, state }) => [commId, state.value])).toEqual([
      ["a", 9],
      ["b", 9],
    ]);
  });
});
