// @vitest-environment jsdom
import { describe, expect, it, vi } from "vitest";
import { element, staged, widget } from "./setup";

const stage = staged();
const traced = (...lines: unknown[]) => vi.waitFor(() => expect(stage.trace).toEqual(lines));

/** A module whose initialize waits for `globalThis.go`. */
const SLOW =
  "export default { async initialize({ model }) { trace.push('begins ' + model.get('x')); model.on('change:x', () => trace.push('x ' + model.get('x'))); model.on('msg:custom', (content) => trace.push(content)); await new Promise((go) => { globalThis.go = go; }); } }";
const go = () => (globalThis as unknown as { go(): void }).go();

describe("a module by its address", () => {
  it("is imported from there, and so is the one that takes its place", async () => {
    const el = element();
    for (const name of ["one", "two"]) {
      const render = ({ el: its }: { el: HTMLElement }) => its.append(name);
      vi.doMock(`https://example.org/${name}.js`, () => ({ default: { render }, render: undefined }));
    }
    stage.source.opened({ a: widget("https://example.org/one.js") });
    stage.host.widget("a").render(el);
    await vi.waitFor(() => expect(el.textContent).toBe("one"));
    stage.source.set("a", { _esm: "https://example.org/two.js" });
    await vi.waitFor(() => expect(el.textContent).toBe("two"));
  });

  it("that is text leaves no blob behind, also when it can't be read", async () => {
    const revoke = vi.spyOn(URL, "revokeObjectURL");
    stage.source.opened({ a: widget("export default {}"), b: widget("not a module!") });
    await stage.host.widget("a").exports();
    await expect(stage.host.widget("b").exports()).rejects.toThrow();
    expect(revoke).toHaveBeenCalledTimes(2);
  });
});

describe("while a module is loading", () => {
  it("its values follow the kernel, and messages wait until it is initialised, in order", async () => {
    stage.source.opened({ a: widget(SLOW, { x: 1 }) });
    await traced("begins 1");
    stage.source.message("a", { method: "custom", content: "first" });
    stage.source.set("a", { x: 2 });
    stage.source.message("a", { method: "custom", content: "second" });
    await traced("begins 1", "x 2");
    go();
    await traced("begins 1", "x 2", "first", "second");
  });

  it("messages wait for the views that are drawn then, too", async () => {
    stage.source.opened({
      a: widget(
        "export default { async initialize() { trace.push('begins'); await new Promise((go) => { globalThis.go = go; }); }, render({ model }) { model.on('msg:custom', (content) => trace.push(content)); } }",
      ),
    });
    stage.host.widget("a").render(element());
    await traced("begins");
    stage.source.message("a", { method: "custom", content: "first" });
    await new Promise((resolve) => setTimeout(resolve));
    go();
    await traced("begins", "first");
  });

  it("at most 64 MB of messages wait; that more are left out is said once", async () => {
    stage.source.opened({ a: widget(SLOW, { x: 1 }) });
    await traced("begins 1");
    const half = new DataView(new ArrayBuffer(40 * 1024 * 1024));
    for (const content of ["first", "second", "third"]) {
      stage.source.message("a", { method: "custom", content }, [half]);
      await new Promise((resolve) => setTimeout(resolve));
    }
    go();
    await traced("begins 1", "first");
    expect(stage.problems.map(({ commId }) => commId)).toEqual(["a"]);
  });

  it("another module takes its place at once: it is not initialised to the end, and what it returns is cleaned up", async () => {
    stage.source.opened({
      a: widget(
        "export default { async initialize({ model, signal }) { trace.push('old'); await new Promise((go) => { globalThis.go = go; }); trace.push('aborted ' + signal.aborted); model.on('change:x', () => trace.push('heard')); return () => trace.push('cleanup'); }, render() { trace.push('never'); } }",
      ),
    });
    stage.host.widget("a").render(element());
    await traced("old");
    stage.source.set("a", { _esm: "export default { render() { trace.push('new'); } }" });
    await traced("old", "new");
    go();
    await traced("old", "new", "aborted true", "cleanup");
    const model = await stage.host.model("a");
    stage.source.set("a", { x: 1 });
    await vi.waitFor(() => expect(model.get("x")).toBe(1));
    await traced("old", "new", "aborted true", "cleanup");
    expect(stage.problems).toEqual([]);
  });

  it("of several that come quickly only the last is run", async () => {
    stage.source.opened({ a: widget(SLOW, { x: 1 }) });
    await traced("begins 1");
    for (const name of ["B", "C", "D"]) {
      stage.source.set("a", { _esm: `export default { initialize() { trace.push("${name}"); } }` });
      await new Promise((resolve) => setTimeout(resolve));
    }
    await vi.waitFor(() => expect(stage.trace.at(-1)).toBe("D"));
    expect(stage.trace.filter((line) => line === "D")).toHaveLength(1);
  });
});

describe("a module that is replaced", () => {
  it("while the one before it is cleaned up is never loaded", async () => {
    stage.source.opened({
      a: widget(
        "export default { initialize() { trace.push('A'); return () => new Promise((go) => { globalThis.go = go; trace.push('cleans'); }); } }",
      ),
    });
    await traced("A");
    stage.source.set("a", { _esm: "trace.push('B'); export default {}" });
    await traced("A", "cleans");
    stage.source.set("a", { _esm: "trace.push('C'); export default {}" });
    await new Promise((resolve) => setTimeout(resolve));
    go();
    await traced("A", "cleans", "C");
    await stage.host.widget("a").exports();
    await traced("A", "cleans", "C");
  });
});

describe("a failing hook", () => {
  it("of which initialize had listeners hears nothing any more", async () => {
    stage.source.opened({
      a: widget(
        "export default { initialize({ model }) { model.on('change:x', () => trace.push('heard')); throw new Error('no luck'); } }",
      ),
    });
    await vi.waitFor(() => expect(stage.problems).toHaveLength(1));
    const model = await stage.host.model("a");
    const heard = vi.fn();
    model.on("change:x", heard);
    stage.source.set("a", { x: 1 });
    await vi.waitFor(() => expect(heard).toHaveBeenCalled());
    expect(stage.trace).toEqual([]);
  });
});
