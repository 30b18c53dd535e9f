/** The public types, as a consumer reads them: the emitted declarations, by the package's own name. Run by `vitest --typecheck`. */

import type { DOMWidgetView, WidgetModel } from "@jupyter-widgets/base";
import { type Change, type Comm, CommsMap, joinRoom, type Room, type RoomEvents } from "commdoc";
import { type AfmHost, type AfmModel, afmOf } from "commdoc/afm";
import type * as document from "commdoc/document";
import { askHost, type FindModule, modelsOf, type PageModule, type RoomManager } from "commdoc/models";
import { pipePort, portConnect } from "commdoc/ports";
import { type Mounted, type MountOptions, mountRoom } from "commdoc/viewer";
import type * as window from "commdoc/window";
import { describe, expectTypeOf, it } from "vitest";
import type * as Y from "yjs";

const room = {} as Room;

describe("commdoc", () => {
  it("joins a room by its link, or by what connects", () => {
    expectTypeOf(joinRoom).parameter(0).extract<string>().toEqualTypeOf<string>();
    expectTypeOf(joinRoom).parameter(0).extract<URL>().toEqualTypeOf<URL>();
    expectTypeOf(joinRoom).returns.resolves.toEqualTypeOf<Room>();
    expectTypeOf<typeof window.joinRoom>().toEqualTypeOf<typeof joinRoom>();
  });

  it("reads comms, and asks for changes that are settled", () => {
    expectTypeOf(room.comms).toEqualTypeOf<CommsMap>();
    expectTypeOf(room.doc).toEqualTypeOf<Y.Doc>();
    for (const [commId, comm] of room.comms) {
      expectTypeOf(commId).toEqualTypeOf<string>();
      expectTypeOf(comm).toEqualTypeOf<Comm>();
      expectTypeOf(comm.seq).toEqualTypeOf<number>();
    }
    expectTypeOf(room.request("id", { value: 5 }).settled).resolves.toHaveProperty("state");
    expectTypeOf(room.read("id", ["value"])).resolves.toHaveProperty("missing");
    // @ts-expect-error: a request is an object of keys
    room.request("id", "value");
  });

  it("types what each event tells", () => {
    room.on("change", (changes) => expectTypeOf(changes).toExtend<readonly Change[]>());
    room.on("message", ({ buffers }) => expectTypeOf(buffers[0]).toEqualTypeOf<DataView | undefined>());
    expectTypeOf<keyof RoomEvents>().toEqualTypeOf<
      "cell_end" | "change" | "failed" | "kernel" | "log" | "message" | "missed" | "peers" | "status"
    >();
    expectTypeOf(room.on("status", () => undefined)).toEqualTypeOf<() => void>();
    // @ts-expect-error: no such event
    room.on("changed", () => undefined);
  });
});

describe("commdoc/document", () => {
  it("reads a yjs document", () => {
    expectTypeOf(new CommsMap({} as Y.Doc)).toEqualTypeOf<CommsMap>();
    expectTypeOf<document.CommsMap>().toEqualTypeOf<CommsMap>();
    expectTypeOf<document.Comm["keys"]>().toEqualTypeOf<readonly string[]>();
  });
});

describe("commdoc/ports", () => {
  it("carries a window's frames over a MessagePort", () => {
    const { port1 } = new MessageChannel();
    expectTypeOf(portConnect(port1)).toExtend<Parameters<typeof joinRoom>[0]>();
    expectTypeOf(pipePort(port1, portConnect(port1))).toEqualTypeOf<() => void>();
  });
});

describe("commdoc/models", () => {
  it("is an ipywidgets manager", () => {
    const models = modelsOf(room, { cdn: "https://cdn.example/{module}@{version}/{file}", trusted: true });
    expectTypeOf(models).toEqualTypeOf<RoomManager>();
    expectTypeOf(models.get_model("id")).resolves.toEqualTypeOf<WidgetModel>();
    expectTypeOf(
      models.create_view<DOMWidgetView>({} as WidgetModel),
    ).resolves.toEqualTypeOf<DOMWidgetView>();
  });

  it("takes modules that the page brings, with a version or without", () => {
    const load = () => import("yjs");
    expectTypeOf(load).toExtend<PageModule>();
    expectTypeOf<{ version: "1.0.0"; load: typeof load }>().toExtend<PageModule>();
    modelsOf(room, { modules: { one: load, two: [{ version: "1.0.0", load }, load] } });
    // @ts-expect-error: a version is a text
    modelsOf(room, { modules: { one: { version: 1, load } } });
    expectTypeOf(askHost({ socket: "", token: "" })).toEqualTypeOf<FindModule>();
  });
});

describe("commdoc/afm", () => {
  it("types a model by its state", () => {
    expectTypeOf(afmOf(room)).toEqualTypeOf<AfmHost>();
    const model = {} as AfmModel<{ value: number }>;
    expectTypeOf(model.get("value")).toEqualTypeOf<number>();
    // @ts-expect-error: no such key
    model.get("other");
  });
});

describe("commdoc/viewer", () => {
  it("mounts a room, or the room of a link", () => {
    expectTypeOf(mountRoom).parameters.toEqualTypeOf<
      [element: HTMLElement, room: Room | string | URL, options?: MountOptions | undefined]
    >();
    expectTypeOf(mountRoom).returns.resolves.toEqualTypeOf<Mounted>();
    expectTypeOf<NonNullable<MountOptions["only"]>>().toEqualTypeOf<(comm: Comm) => boolean>();
    // @ts-expect-error: an element, not its id
    mountRoom("id", room);
  });
});
