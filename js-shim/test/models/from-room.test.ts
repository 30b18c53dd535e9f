import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fromRoom } from "../../src/models/from-room";
import type { Output, OutputEdit } from "../../src/models/source";
import { joinRoom, type Room } from "../../src/window/room";
import { arrived, MemoryRoom } from "../window/memory-room";

let host: MemoryRoom;
let room: Room;
let problems: string[];

beforeEach(async () => {
  host = new MemoryRoom();
  problems = [];
  room = await joinRoom(host.connect, { onProblem: (text) => problems.push(text), blobMs: 20 });
});

afterEach(() => room.close());

const stream = (text: string) => ({ output_type: "stream", name: "stdout", text });

/** Follows an Output: what its list has become, and what was told. */
function follow() {
  const list: (Output | Promise<Output>)[] = [];
  const told: OutputEdit[] = [];
  const end = fromRoom(room).follow("out", (edits) => {
    for (const edit of edits) {
      told.push(edit);
      if (edit.what === "cut") list.length = edit.at;
      else if (edit.what === "stream") {
        const was = list[edit.at] as Output;
        const text = was.text as string;
        list[edit.at] = { ...was, text: text.slice(0, text.length - edit.cut) + edit.text };
      } else list[edit.at] = edit.output;
    }
  });
  return { list, told, end };
}

describe("an Output that is followed", () => {
  it("S34: is told each write by itself, whatever stands before it", async () => {
    host.writer.open("out", {});
    for (let n = 0; n < 5; n++) host.writer.output("out", { ...stream(`${n}`), n });
    await arrived();
    const { list, told } = follow();
    expect(told.map(({ what }) => what)).toEqual(Array(5).fill("added"));
    for (let n = 0; n < 200; n++) {
      host.writer.stream("out", `line ${n}\n`);
      if (n % 50 === 0) await arrived();
    }
    await arrived();
    expect(list).toEqual(host.writer.comms.get("out")?.outputs);
    expect(new Set(told.slice(5).map(({ what, at }) => `${what} ${at}`))).toEqual(new Set(["stream 4"]));
  });

  it("is told cuts, replacements and redrawn lines in their order", async () => {
    host.writer.open("out", {});
    await arrived();
    const { list } = follow();
    host.writer.batch(() => {
      host.writer.stream("out", "a\n 1%");
      host.writer.redraw("out", 2, "2%");
    });
    await arrived();
    host.writer.redraw("out", 2, "3%");
    await arrived();
    expect(list).toEqual([stream("a\n 3%")]);
    host.writer.batch(() => {
      host.writer.output("out", { output_type: "display_data", data: {}, metadata: {} });
      host.writer.replace("out", 0, stream("other"));
    });
    await arrived();
    expect(list).toEqual(host.writer.comms.get("out")?.outputs);
    host.writer.batch(() => {
      host.writer.cut("out", 0);
      host.writer.stream("out", "new");
    });
    await arrived();
    expect(list).toEqual([stream("new")]);
  });

  it("S27: says in words which part is missing, and is told the rest before that", async () => {
    host.writer.open("out", {});
    const image = { $blob: "ab".repeat(32), size: 5, type: "text" };
    host.writer.output("out", { output_type: "display_data", data: { "image/png": image }, metadata: {} });
    host.writer.output("out", stream("behind"));
    await arrived();
    const { list } = follow();
    expect(list[1]).toEqual(stream("behind"));
    const words = await list[0];
    expect(words).toMatchObject({ output_type: "stream", name: "stderr" });
    expect(words?.text).toContain("abab");
    expect(problems.join()).toContain("comm out");
  });

  it("is told nothing when it is followed no more", async () => {
    host.writer.open("out", {});
    await arrived();
    const { told, end } = follow();
    end();
    host.writer.stream("out", "x");
    await arrived();
    expect(told).toEqual([]);
  });

  it("begins anew with a comm that opens when it is followed already", async () => {
    const { list } = follow();
    host.writer.batch(() => {
      host.writer.open("out", {});
      host.writer.stream("out", "there");
    });
    await arrived();
    expect(list).toEqual([stream("there")]);
  });

  it("S50: is trusted when the room names the kernel that made it", async () => {
    host.writer.open("out", {});
    await arrived();
    expect(fromRoom(room).trusted("out")).toBe(true);
    host.tell({ type: "kernel", status: "idle", epoch: "another", kernel_id: "k", live: true });
    await arrived();
    expect(fromRoom(room).trusted("out")).toBe(false);
  });
});
