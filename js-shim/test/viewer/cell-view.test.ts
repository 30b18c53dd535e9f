// @vitest-environment jsdom
// biome-ignore-start assist/source/organizeImports: the packages touch the DOM when they load
import "../models/dom";
// biome-ignore-end assist/source/organizeImports: see above
import { type YCodeCell, YNotebook } from "@jupyter/ydoc";
import { RenderMimeRegistry } from "@jupyterlab/rendermime";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as Y from "yjs";
import { RoomManager } from "../../src/models/manager";
import { WIDGET_MIMETYPE } from "../../src/models/rendermime";
import type { Output } from "../../src/models/source";
import { Cell } from "../../src/viewer/cells/cell";
import { Notebook } from "../../src/viewer/cells/notebook";
import { NotebookView } from "../../src/viewer/notebook-view";
import type { ShownView } from "../../src/viewer/stage";
import { MemorySource } from "../models/memory-source";
import { code } from "./cells/made";

/** JupyterLab's own notebook in one document, the page shows another; what is written in one comes to the other as an update. */
let lab: YNotebook;
let doc: Y.Doc;
let manager: RoomManager;
let notebook: Notebook;
let view: NotebookView;
let root: HTMLElement;
let problems: unknown[];

const markdown = (id: string, source: string) => ({
  cell_type: "markdown" as const,
  id,
  source,
  metadata: {},
});
const stream = (text: string): Output => ({ output_type: "stream", name: "stdout", text });
const widget = (model_id: string): Output => ({
  output_type: "display_data",
  data: { [WIDGET_MIMETYPE]: { model_id, version_major: 2, version_minor: 0 } },
  metadata: {},
});
const elsewhere = { output_type: "stream", name: "stdout", text: "", metadata: { url: "/api/outputs/0" } };

beforeEach(() => {
  lab = YNotebook.create({ disableDocumentWideUndoRedo: true }) as YNotebook;
  doc = new Y.Doc();
  lab.ydoc.on("update", (update) => Y.applyUpdate(doc, update));
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(lab.ydoc));
  manager = new RoomManager(new MemorySource());
  problems = [];
  notebook = new Notebook(doc, (_text, error) => problems.push(error));
  root = document.createElement("main");
  document.body.replaceChildren(root);
  view = new NotebookView(root, notebook, manager.renderMime, () => undefined);
});

afterEach(() => {
  notebook.dispose();
  manager.dispose();
  vi.restoreAllMocks();
});

const at = (id: string) => root.querySelector<HTMLElement>(`[data-cell="${id}"]`) as HTMLElement;
const outputs = (id: string) => at(id).querySelector(".views")?.textContent?.trim();
const labCell = (index: number) => lab.getCell(index) as YCodeCell;
const displayed = (comm_id: string, more: Partial<ShownView>): ShownView => ({
  comm_id,
  msg_id: `m-${comm_id}`,
  ...more,
});

/** As JupyterLab's "change cell type" does it: the same id, out and in again in one transaction. */
function become(index: number, cell: ReturnType<typeof code> | ReturnType<typeof markdown>): void {
  lab.transact(() => {
    lab.deleteCell(index);
    lab.insertCell(index, cell);
  });
}

describe("a cell in the page", () => {
  it("becomes Markdown, and code again, and goes on", async () => {
    lab.addCell(code("a", "print(1)", [stream("one\n")]));
    await vi.waitFor(() => expect(outputs("a")).toBe("one"));
    become(0, markdown("a", "# Title"));
    await vi.waitFor(() => expect(at("a").querySelector("h1")?.textContent).toContain("Title"));
    expect([at("a").dataset.kind, at("a").querySelector("details")]).toEqual(["markdown", null]);
    become(0, code("a", "print(2)", [stream("two\n")]));
    await vi.waitFor(() => expect(outputs("a")).toBe("two"));
    expect(at("a").querySelector("h1")).toBeNull();
    labCell(0).appendStreamOutput(0, "three\n");
    expect(outputs("a")).toBe("two\nthree");
    expect(problems).toEqual([]);
  });

  it("is gone when it is deleted after it was Markdown", async () => {
    lab.addCell(markdown("a", "# Title"));
    lab.addCell(code("b", "1"));
    await vi.waitFor(() => expect(at("a").querySelector("h1")).not.toBeNull());
    become(0, code("a", "1"));
    lab.deleteCell(0);
    expect([...root.children].map((child) => (child as HTMLElement).dataset.cell)).toEqual(["b"]);
    expect(problems).toEqual([]);
  });

  it("is gone when it is deleted after something else took its widgets out of the page", async () => {
    lab.addCell(code("a", "1", [stream("one\n")]));
    lab.addCell(markdown("m", "# Title"));
    await vi.waitFor(() => expect(at("m").querySelector("h1")).not.toBeNull());
    for (const id of ["a", "m"])
      for (const part of [...at(id).querySelectorAll(".content > *")]) part.remove();
    lab.deleteCellRange(0, 2);
    expect(root.children.length).toBe(0);
    expect(problems).toEqual([]);
  });

  it("shows text once that came together with trust", async () => {
    lab.addCell(code("a", "", [stream("one\n")]));
    await vi.waitFor(() => expect(outputs("a")).toBe("one"));
    lab.transact(() => {
      labCell(0).setMetadata("trusted", true);
      labCell(0).appendStreamOutput(0, "two\n");
    });
    await vi.waitFor(() => expect(outputs("a")).toBe("one\ntwo"));
    labCell(0).appendStreamOutput(0, "three\n");
    expect(outputs("a")).toBe("one\ntwo\nthree");
  });

  it("draws nothing with a trust that ended when it came", async () => {
    lab.addCell(code("a", "", [stream("one\n")]));
    labCell(0).setMetadata("trusted", true);
    const script = { "text/javascript": "globalThis.ranHere = true" };
    lab.transact(() => {
      labCell(0).setMetadata("trusted", false);
      labCell(0).setOutputs([{ output_type: "display_data", data: script, metadata: {} }] as never);
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect("ranHere" in globalThis).toBe(false);
  });

  it("shows Markdown whose image has a percent sign in its name", async () => {
    const cell = { ...markdown("a", "# Title\n![x](attachment:100%.png)"), attachments: {} };
    lab.addCell({ ...cell, attachments: { "100%.png": { "image/png": "AAAA" } } });
    await vi.waitFor(() => expect(at("a").querySelector("h1")).not.toBeNull());
    expect(at("a").querySelector("img")?.getAttribute("src")).toBe("data:image/png;base64,AAAA");
  });

  it("shows the source of Markdown that can't be rendered, until it can be", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const clone = vi.spyOn(RenderMimeRegistry.prototype, "clone").mockImplementation(() => {
      throw new Error("no renderer");
    });
    lab.addCell(markdown("a", "# Title"));
    await vi.waitFor(() => expect(at("a").querySelector(".markdown pre")?.textContent).toBe("# Title"));
    clone.mockRestore();
    lab.getCell(0).updateSource(7, 7, "s");
    await vi.waitFor(() => expect(at("a").querySelector("h1")?.textContent).toContain("Titles"));
    expect(at("a").querySelector(".markdown pre")).toBeNull();
  });
});

describe("views of the room in the notebook", () => {
  it("are loose when they name a cell that the notebook doesn't have", () => {
    lab.addCell(code("a", "", [widget("shown")]));
    const [gone, shown, here] = [
      displayed("gone", { cell_id: "deleted", execution_count: 1 }),
      displayed("shown", { cell_id: "deleted" }),
      displayed("here", { cell_id: "a" }),
    ];
    expect(view.place([gone, shown, here])).toEqual([gone]);
  });

  it("go to the cell whose outputs are kept elsewhere, by its id or its execution", () => {
    for (const id of ["a", "b"]) lab.addCell({ ...code(id), outputs: [elsewhere] as never });
    labCell(1).execution_count = 7;
    const views = [displayed("x", { cell_id: "a" }), displayed("y", { execution_count: 7 })];
    expect(view.place(views)).toEqual([]);
    expect(notebook.cells.map((cell) => cell.toJSON().map(({ data }) => data))).toEqual(
      ["x", "y"].map((model_id) => [{ [WIDGET_MIMETYPE]: { model_id } }]),
    );
  });

  it("cost each cell a look, and not each view", () => {
    const size = 100;
    lab.insertCells(
      0,
      Array.from({ length: size }, (_, at) => ({ ...code(`c${at}`), execution_count: at + 1 })) as never,
    );
    const facts = vi.spyOn(Cell.prototype, "facts", "get");
    view.place(Array.from({ length: size }, (_, at) => displayed(`v${at}`, { execution_count: at + 1 })));
    expect(facts.mock.calls.length).toBeLessThan(4 * size);
  });
});
