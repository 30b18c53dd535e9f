// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Drawer } from "../../src/viewer/inspector/drawer";
import { Tap } from "../../src/viewer/inspector/tap";
import { joinRoom, type Room } from "../../src/window/room";
import { MemoryRoom } from "../window/memory-room";
import { tapped } from "./tapped";

const COMMS = 5_000;

let room: MemoryRoom;
let tap: Tap;
let joined: Room;
let drawer: Drawer;
let closed: () => void;

const box = () => document.getElementById("inspector") as HTMLElement;
const rows = (grid: string) => [...box().querySelectorAll<HTMLElement>(`#inspector-${grid} .rows .row`)];
const text = (selector: string) => box().querySelector(selector)?.textContent;

function press(grid: string, key: string): void {
  const its = box().querySelector(`#inspector-${grid}`) as HTMLElement;
  its.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
}

/** Everything arrives, and the drawer's clock goes on. */
async function later(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

beforeEach(async () => {
  vi.useFakeTimers();
  document.body.innerHTML = '<section id="inspector" hidden></section>';
  room = new MemoryRoom();
  room.tells = true;
  room.writer.array.push(Array.from({ length: COMMS }, (_, n) => opened(n)));
  tap = new Tap();
  const joining = joinRoom(tapped(room.connect, tap), { onProblem: () => undefined });
  await later(10);
  joined = await joining;
  closed = vi.fn();
  drawer = new Drawer(box(), tap, closed);
  await later(2_000);
});

afterEach(() => {
  drawer.stop();
  joined.close();
  vi.useRealTimers();
});

function opened(n: number): string {
  const head = { target_name: "jupyter.widget", model_name: `M${n}Model`, seq: n + 1, epoch: "e" };
  return JSON.stringify(["o", `comm-${n}`, { ...head, state: { value: n } }]);
}

function update(commId: string, value: number): void {
  room.writer.array.push([JSON.stringify(["u", commId, { value }])]);
}

describe("the drawer", () => {
  it("has of 5,000 comms as many rows in the page as can be seen, and says how many there are", () => {
    expect(rows("comms").length).toBeLessThan(60);
    expect(box().querySelector("#inspector-comms")?.getAttribute("aria-rowcount")).toBe(String(COMMS + 1));
    expect(text(".totals")).toContain("5,000 comms");
    expect(rows("comms")[0]?.textContent).toContain("M0Model");
  });

  it("goes to the last of them, and has it in the page", async () => {
    press("comms", "End");
    const active = box().querySelector("#inspector-comms")?.getAttribute("aria-activedescendant");
    expect(active).not.toBeNull();
    expect(document.getElementById(active as string)?.dataset.comm).toBe(`comm-${COMMS - 1}`);
    expect(text(".of-comm h3")).toBe(`M${COMMS - 1}Model`);
    expect(rows("comms").length).toBeLessThan(60);
  });

  it("writes nothing while a flood comes, and then only what can be seen", async () => {
    const writes: MutationRecord[] = [];
    const observer = new MutationObserver((records) => writes.push(...records));
    observer.observe(box(), { subtree: true, childList: true, characterData: true, attributes: true });
    let drawn = 0;
    for (let n = 1; n <= 60; n++) {
      for (let comm = 0; comm < 100; comm++) update(`comm-${comm}`, n);
      await later(16);
      if (writes.length > drawn) drawn = writes.length;
    }
    await later(250);
    observer.disconnect();
    // 6,000 updates in a second; each draw writes at most a rate, a size and an author for each row, and the totals.
    const draws = 5;
    expect(writes.length).toBeGreaterThan(0);
    expect(writes.length).toBeLessThanOrEqual(draws * (rows("comms").length * 3 + 2));
    expect(text(".totals")).toMatch(/\d{3,} updates\/s/);
  });

  it("writes nothing when nothing happens", async () => {
    await later(4_000);
    const writes: MutationRecord[] = [];
    const observer = new MutationObserver((records) => writes.push(...records));
    observer.observe(box(), { subtree: true, childList: true, characterData: true, attributes: true });
    await later(5_000);
    const written = writes.concat(observer.takeRecords()).map(({ type, attributeName, target }) => {
      return [type, attributeName, (target as Element).className, target.textContent];
    });
    expect(written).toEqual([]);
  });

  it("follows what comes and goes, and keeps what is chosen", async () => {
    press("comms", "ArrowDown");
    expect(text(".of-comm h3")).toBe("M0Model");
    room.writer.array.push([opened(COMMS)]);
    await later(300);
    expect(text(".totals")).toContain("5,001 comms");
    const array = room.writer.array;
    array.delete(0);
    await later(300);
    expect(text(".totals")).toContain("5,000 comms");
    expect(text(".of-comm h3")).toBe("This comm is closed");
    expect(rows("comms")[0]?.textContent).toContain("M1Model");
  });

  it("is closed by Escape, once, and is empty then", () => {
    press("comms", "Escape");
    expect(closed).toHaveBeenCalledTimes(1);
    drawer.stop();
    expect(box().childElementCount).toBe(0);
    expect(box().hidden).toBe(true);
    drawer = new Drawer(box(), tap, closed);
  });

  it("S09: says that it shows the last state", async () => {
    room.reachable = false;
    room.restart();
    await later(600);
    expect(box().dataset.state).toBe("last");
    expect(text(".totals")).toContain("not connected: the last state");
    expect(text(".totals")).toContain("5,000 comms");
  });
});
