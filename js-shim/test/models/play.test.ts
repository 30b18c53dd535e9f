// @vitest-environment jsdom
// biome-ignore-start assist/source/organizeImports: the packages touch the DOM when they load
import "./dom";
// biome-ignore-end assist/source/organizeImports: see above
import type { WidgetView } from "@jupyter-widgets/base";
import type { PlayModel } from "@jupyter-widgets/controls";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RoomManager } from "../../src/models/manager";
import { MemorySource } from "./memory-source";

/** When a window stands in for one that doesn't step: two intervals and two seconds. */
const STANDS_IN_MS = 2200;

let source: MemorySource;
let manager: RoomManager;
let play: PlayModel;
let view: WidgetView;

async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
}

/** The document has this of the player from elsewhere. */
async function said(state: Record<string, unknown>): Promise<void> {
  source.set("p", state);
  await pass(1);
}

/** A person presses play, or pause. */
async function press(): Promise<void> {
  play.play();
  await pass(1);
}

/** The values that this window has asked for since it was asked last. */
function steps(): unknown[] {
  const all = source.requests.splice(0).map(({ state }) => state);
  return all.filter((state) => "value" in state).map(({ value }) => value);
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  source = new MemorySource();
  manager = new RoomManager(source, { root: document });
  const state = { playing: false, interval: 100, value: 0, min: 0, max: 1000, step: 1, repeat: false };
  source.opened({ p: { model: "PlayModel", ...state } });
  play = (await manager.get_model("p")) as PlayModel;
  view = await manager.create_view(play);
  await pass(0);
});

afterEach(() => {
  manager.dispose();
  vi.useRealTimers();
});

describe("S13: a player", () => {
  it("is stepped by the window in which it was started", async () => {
    await press();
    await pass(350);
    expect(steps()).toEqual([1, 2, 3, 4]);
  });

  it("is not stepped by a window that sees it started", async () => {
    await said({ playing: true });
    for (const value of [1, 2, 3]) {
      await said({ value });
      await pass(STANDS_IN_MS - 100);
    }
    expect(steps()).toEqual([]);
  });

  it("is left to another window that paused it and started it again at once", async () => {
    await press();
    await pass(250);
    expect(steps()).toEqual([1, 2, 3]);
    await said({ playing: false });
    await said({ playing: true });
    await pass(STANDS_IN_MS - 100);
    expect(steps()).toEqual([]);
  });

  it("goes on in the window that started it when that is pressed again, after a pause from elsewhere", async () => {
    await press();
    await pass(250);
    await said({ playing: false });
    await pass(500);
    expect(steps()).toEqual([1, 2, 3]);
    await press();
    await pass(150);
    expect(steps()).toEqual([4, 5]);
  });

  it("goes on when it is pressed again where it was not on screen while it was paused from elsewhere", async () => {
    await press();
    await pass(150);
    view.remove();
    await said({ playing: false });
    await pass(500);
    await manager.create_view(play);
    expect(steps()).toEqual([1, 2]);
    await press();
    await pass(150);
    expect(steps()).toEqual([3, 4]);
  });

  it("goes on where it is set to in the window that runs it, though that stood in before", async () => {
    await said({ playing: true });
    await said({ value: 1 });
    await pass(STANDS_IN_MS + 150);
    await said({ playing: false });
    await press();
    expect(steps()).toEqual([2, 3]);
    await said({ value: 50 });
    await pass(250);
    expect(steps()).toEqual([51, 52]);
  });

  it("is stepped by a window that stands in, until somebody else steps", async () => {
    await said({ playing: true });
    await said({ value: 1 });
    await pass(STANDS_IN_MS + 150);
    expect(steps()).toEqual([2]);
    await said({ value: 7 });
    await pass(STANDS_IN_MS - 100);
    expect(steps()).toEqual([]);
    await pass(250);
    expect(steps()).toEqual([8]);
  });

  it("that was started by the kernel begins at its beginning when it was at its end", async () => {
    await said({ value: 1000 });
    await said({ playing: true });
    await pass(STANDS_IN_MS + 50);
    expect(steps()).toEqual([0]);
  });

  it("is not stepped where no kernel takes it", async () => {
    await said({ playing: true });
    manager.setLive(false);
    await pass(STANDS_IN_MS + 500);
    expect([play.get("value"), ...steps()]).toEqual([0]);
  });
});
