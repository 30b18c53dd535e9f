// @vitest-environment jsdom
import "./dom";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ModelsOptions, modelsOf } from "../../src/models";
import { mountRoom } from "../../src/viewer";
import { joinRoom, type Room } from "../../src/window/room";
import { arrived, MemoryRoom } from "../window/memory-room";

let memory: MemoryRoom;
let room: Room;

const SLIDER = {
  model_module: "@jupyter-widgets/controls",
  model_module_version: "^2.0.0",
  model_name: "IntSliderModel",
};

/** The room says which epoch its kernel has. */
async function kernel(epoch: string): Promise<void> {
  memory.tell({ type: "kernel", status: "idle", epoch, kernel_id: "k", live: true });
  await arrived();
}

beforeEach(async () => {
  memory = new MemoryRoom();
  room = await joinRoom(memory.connect, { onProblem: () => undefined });
});

afterEach(() => room.close());

function host(options?: ModelsOptions) {
  return modelsOf(room, options);
}

describe("the models of a room", () => {
  it("are one manager, whoever asks", async () => {
    const models = host();
    expect(host()).toBe(models);
    const mounted = await mountRoom(document.body, room);
    expect(mounted.models).toBe(models);
    mounted.remove();
    expect(room.status).toBe("synced");
    expect(document.querySelector(".commdoc")).toBeNull();
  });

  it("S47: are withheld when no kernel of the room has made them, until one says that it has", async () => {
    await kernel("another");
    memory.writer.open("a", { value: 3 }, SLIDER);
    const models = host();
    await arrived();
    expect(models.has_model("a")).toBe(false);
    await kernel("e");
    expect(models.has_model("a")).toBe(true);
    await vi.waitFor(async () => expect((await models.get_model("a")).get("value")).toBe(3));
  });

  it("are there when the page vouches for them", async () => {
    await kernel("another");
    memory.writer.open("a", { value: 3 }, SLIDER);
    const models = host({ trusted: true });
    await arrived();
    expect(models.has_model("a")).toBe(true);
  });
});
