// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type AfmProblem, afmOf } from "../../src/afm";
import type { State } from "../../src/document/elements";
import { joinRoom, type Room } from "../../src/window/room";
import { arrived, MemoryRoom } from "../window/memory-room";
import { importBlobs } from "./blob-modules";
import { element } from "./setup";

let memory: MemoryRoom;
let room: Room;
let problems: AfmProblem[];

beforeEach(async () => {
  importBlobs();
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  memory = new MemoryRoom();
  problems = [];
  room = await joinRoom(memory.connect, { onProblem: () => undefined });
});

afterEach(() => {
  afmOf(room).dispose();
  room.close();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const host = () => afmOf(room, { onProblem: (problem) => problems.push(problem) });

/** Opens an anywidget in the room, of the epoch "e". */
function open(commId: string, esm: string, state: State): void {
  memory.writer.open(commId, { _esm: esm, ...state });
}

/** The room says which epoch its kernel has. */
const kernel = (epoch: string) =>
  memory.tell({ type: "kernel", status: "idle", epoch, kernel_id: "k", live: true });

describe("the anywidgets of a room", () => {
  it("have one host, until it is disposed", () => {
    const first = host();
    expect(host()).toBe(first);
    first.dispose();
    expect(host()).not.toBe(first);
  });

  it("show what a module sets at once, then what the kernel made of it, though the document's value never changed", async () => {
    open("a", "export default {}", { value: 100 });
    const model = await host().model<{ value: number }>("a");
    const seen: number[] = [];
    model.on("change:value", () => seen.push(model.get("value")));
    model.set("value", 700);
    model.save_changes();
    expect(model.get("value")).toBe(700);
    const { request_id, state } = await memory.next("request");
    expect(state).toEqual({ value: 700 });
    memory.accept(request_id, "a", { value: 700 });
    memory.settle(request_id, "a", { value: 100 });
    await vi.waitFor(() => expect(seen).toEqual([700, 100]));
  });

  it("keep what a module sets while others' values stream in, until the room has accepted it", async () => {
    open("a", "export default {}", { value: 0 });
    const model = await host().model<{ value: number; other: number }>("a");
    model.set("value", 5);
    model.save_changes();
    const { request_id } = await memory.next("request");
    memory.writer.update("a", { value: 3, other: 1 });
    await vi.waitFor(() => expect(model.get("other")).toBe(1));
    expect(model.get("value")).toBe(5);
    memory.accept(request_id, "a", { value: 6, other: 1 });
    await vi.waitFor(() => expect(model.get("value")).toBe(6));
  });

  it("take back what the room refuses, and say so", async () => {
    open("a", "export default {}", { value: 0 });
    const model = await host().model<{ value: number }>("a");
    model.set("value", 5);
    model.save_changes();
    const { request_id } = await memory.next("request");
    memory.tell({ type: "failed", request_id, code: "rejected", reason: "too late" });
    await vi.waitFor(() => expect(model.get("value")).toBe(0));
    expect(problems.map(({ commId }) => commId)).toEqual(["a"]);
  });

  it("send bytes as bytes, and get them as a DataView", async () => {
    open("a", "export default {}", { raw: null });
    const model = await host().model<{ raw: Uint8Array | DataView }>("a");
    model.set("raw", Uint8Array.of(9, 1, 2).subarray(1));
    model.save_changes();
    const { request_id, state } = await memory.next("request");
    expect(state).toEqual({ raw: { $buffer: 0 } });
    const sent = memory.heard.find(({ message }) => message.type === "request");
    expect([...(sent?.buffers[0] ?? [])]).toEqual([1, 2]);
    expect(request_id).toBeTruthy();
  });

  it("of another epoch run when the room says that it is its kernel's", async () => {
    const el = element();
    kernel("another");
    await arrived();
    open("a", "export default { render({ el }) { el.append('drawn'); } }", {});
    host().widget("a").render(el);
    await vi.waitFor(() => expect(el.textContent).toMatch(/withheld/));
    kernel("e");
    await vi.waitFor(() => expect(el.textContent).toBe("drawn"));
  });
});
