// @vitest-environment jsdom
// biome-ignore-start assist/source/organizeImports: the packages touch the DOM when they load
import "./dom";
// biome-ignore-end assist/source/organizeImports: see above
import { renderText } from "@jupyterlab/rendermime";
import { Sanitizer } from "@jupyterlab/apputils";
import { Widget } from "@lumino/widgets";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RoomManager } from "../../src/models/manager";
import type { OutputModel } from "../../src/models/output";
import type { Output, OutputEdit } from "../../src/models/source";
import { MemorySource } from "./memory-source";

let source: MemorySource;
let manager: RoomManager;

beforeEach(() => {
  source = new MemorySource();
  source.opened({ out: { model: "OutputModel", module: "@jupyter-widgets/output" } });
  manager = new RoomManager(source);
  vi.spyOn(console, "error").mockImplementation(() => undefined);
});

afterEach(async () => {
  manager.dispose();
  await vi.waitFor(() => expect(document.querySelector(".widget-output")).toBeNull());
  vi.restoreAllMocks();
});

const stream = (text: string, name = "stdout"): Output => ({ output_type: "stream", name, text });
const data = (bundle: Record<string, unknown>, metadata = {}): Output => ({
  output_type: "display_data",
  data: bundle,
  metadata,
});
const added = (at: number, output: Output | Promise<Output>): OutputEdit => ({ what: "added", at, output });
const written = (at: number, text: string, cut = 0): OutputEdit => ({ what: "stream", at, cut, text });
const model = async () => (await manager.get_model("out")) as OutputModel;

/** Draws the Output; returns its element. */
async function draw(): Promise<HTMLElement> {
  const view = await manager.create_view(await model());
  Widget.attach((view as unknown as { luminoWidget: Widget }).luminoWidget, document.body);
  return view.el;
}

const children = (el: Element) => [...el.querySelectorAll(":scope > .jp-OutputArea > *")];
const texts = (el: Element) => children(el).map((child) => child.textContent);

/** How many nodes were added and removed under an element since. */
function changes(el: Element): () => { added: number; removed: number } {
  const observer = new MutationObserver(() => undefined);
  observer.observe(el, { childList: true, subtree: true });
  return () => {
    const records = observer.takeRecords();
    const sum = (list: "addedNodes" | "removedNodes") =>
      records.reduce((n, record) => n + record[list].length, 0);
    return { added: sum("addedNodes"), removed: sum("removedNodes") };
  };
}

describe("the outputs of an Output", () => {
  it("S30: are added, replaced and cut, and the others stay as they are", async () => {
    const el = await draw();
    source.edit(
      "out",
      added(0, stream("one\n")),
      added(1, data({ "text/plain": "two" })),
      added(2, stream("three\n")),
    );
    expect(texts(el)).toEqual(["one\n", "two", "three\n"]);
    const [first, , third] = children(el);
    source.edit("out", { what: "replaced", at: 1, output: data({ "text/html": "<b>2</b>" }) });
    expect(texts(el)).toEqual(["one\n", "2", "three\n"]);
    expect([children(el)[0], children(el)[2]]).toEqual([first, third]);
    source.edit("out", { what: "cut", at: 1 }, added(1, stream("new\n")));
    expect(texts(el)).toEqual(["one\n", "new\n"]);
    expect(children(el)[0]).toBe(first);
    source.edit("out", { what: "cut", at: 0 });
    expect(texts(el)).toEqual([]);
  });

  it("are two where the document has two streams of one name", async () => {
    const el = await draw();
    source.edit("out", added(0, stream("a")), added(1, stream("b")), written(0, "x"), written(1, "y"));
    expect(texts(el)).toEqual(["ax", "by"]);
    expect((await model()).get("outputs")).toEqual([stream("ax"), stream("by")]);
  });

  it("S34: get 10,000 lines with 10,000 additions, none of what stands there is drawn again", async () => {
    const el = await draw();
    source.edit("out", added(0, stream("")));
    const changed = changes(el);
    for (let n = 0; n < 10_000; n++) source.edit("out", written(0, `line ${n}\n`));
    const { added: nodes, removed } = changed();
    expect(nodes).toBeLessThan(200);
    expect(removed).toBe(0);
    expect(el.textContent).toBe(Array.from({ length: 10_000 }, (_, n) => `line ${n}\n`).join(""));
  });

  it("S34: get coloured lines and links without drawing what stands there again", async () => {
    const el = await draw();
    source.edit("out", added(0, stream("")));
    const changed = changes(el);
    for (let n = 0; n < 300; n++)
      source.edit("out", written(0, `\x1b[3${n % 8}m${n}\x1b[0m http://x.org/${n}\n`));
    expect(changed().removed).toBe(0);
    expect(el.querySelectorAll("a").length).toBe(300);
    expect(el.querySelectorAll("[class*=ansi]").length).toBe(300);
  });

  it("S34: show a bar that redraws its line, behind lines that stay", async () => {
    const el = await draw();
    source.edit("out", added(0, stream("before\n 0%|")));
    const changed = changes(el);
    for (let n = 1; n <= 1000; n++) source.edit("out", written(0, `${n % 10}%|`, 3));
    expect(el.textContent).toBe("before\n 0%|");
    expect(changed()).toEqual({ added: 0, removed: 0 });
  });

  it("keep a selection while lines are added", async () => {
    const el = await draw();
    source.edit("out", added(0, stream("first\nsecond\nthi")));
    const text = el.querySelector("pre")?.firstChild as Text;
    const range = document.createRange();
    range.setStart(text, 6);
    range.setEnd(text, 16);
    document.getSelection()?.addRange(range);
    for (const more of ["rd\n", "fourth\n"]) source.edit("out", written(0, more));
    expect(document.getSelection()?.toString()).toBe("second\nthi");
  });

  it("S37: keep the view of a widget, under the hand perhaps, while lines come behind it", async () => {
    source.opened({ s: { model: "IntSliderModel", value: 3 } });
    const el = await draw();
    const view = data({
      "application/vnd.jupyter.widget-view+json": { model_id: "s" },
      "text/plain": "IntSlider",
    });
    source.edit("out", added(0, stream("a\n")), added(1, view), added(2, stream("b\n")));
    const slider = await vi.waitFor(() => el.querySelector("[data-comm-id=s]") ?? Promise.reject());
    source.edit("out", written(0, "more\n"), written(2, "more\n"), added(3, data({ "text/plain": "x" })));
    source.edit("out", { what: "replaced", at: 1, output: { ...view, metadata: { n: 1 } } });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(el.querySelector("[data-comm-id=s]")).toBe(slider);
    expect(el.querySelectorAll("[data-comm-id=s]").length).toBe(1);
  });

  it("S37: show another widget's view in the place of the first, and a closed one's when it comes again", async () => {
    source.opened({ s: { model: "IntSliderModel" }, t: { model: "IntSliderModel" } });
    const el = await draw();
    const view = (id: string) => data({ "application/vnd.jupyter.widget-view+json": { model_id: id } });
    const ids = () =>
      [...el.querySelectorAll("[data-comm-id]")].map((each) => each.getAttribute("data-comm-id"));
    source.edit("out", added(0, view("s")));
    await vi.waitFor(() => expect(ids()).toEqual(["s"]));
    source.edit("out", { what: "replaced", at: 0, output: view("t") });
    await vi.waitFor(() => expect(ids()).toEqual(["t"]));
    source.gone("t");
    await vi.waitFor(() => expect(ids()).toEqual([]));
    source.opened({ t: { model: "IntSliderModel" } });
    await vi.waitFor(() => expect(ids()).toEqual(["t"]));
  });

  it("S37: are shown before a blob of one of them is there, each in its place", async () => {
    const el = await draw();
    let come: (output: Output) => void = () => undefined;
    const late = new Promise<Output>((resolve) => {
      come = resolve;
    });
    source.edit("out", added(0, late), added(1, stream("after\n")));
    expect(texts(el)[1]).toBe("after\n");
    source.edit("out", written(1, "more\n"));
    come(data({ "text/html": "<i>late</i>" }));
    await vi.waitFor(() => expect(texts(el)).toEqual(["late", "after\nmore\n"]));
  });

  it("S27: a blob that comes after its output was replaced, or cut, shows nothing", async () => {
    const el = await draw();
    const late: ((output: Output) => void)[] = [];
    const slow = () => new Promise<Output>((resolve) => late.push(resolve));
    source.edit("out", added(0, slow()), { what: "replaced", at: 0, output: stream("newer\n") });
    source.edit("out", added(1, slow()), { what: "cut", at: 1 }, added(1, stream("other\n")));
    for (const come of late) come(stream("old\n"));
    await Promise.resolve();
    await Promise.resolve();
    expect(texts(el)).toEqual(["newer\n", "other\n"]);
  });

  it("S27: one that can't be read says so, and the others are shown", async () => {
    const el = await draw();
    source.edit(
      "out",
      added(0, { output_type: "error", ename: "E" }),
      added(1, { x: 1 }),
      added(2, stream("fine\n")),
    );
    expect(texts(el)[0]).toContain("can't be shown");
    expect(texts(el)[2]).toBe("fine\n");
  });

  it("are a key of the model for who reads it, and a reaction for who listens", async () => {
    const out = await model();
    source.edit("out", added(0, stream("a")), written(0, "b"));
    expect(out.get("outputs")).toEqual([stream("ab")]);
    expect(out.get_state().outputs).toEqual([stream("ab")]);
    const heard = vi.fn();
    out.on("change:outputs", () => heard(out.get("outputs")));
    source.edit("out", written(0, "c"));
    source.edit("out", written(0, "d"));
    await vi.waitFor(() => expect(heard).toHaveBeenCalledOnce());
    expect(heard).toHaveBeenCalledWith([stream("abcd")]);
    out.save_changes();
    expect(source.requests).toEqual([]);
  });

  it("S22: are followed no more when the Output is closed", async () => {
    const out = await model();
    expect(source.following("out")).toBe(1);
    source.gone("out");
    await vi.waitFor(() => expect(source.following("out")).toBe(0));
    expect(out.outputs.watchers.size).toBe(0);
  });
});

describe("what an output may do", () => {
  const svg = data({ "image/svg+xml": "<svg/>", "text/plain": "a drawing" });
  const html = data({
    "text/html": "<b onclick='x()'>b</b><script>document.body.dataset.ran = 'yes'</script>",
  });
  const script = data({ "application/javascript": "element.textContent = 'ran'", "text/plain": "a script" });

  it("S50: is little when the room doesn't say that a kernel of this host made it", async () => {
    source.isTrusted = false;
    source.gone("out");
    source.opened({ out: { model: "OutputModel", module: "@jupyter-widgets/output" } });
    const el = await draw();
    source.edit("out", added(0, svg), added(1, html), added(2, script));
    await vi.waitFor(() => expect(texts(el)).toEqual(["a drawing", "b", "a script"]));
    expect(el.querySelector("script, [onclick], img")).toBeNull();
  });

  it("is what its modules may do when the room says so", async () => {
    const el = await draw();
    source.edit("out", added(0, svg), added(1, html), added(2, script));
    await vi.waitFor(() => expect(texts(el)[2]).toBe("ran"));
    expect(el.querySelector("img")?.src).toContain("data:image/svg+xml");
    expect(el.querySelector("script")).not.toBeNull();
  });
});

it("an output that is alone with its styles has them for itself", async () => {
  const el = await draw();
  const html = "<style>b { color: red }</style><b>alone</b>";
  source.edit(
    "out",
    added(0, data({ "text/html": html }, { isolated: true })),
    added(1, data({ "text/html": "<b>x</b>" })),
  );
  const alone = children(el)[0]?.querySelector(".jp-mod-isolated");
  expect(alone?.shadowRoot?.textContent).toContain("alone");
  expect([...el.querySelectorAll("style, b")].map(({ textContent }) => textContent)).toEqual(["x"]);
  source.edit("out", { what: "replaced", at: 0, output: data({ "text/html": "<b>y</b>" }) });
  expect(texts(el)).toEqual(["y", "x"]);
});

describe("text that grows", () => {
  const colour = fc.constantFrom(
    "\x1b[31m",
    "\x1b[0m",
    "\x1b[1;38;5;208m",
    "\x1b[48;2;1;2;3m",
    "\x1b[39m",
    "\x1b[4m",
  );
  const piece = fc.oneof(
    colour,
    fc.constantFrom(
      "\n",
      "http://x.org/a",
      "http:",
      "//y.org",
      "ww",
      "w.z.org",
      "www.",
      "x.org ",
      "é漢📊",
      "plain",
      "<b>&",
    ),
  );
  const writes = fc.array(
    fc.array(piece, { maxLength: 4 }).map((parts) => parts.join("")),
    { maxLength: 12 },
  );

  it("looks as JupyterLab draws all of it at once", async () => {
    const el = await draw();
    await fc.assert(
      fc.asyncProperty(writes, fc.array(fc.nat(5)), async (list, cuts) => {
        source.edit("out", { what: "cut", at: 0 }, added(0, stream("")));
        let text = "";
        list.forEach((more, n) => {
          const cut = Math.min(cuts[n] ?? 0, text.length - text.lastIndexOf("\n") - 1);
          text = text.slice(0, text.length - cut) + more;
          source.edit("out", written(0, more, cut));
        });
        const host = document.createElement("div");
        await renderText({ host, sanitizer: new Sanitizer(), source: text });
        expect(styled(children(el)[0] as Element)).toEqual(styled(host));
      }),
      {
        numRuns: 100,
        examples: [
          [["see ww", "w.z.org"], []],
          [["see http:/", "/y.org"], []],
        ],
      },
    );
  });
});

/** The characters of a text with what each looks like. */
function styled(el: Element): string[] {
  const walker = document.createTreeWalker(el, NodeFilter.SHOW_TEXT);
  const all: string[] = [];
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const looks: string[] = [];
    for (let at = node.parentElement; at !== null && at.localName !== "pre"; at = at.parentElement)
      looks.push(at.localName, at.className, at.getAttribute("style") ?? "", at.getAttribute("href") ?? "");
    for (const character of node.nodeValue ?? "") all.push([character, ...looks.sort()].join("|"));
  }
  return all;
}
