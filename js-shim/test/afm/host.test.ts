// @vitest-environment jsdom
import { describe, expect, it, vi } from "vitest";
import { MemorySource } from "../models/memory-source";
import { DRAWS, element, staged, widget } from "./setup";

const stage = staged();

/** Waits until the element reads so. */
const reads = (el: HTMLElement, text: string) => vi.waitFor(() => expect(el.textContent).toBe(text));

describe("a widget in a page", () => {
  it("is drawn when its comm comes after the page asked for it", async () => {
    const el = element();
    stage.host.widget("a").render(el);
    stage.source.opened({ a: widget(DRAWS, { x: 1 }) });
    await reads(el, "drawn 1");
  });

  it("is drawn again where it was when its comm opens again under its id", async () => {
    const el = element();
    stage.source.opened({ a: widget(DRAWS, { x: 1 }) });
    stage.host.widget("a").render(el);
    await reads(el, "drawn 1");
    stage.source.gone("a");
    await reads(el, "");
    stage.source.opened({ a: widget(DRAWS, { x: 2 }) });
    await reads(el, "drawn 2");
  });

  it("stays drawn when its comm has opened again before the old one was cleaned up", async () => {
    const el = element();
    stage.source.opened({
      a: widget(
        "export default { render({ el }) { el.append('old'); return () => new Promise((go) => { globalThis.go = go; }); } }",
      ),
    });
    stage.host.widget("a").render(el);
    await reads(el, "old");
    stage.source.gone("a");
    stage.source.opened({ a: widget(DRAWS, { x: 2 }) });
    await reads(el, "drawn 2");
    (globalThis as unknown as { go(): void }).go();
    await new Promise((resolve) => setTimeout(resolve));
    expect(el.textContent).toBe("drawn 2");
  });

  it("leaves what else is in the element alone, and is gone with what render returned, or with the signal", async () => {
    const el = element();
    el.append("mine ");
    const controller = new AbortController();
    stage.source.opened({ a: widget(DRAWS, { x: 1 }) });
    const remove = stage.host.widget("a").render(el);
    stage.host.widget("a").render(el, { signal: controller.signal });
    await reads(el, "mine drawn 1drawn 1");
    remove();
    expect(el.textContent).toBe("mine drawn 1");
    controller.abort();
    expect(el.textContent).toBe("mine ");
  });

  it("gives its exports, and rejects with the reason when it failed", async () => {
    stage.source.opened({
      a: widget("export default { initialize() { return { answer: 42 }; } }"),
      b: widget("export default { initialize() { throw new Error('no luck'); } }"),
    });
    expect(await stage.host.widget("a").exports()).toEqual({ answer: 42 });
    await expect(stage.host.widget("b").exports()).rejects.toThrow("no luck");
  });

  it("is rejected with its id after 10 s when there is none", async () => {
    vi.useFakeTimers();
    const asked = [stage.host.model("nobody"), stage.host.widget("nobody").exports()];
    const rejected = Promise.all(asked.map((one) => expect(one).rejects.toThrow("nobody")));
    await vi.advanceTimersByTimeAsync(10_000);
    await rejected;
  });

  it("whose initialize never ends makes getWidget reject after 10 s, with its id", async () => {
    stage.source.opened({
      slow: widget("export default { initialize() { trace.push('slow'); return new Promise(() => {}); } }"),
      a: widget(
        "export default { async render({ host }) { trace.push('asks'); await host.getWidget('anywidget:slow').catch((error) => trace.push(error.message)); } }",
      ),
    });
    await vi.waitFor(() => expect(stage.trace).toEqual(["slow"]));
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    stage.host.widget("a").render(element());
    // The module is imported in real time; only waiting is not.
    for (let n = 0; n < 1000 && !stage.trace.includes("asks"); n++) await new Promise(setImmediate);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(stage.trace.at(-1)).toMatch(/slow was not initialised in 10 s/);
  });

  it("has the same model object each time, also by an author's widget_manager", async () => {
    stage.source.opened({ a: widget("export default {}", { x: 1 }) });
    const model = await stage.host.model<{ x: number }>("a");
    expect(await stage.host.model("a")).toBe(model);
    expect(await model.widget_manager.get_model("a")).toBe(model);
    expect(model.get("x")).toBe(1);
  });

  it("stays with its room: two hosts in one page have each their own", async () => {
    const other = new MemorySource();
    const second = stage.start(other);
    const [el, els] = [element(), element()];
    stage.source.opened({ a: widget(DRAWS, { x: 1 }) });
    other.opened({ a: widget(DRAWS, { x: 2 }) });
    stage.host.widget("a").render(el);
    second.widget("a").render(els);
    await reads(el, "drawn 1");
    await reads(els, "drawn 2");
    stage.host.dispose();
    expect([el.textContent, els.textContent]).toEqual(["", "drawn 2"]);
  });

  it("ends with the host: signals abort, cleanups run, nothing is heard any more", async () => {
    stage.source.opened({
      a: widget(
        "export default { initialize({ model }) { model.on('change:x', () => trace.push('x')); trace.push('there'); return () => trace.push('cleanup'); } }",
      ),
    });
    await vi.waitFor(() => expect(stage.trace).toEqual(["there"]));
    stage.host.dispose();
    expect(stage.host.disposed.aborted).toBe(true);
    stage.source.set("a", { x: 1 });
    await vi.waitFor(() => expect(stage.trace).toEqual(["there", "cleanup"]));
  });
});

describe("what fails", () => {
  it("is said in the widget's place and told with its comm id; others go on", async () => {
    stage.source.opened({
      syntax: widget("export default {"),
      throws: widget("throw new Error('at load')"),
      render: widget("export default { render() { throw new Error('at render'); } }"),
      empty: widget("export default () => 5"),
      good: widget(DRAWS, { x: 1 }),
    });
    const el = Object.fromEntries(
      [...stage.source.commIds()].map((commId) => {
        const place = element();
        stage.host.widget(commId).render(place);
        return [commId, place];
      }),
    );
    await reads(el.good as HTMLElement, "drawn 1");
    await reads(el.throws as HTMLElement, "This widget failedat load");
    await reads(el.render as HTMLElement, "This widget failedat render");
    await reads(el.empty as HTMLElement, "This widget failedthe module's default function gave no object");
    expect(el.syntax?.querySelector("[data-commdoc-failed=syntax]")).not.toBeNull();
    expect(stage.problems.map(({ commId }) => commId).sort()).toEqual([
      "empty",
      "render",
      "syntax",
      "throws",
    ]);
  });

  it("in a child's render is the child's, and its parent's to catch", async () => {
    const el = element();
    stage.source.opened({
      a: widget(
        "export default { async render({ el, host }) { const child = await host.getWidget('anywidget:b'); await child.render({ el }).catch((error) => trace.push(error.message)); } }",
      ),
      b: widget("export default { render() { throw new Error('at render'); } }"),
    });
    stage.host.widget("a").render(el);
    await reads(el, "This widget failedat render");
    expect(stage.trace).toEqual(["at render"]);
    expect(stage.problems.map(({ commId }) => commId)).toEqual(["b"]);
  });

  it("in a listener leaves the other listeners alone", async () => {
    stage.source.opened({ a: widget("export default {}", { x: 1 }) });
    const model = await stage.host.model("a");
    const heard = vi.fn();
    model.on("change:x", () => {
      throw new Error("no luck");
    });
    model.on("change:x", heard);
    stage.source.set("a", { x: 2 });
    await vi.waitFor(() => expect(heard).toHaveBeenCalledOnce());
    expect(stage.problems[0]?.text).toBe("comm a: a listener of change:x failed: no luck");
  });

  it("in a cleanup is told, and a cleanup that never ends doesn't keep the next module out", async () => {
    const el = element();
    stage.source.opened({
      a: widget(
        "export default { initialize: () => () => { throw new Error('no luck'); }, render({ el }) { el.append('old'); return () => new Promise(() => {}); } }",
      ),
    });
    stage.host.widget("a").render(el);
    await reads(el, "old");
    stage.source.set("a", { _esm: DRAWS, x: 2 });
    await vi.waitFor(() => expect(el.textContent).toBe("drawn 2"), { timeout: 5000 });
    expect(stage.problems.map(({ text }) => text)).toEqual([
      "comm a: cleaning up failed: no luck",
      "comm a: cleaning up failed: it took longer than 2 s",
    ]);
  });

  it("is the module's text that is missing: the widget says so", async () => {
    stage.source.missing = [{ key: "_esm", hash: "f00", reason: "blob f00 is gone" }];
    stage.source.opened({ a: widget("") });
    await expect(stage.host.widget("a").exports()).rejects.toThrow("blob f00 is gone");
  });
});

describe("modules of comms that no kernel of this host has made", () => {
  it("are not run, nor is their style put into the page; the place says why; their values are read", async () => {
    const el = element();
    stage.source.isTrusted = false;
    stage.source.opened({ a: widget("trace.push('ran')", { x: 1, _css: "a {}" }) });
    stage.host.widget("a").render(el);
    await reads(el, "This widget is withheldNo kernel of this host has made it.");
    expect((await stage.host.model("a")).get("x")).toBe(1);
    await expect(stage.host.widget("a").exports()).rejects.toThrow("withheld");
    expect([stage.trace, document.head.querySelectorAll("style").length]).toEqual([[], 0]);
  });

  it("run when somebody vouches for them after all", async () => {
    const el = element();
    stage.source.isTrusted = false;
    stage.source.opened({ a: widget(DRAWS, { x: 1 }) });
    stage.host.widget("a").render(el);
    await reads(el, "This widget is withheldNo kernel of this host has made it.");
    stage.source.isTrusted = true;
    stage.host.check();
    await reads(el, "drawn 1");
  });

  it("run where the page says so, of all comms or of some", async () => {
    const source = new MemorySource();
    source.isTrusted = false;
    source.opened({ a: widget(DRAWS, { x: 1 }), b: widget(DRAWS, { x: 2 }) });
    const [all, some] = [
      stage.start(source, { trusted: true }),
      stage.start(source, { trusted: (id) => id === "b" }),
    ];
    const [a, b, c] = [element(), element(), element()];
    all.widget("a").render(a);
    some.widget("b").render(b);
    some.widget("a").render(c);
    await reads(a, "drawn 1");
    await reads(b, "drawn 2");
    await reads(c, "This widget is withheldNo kernel of this host has made it.");
  });

  it("end when they are replaced by one that may not run", async () => {
    const el = element();
    stage.source.opened({ a: widget(DRAWS, { x: 1 }) });
    stage.host.widget("a").render(el);
    await reads(el, "drawn 1");
    stage.source.isTrusted = false;
    stage.source.set("a", { _esm: "trace.push('ran')" });
    await reads(el, "This widget is withheldNo kernel of this host has made it.");
    expect(stage.trace).toEqual([]);
  });
});
