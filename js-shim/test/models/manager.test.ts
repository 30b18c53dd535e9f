// @vitest-environment jsdom
// biome-ignore-start assist/source/organizeImports: the packages touch the DOM when they load
import "./dom";
// biome-ignore-end assist/source/organizeImports: see above
import { type WidgetModel, WidgetView } from "@jupyter-widgets/base";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { DocumentComm } from "../../src/models/document-comm";
import { type Problem, RoomManager } from "../../src/models/manager";
import { MemorySource } from "./memory-source";

let source: MemorySource;
let problems: Problem[];
let manager: RoomManager;

function start(): RoomManager {
  manager = new RoomManager(source, { root: document, onProblem: (problem) => problems.push(problem) });
  return manager;
}

beforeEach(() => {
  source = new MemorySource();
  problems = [];
  vi.spyOn(console, "error").mockImplementation(() => undefined);
});

afterEach(() => {
  manager.dispose();
  vi.restoreAllMocks();
});

const slider = (value: number) => ({ model: "IntSliderModel", value, min: 0, max: 100 });
const children = (model: WidgetModel) =>
  (model.get("children") as WidgetModel[]).map(({ model_id }) => model_id);

describe("models of a document", () => {
  it("S04: are made when the container comes before its children", async () => {
    source.opened({ box: { children: ["IPY_MODEL_a", "IPY_MODEL_b"] }, a: slider(1), b: slider(2) });
    start();
    expect(children(await manager.get_model("box"))).toEqual(["a", "b"]);
  });

  it("S04: are made when two refer to each other", async () => {
    source.opened({ x: { children: ["IPY_MODEL_y"] }, y: { children: ["IPY_MODEL_x"] } });
    start();
    const [x, y] = await Promise.all([manager.get_model("x"), manager.get_model("y")]);
    await vi.waitFor(() => expect([children(x), children(y)]).toEqual([["y"], ["x"]]));
  });

  it("S04: show the children that are there, and the missing one when it comes", async () => {
    source.opened({ box: { children: ["IPY_MODEL_a", "IPY_MODEL_late"] }, a: slider(1) });
    start();
    const box = await manager.get_model("box");
    expect(children(box)).toEqual(["a"]);
    expect(manager.missingModels()).toEqual(["late"]);
    source.opened({ late: slider(9) });
    await vi.waitFor(() => expect(children(box)).toEqual(["a", "late"]));
    expect(manager.missingModels()).toEqual([]);
  });

  it("S27: are made without a child whose blob hangs", async () => {
    source.hanging.add("hung");
    source.opened({ box: { children: ["IPY_MODEL_hung", "IPY_MODEL_a"] }, a: slider(1), hung: slider(2) });
    start();
    expect(children(await manager.get_model("box"))).toEqual(["a"]);
  });

  it("have views that begin with what was set before they were displayed", async () => {
    source.opened({ a: { model: "LabelModel", value: "old" } });
    start();
    const model = await manager.get_model("a");
    const read = source.read.bind(source);
    vi.spyOn(source, "read").mockImplementation(async (...asked) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return read(...asked);
    });
    source.set("a", { value: "new" });
    const drawn: unknown[] = [];
    vi.spyOn(manager, "loadViewClass").mockImplementation(async () => {
      drawn.push(model.get("value"));
      return WidgetView;
    });
    await manager.create_view(model);
    expect(drawn).toEqual(["new"]);
  });

  it("have the document's value at last, also when a command to them comes behind newer values", async () => {
    source.opened({ a: { model: "LabelModel", value: "old" } });
    start();
    const model = await manager.get_model("a");
    source.set("a", { value: "newest" });
    source.message("a", { method: "update", state: { value: "a command" } });
    source.message("a", { method: "update", state: { value: "taken back" } });
    const values: unknown[] = [];
    model.on("change:value", () => values.push(model.get("value")));
    await vi.waitFor(() => expect(values).toEqual(["newest", "a command", "taken back", "newest"]));
  });

  it("S27: have views also when what was set before hangs, or a message waits for the view", async () => {
    source.opened({ a: { model: "LabelModel", value: "a" }, b: { model: "LabelModel", value: "b" } });
    start();
    const [a, b] = await Promise.all([manager.get_model("a"), manager.get_model("b")]);
    source.hanging.add("a");
    source.set("a", { value: "new" });
    let viewed: () => void = () => undefined;
    b._handle_comm_msg = () => new Promise<void>((resolve) => (viewed = resolve));
    (b.comm as unknown as DocumentComm).on_msg(() => b._handle_comm_msg({} as never));
    source.message("b", { method: "custom", content: {} });
    source.set("b", { value: "new" });
    expect(manager.has_model("b") && (b.comm as unknown as DocumentComm).beforeView()).toBe(null);
    await manager.create_view(b);
    viewed();
    await manager.create_view(a);
  });

  it("S03: have every update that came while they were made", async () => {
    source.opened({ a: slider(1) });
    start();
    for (let value = 2; value <= 20; value++) source.set("a", { value });
    const model = await manager.get_model("a");
    await vi.waitFor(() => expect(model.get("value")).toBe(20));
    expect(source.requests).toEqual([]);
  });

  it("S21: are new when a comm opens again under its id, and boxes take them", async () => {
    source.opened({ box: { children: ["IPY_MODEL_a"] }, a: slider(1) });
    start();
    const box = await manager.get_model("box");
    const first = await manager.get_model("a");
    source.gone("a");
    source.opened({ a: slider(7) });
    const second = await manager.get_model("a");
    expect(second).not.toBe(first);
    await vi.waitFor(() => expect((box.get("children") as WidgetModel[])[0]).toBe(second));
    expect(source.closedByWindow).toEqual([]);
  });

  it("stand in for a module that the page doesn't have, and the others go on", async () => {
    source.opened({
      strange: { model: "MapModel", module: "jupyter-leaflet", zoom: 3 },
      box: { children: ["IPY_MODEL_strange", "IPY_MODEL_a"] },
      a: slider(1),
    });
    start();
    expect(children(await manager.get_model("box"))).toEqual(["strange", "a"]);
    const view = await manager.create_view(await manager.get_model("strange"));
    expect(view.el.textContent).toContain("jupyter-leaflet");
    expect((await manager.get_model("strange")).get("zoom")).toBe(3);
  });
});

describe("what comes in", () => {
  it("S24: shows a value before the message that followed it", async () => {
    source.opened({ a: slider(1) });
    start();
    const model = await manager.get_model("a");
    const seen: number[] = [];
    model.on("msg:custom", () => seen.push(model.get("value") as number));
    for (let value = 2; value < 50; value++) {
      source.set("a", { value });
      source.message("a", { method: "custom", content: value });
    }
    await vi.waitFor(() => expect(seen).toHaveLength(48));
    seen.forEach((value, index) => {
      expect(value).toBeGreaterThanOrEqual(index + 2);
    });
  });

  it("S26: waits for a model that is still being made, in order", async () => {
    const { loadModelClass } = RoomManager.prototype;
    let load: () => void = () => undefined;
    const loaded = new Promise<void>((resolve) => {
      load = resolve;
    });
    const seen: unknown[] = [];
    vi.spyOn(RoomManager.prototype, "loadModelClass").mockImplementation(async function (
      this: RoomManager,
      ...names
    ) {
      await loaded;
      const Model = await loadModelClass.apply(this, names);
      return class extends Model {
        override initialize(...how: Parameters<WidgetModel["initialize"]>): void {
          super.initialize(...how);
          this.on("msg:custom", (content: unknown) => seen.push([content, this.get("value")]));
        }
      };
    });
    source.opened({ a: slider(1) });
    start();
    source.message("a", { method: "custom", content: "first" });
    source.set("a", { value: 2 });
    source.message("a", { method: "custom", content: "second" });
    await new Promise((resolve) => setTimeout(resolve, 20));
    load();
    await vi.waitFor(() =>
      expect(seen).toEqual([
        ["first", 2],
        ["second", 2],
      ]),
    );
  });

  it("S27: goes on after an update that could not be read", async () => {
    source.opened({ a: slider(1) });
    start();
    const model = await manager.get_model("a");
    const Model = model.constructor as typeof WidgetModel;
    vi.spyOn(Model, "_deserialize_state").mockRejectedValueOnce(new Error("not for this model"));
    source.set("a", { value: 5 });
    await vi.waitFor(() => expect(problems).toHaveLength(1));
    source.set("a", { value: 6 });
    await vi.waitFor(() => expect(model.get("value")).toBe(6));
  });

  it("S27: goes on after a listener that throws, and says for which comm", async () => {
    source.opened({ a: slider(1) });
    start();
    const model = await manager.get_model("a");
    const seen: unknown[] = [];
    model.on("msg:custom", (content: unknown) => {
      seen.push(content);
      if (content === 1) throw new Error("author's");
    });
    for (const content of [1, 2]) source.message("a", { method: "custom", content });
    source.set("a", { value: 5 });
    await vi.waitFor(() => expect(model.get("value")).toBe(5));
    expect(seen).toEqual([1, 2]);
    expect(problems.map(({ commId, text }) => [commId, text.includes("author's")])).toEqual([["a", true]]);
  });

  it("S27: goes on after a listener of a value that throws", async () => {
    source.opened({ a: slider(1) });
    start();
    const model = await manager.get_model("a");
    model.on("change:value", () => {
      if (model.get("value") === 5) throw new Error("author's");
    });
    source.set("a", { value: 5 });
    await vi.waitFor(() => expect(problems).toHaveLength(1));
    expect(problems[0]?.text).toBe("comm a: a listener of value failed: author's");
    source.set("a", { value: 6 });
    await vi.waitFor(() => expect(model.get("value")).toBe(6));
  });

  it("S27: goes on when a blob is missing, and shows what it is", async () => {
    source.missing = [{ key: "value", hash: "ab".repeat(32), reason: "the room doesn't have it" }];
    source.opened({ a: slider(1), b: slider(2) });
    start();
    expect((await manager.get_model("b")).get("value")).toBe(2);
    await manager.get_model("a");
    const view = await manager.create_view(await manager.get_model("a"));
    expect(view.el.getAttribute("data-commdoc-missing")).toContain("value is missing");
  });

  it("is not sent back", async () => {
    source.opened({ a: slider(1) });
    start();
    const model = await manager.get_model("a");
    source.set("a", { value: 5 });
    await vi.waitFor(() => expect(model.get("value")).toBe(5));
    model.save_changes();
    expect(source.requests).toEqual([]);
  });

  it("S12: waits while this window's own request for the key is under way", async () => {
    source.opened({ a: slider(1) });
    start();
    const model = await manager.get_model("a");
    source.underWay.add("a.value");
    source.set("a", { value: 5, max: 200 });
    await vi.waitFor(() => expect(model.get("max")).toBe(200));
    expect(model.get("value")).toBe(1);
    source.underWay.clear();
    source.set("a", { value: 5 });
    await vi.waitFor(() => expect(model.get("value")).toBe(5));
  });

  it("S12: doesn't pull the hand back, and is shown when the hand is off", async () => {
    source.opened({ a: slider(1) });
    start();
    const model = await manager.get_model("a");
    const view = await manager.create_view(model);
    document.body.append(view.el);
    const elsewhere = document.body.appendChild(document.createElement("input"));
    elsewhere.focus();
    view.el.dispatchEvent(new MouseEvent("pointerdown", { bubbles: true, composed: true }));
    elsewhere.blur(); // as a press takes the focus away, after it is told
    model.set("value", 30);
    model.save_changes();
    source.set("a", { value: 10, max: 50 });
    await vi.waitFor(() => expect(model.get("max")).toBe(50));
    expect(model.get("value")).toBe(30);
    window.dispatchEvent(new MouseEvent("pointerup", { bubbles: true }));
    await vi.waitFor(() => expect(model.get("value")).toBe(10));
  });
});

describe("what goes out", () => {
  it("is a request for each change, held back by no status of the kernel", async () => {
    source.opened({ a: slider(1) });
    start();
    const model = await manager.get_model("a");
    for (const value of [2, 3, 4]) {
      model.set("value", value);
      model.save_changes();
    }
    expect(source.requests.map(({ state }) => state)).toEqual([{ value: 2 }, { value: 3 }, { value: 4 }]);
  });

  it("S24: is a message with its buffers, after the state", async () => {
    source.opened({ a: slider(1) });
    start();
    const model = await manager.get_model("a");
    model.send({ x: 1 }, {}, [new Uint8Array([1, 2, 3]).subarray(1)]);
    expect(source.sent[0]?.data).toEqual({ method: "custom", content: { x: 1 } });
    expect(new Uint8Array(source.sent[0]?.buffers[0] as ArrayBuffer)).toEqual(new Uint8Array([2, 3]));
  });

  it("waits for the kernel to open a comm that this window asked for", async () => {
    start();
    const model = await manager.new_widget(
      {
        model_name: "LayoutModel",
        model_module: "@jupyter-widgets/base",
        model_module_version: "2.0.0",
        view_name: "LayoutView",
        view_module: "@jupyter-widgets/base",
        view_module_version: "2.0.0",
      },
      { width: "123px" },
    );
    model.set("height", "45px");
    model.save_changes();
    expect(source.requests).toEqual([]);
    const made = { model: "LayoutModel", module: "@jupyter-widgets/base", width: null, height: null };
    source.opened({ [model.model_id]: made });
    expect(source.requests.map(({ state }) => [state.width, state.height])).toEqual([
      ["123px", null],
      [undefined, "45px"],
    ]);
  });

  it("is nothing once the kernel is gone", async () => {
    source.opened({ a: slider(1) });
    start();
    const model = await manager.get_model("a");
    manager.setLive(false);
    await vi.waitFor(() => expect(model.comm_live).toBe(false));
    model.set("value", 2);
    model.save_changes();
    expect(source.requests).toEqual([]);
  });

  it("S09: is not what was moved while nothing could be sent", async () => {
    source.opened({ a: slider(1) });
    start();
    const model = await manager.get_model("a");
    manager.setLive(false);
    await vi.waitFor(() => expect(model.comm_live).toBe(false));
    model.set("value", 30);
    model.save_changes();
    manager.setLive(true);
    await vi.waitFor(() => expect(model.get("value")).toBe(1));
    model.set("max", 200);
    model.save_changes();
    expect(source.requests.map(({ state }) => state)).toEqual([{ max: 200 }]);
  });
});
