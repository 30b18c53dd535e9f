// @vitest-environment jsdom
import { describe, expect, it, vi } from "vitest";
import { same } from "../../src/models/same";
import { element, staged, widget } from "./setup";

const stage = staged();

const NOTHING = "export default {}";

describe("a listener that sets", () => {
  it("is told of with the rest of the change: each key, then change once", async () => {
    stage.source.opened({ a: widget(NOTHING, { x: 0, y: 0, z: 0 }) });
    const model = await stage.host.model<{ x: number; y: number; z: number }>("a");
    model.on("change:x", () => model.set("y", 1));
    for (const event of ["change:x", "change:y", "change:z", "change"])
      model.on(event, () => stage.trace.push(event));
    stage.source.set("a", { x: 1, z: 1 });
    await vi.waitFor(() => expect(stage.trace).toEqual(["change:y", "change:x", "change:z", "change"]));
  });

  it("on change is told of by another change", async () => {
    stage.source.opened({ a: widget(NOTHING, { x: 0, y: 0 }) });
    const model = await stage.host.model<{ x: number; y: number }>("a");
    model.on("change", () => {
      stage.trace.push(model.get("y"));
      model.set("y", 1);
    });
    model.set("x", 1);
    expect(stage.trace).toEqual([0, 1]);
  });
});

describe("what a model saves", () => {
  it("is a copy: what the module does with its value later doesn't change what was sent", async () => {
    stage.source.opened({ a: widget(NOTHING) });
    const model = await stage.host.model<{ list: number[] }>("a");
    const list = [1];
    model.set("list", list);
    model.save_changes();
    list.push(2);
    expect(stage.source.requests).toEqual([{ commId: "a", state: { list: [1] } }]);
  });

  it("waits for the next time when a value can't be copied", async () => {
    stage.source.opened({ a: widget(NOTHING) });
    const model = await stage.host.model("a");
    model.set("good", 1);
    model.set("bad", () => undefined);
    expect(() => model.save_changes()).toThrow();
    model.set("bad", 2);
    model.save_changes();
    expect(stage.source.requests.map(({ state }) => state)).toEqual([{ good: 1, bad: 2 }]);
  });

  it("is nothing when the comm is closed", async () => {
    stage.source.opened({ a: widget(NOTHING) });
    const model = await stage.host.model("a");
    stage.source.gone("a");
    model.set("x", 1);
    model.save_changes();
    model.send("message");
    expect([stage.source.requests, stage.source.sent]).toEqual([[], []]);
  });

  it("because a value came in is sent after a quiet moment, unless the document has it by then", async () => {
    stage.source.opened({ a: widget(NOTHING, { x: 0, y: 0, z: 0 }) });
    const model = await stage.host.model<{ x: number; y: number; z: number }>("a");
    model.on("change:x", () => {
      model.set("y", model.get("x"));
      model.set("z", model.get("x"));
      model.save_changes();
    });
    stage.source.set("a", { x: 1 });
    await vi.waitFor(() => expect(model.get("y")).toBe(1));
    expect(stage.source.requests).toEqual([]);
    stage.source.set("a", { z: 1 });
    await vi.waitFor(() => expect(stage.source.requests.map(({ state }) => state)).toEqual([{ y: 1 }]), {
      timeout: 5000,
    });
  });
});

describe("what comes from elsewhere", () => {
  it("for a key that this window has asked for waits until that is accepted", async () => {
    stage.source.opened({ a: widget(NOTHING, { x: 0, y: 0 }) });
    const model = await stage.host.model<{ x: number; y: number }>("a");
    model.set("x", 5);
    model.save_changes();
    stage.source.underWay.add("a.x");
    stage.source.set("a", { x: 3, y: 3 });
    await vi.waitFor(() => expect(model.get("y")).toBe(3));
    expect(model.get("x")).toBe(5);
    stage.source.underWay.clear();
    stage.source.set("a", { x: 4 });
    await vi.waitFor(() => expect(model.get("x")).toBe(4));
  });

  it("for a key that this window asks for while it is being read waits, too", async () => {
    stage.source.opened({ a: widget(NOTHING, { x: 0 }) });
    const model = await stage.host.model<{ x: number }>("a");
    const read = stage.source.read.bind(stage.source);
    let go = () => {};
    stage.source.read = async (commId, keys) => {
      const values = await read(commId, keys);
      await new Promise<void>((resolve) => {
        go = resolve;
        stage.trace.push("read");
      });
      return values;
    };
    stage.source.set("a", { x: 3 });
    await vi.waitFor(() => expect(stage.trace).toEqual(["read"]));
    model.set("x", 5);
    model.save_changes();
    stage.source.underWay.add("a.x");
    go();
    await new Promise((resolve) => setTimeout(resolve));
    expect(model.get("x")).toBe(5);
  });

  it("for a key that a hand on the widget sets waits until the hand is off", async () => {
    const el = element();
    stage.source.opened({
      a: widget("export default { render({ el }) { el.append(document.createElement('button')); } }", {
        x: 0,
        y: 0,
      }),
    });
    stage.host.widget("a").render(el);
    const button = await vi.waitFor(() => {
      const there = el.querySelector("button");
      if (there === null) throw new Error("not yet");
      return there;
    });
    const model = await stage.host.model<{ x: number; y: number }>("a");
    button.dispatchEvent(new MouseEvent("pointerdown", { bubbles: true, composed: true }));
    model.set("x", 5);
    model.save_changes();
    stage.source.set("a", { x: 3, y: 3 });
    await vi.waitFor(() => expect(model.get("y")).toBe(3));
    expect(model.get("x")).toBe(5);
    button.dispatchEvent(new MouseEvent("pointerup", { bubbles: true, composed: true }));
    await vi.waitFor(() => expect(model.get("x")).toBe(3));
  });
});

describe("a view", () => {
  it("begins with what was set before it was displayed", async () => {
    const draws = "export default { render({ model }) { trace.push(model.get('x')); } }";
    stage.source.opened({ a: widget(draws, { x: 1 }) });
    await stage.host.widget("a").exports();
    const read = stage.source.read.bind(stage.source);
    vi.spyOn(stage.source, "read").mockImplementation(async (...asked) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return read(...asked);
    });
    stage.source.set("a", { x: 2 });
    stage.host.widget("a").render(element());
    await vi.waitFor(() => expect(stage.trace).toEqual([2]));
  });
});

describe("two values", () => {
  it.each<[unknown, unknown, boolean]>([
    [Number.NaN, Number.NaN, true],
    [[1, { a: null }], [1, { a: null }], true],
    [[1], { 0: 1 }, false],
    [[1, undefined], [1], false],
    [{ a: undefined }, { b: undefined }, false],
    [new DataView(new ArrayBuffer(2)), new DataView(new ArrayBuffer(3), 1), true],
    [Uint8Array.of(1), Uint8Array.of(2), false],
    [Uint8Array.of(1), Int8Array.of(1), false],
    [new Date(5), new Date(5), true],
    [new Date(5), new Date(6), false],
    ["1", 1, false],
    [null, {}, false],
  ])("%o and %o: the same is %s", (a, b, expected) => {
    expect([same(a, b), same(b, a)]).toEqual([expected, expected]);
  });
});
