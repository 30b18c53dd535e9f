import { type YCodeCell, YNotebook } from "@jupyter/ydoc";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import * as Y from "yjs";
import type { Output, OutputEdit } from "../../../src/models/source";
import type { Cell } from "../../../src/viewer/cells/cell";
import { Notebook } from "../../../src/viewer/cells/notebook";
import { code } from "./made";

/** JupyterLab's own notebook in one document, ours reads another; what is written in one comes to the other as an update. */
let lab: YNotebook;
let doc: Y.Doc;
let notebook: Notebook;
let orders: { ids: string[]; placed: string[] }[];

const names = (cells: Iterable<Cell>) => [...cells].map(({ id }) => id);
const stream = (text: string, name = "stdout"): Output => ({ output_type: "stream", name, text });
const shown = (text: string): Output => ({
  output_type: "display_data",
  data: { "text/plain": text },
  metadata: {},
});

beforeEach(() => {
  lab = YNotebook.create({ disableDocumentWideUndoRedo: true }) as YNotebook;
  doc = new Y.Doc();
  lab.ydoc.on("update", (update) => Y.applyUpdate(doc, update));
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(lab.ydoc));
  notebook = new Notebook(doc);
  orders = [];
  notebook.observe({
    order: (cells, placed) => orders.push({ ids: names(cells), placed: names(placed) }),
    changed: () => undefined,
  });
  orders = [];
});

const cell = (index: number) => notebook.cells[index] as Cell;
const labCell = (index: number) => lab.getCell(index) as YCodeCell;

/** What is told of a cell's outputs from now on; `list` has them as who follows would. */
function followed(index: number): { edits: OutputEdit[]; list: Output[] } {
  const it = { edits: [] as OutputEdit[], list: [] as Output[] };
  cell(index).follow({
    changed: () => undefined,
    outputs(edits) {
      it.edits.push(...edits);
      for (const edit of edits) {
        if (edit.what === "cut") it.list.length = edit.at;
        else if (edit.what === "stream") {
          const { text } = it.list[edit.at] as { text: string };
          const gone = text.slice(text.length - edit.cut);
          expect(gone, "only of the last line").not.toContain("\n");
          it.list[edit.at] = { ...it.list[edit.at], text: text.slice(0, text.length - edit.cut) + edit.text };
        } else {
          if (edit.what === "added") expect(edit.at).toBe(it.list.length);
          it.list[edit.at] = edit.output as Output;
        }
      }
    },
  });
  it.edits = [];
  return it;
}

describe("the notebook of a document", () => {
  it("has the cells that JupyterLab writes, in order, with what they say", () => {
    lab.addCell(code("a", "1 + 1"));
    lab.addCell({ cell_type: "markdown", id: "m", source: "# Title", metadata: {} });
    lab.addCell({
      cell_type: "raw",
      id: "r",
      source: "as it is",
      metadata: { jupyter: { source_hidden: true } },
    });
    expect(names(notebook.cells)).toEqual(["a", "m", "r"]);
    expect(notebook.cells.map(({ facts }) => [facts.kind, facts.source])).toEqual([
      ["code", "1 + 1"],
      ["markdown", "# Title"],
      ["raw", "as it is"],
    ]);
    expect(cell(2).facts.sourceHidden).toBe(true);
    expect(cell(0).facts).toMatchObject({ executionCount: null, running: false, trusted: false });
  });

  it("follows an edit of a source, an execution, and trust", () => {
    lab.addCell(code("a", "one"));
    const told: unknown[] = [];
    cell(0).follow({ changed: (facts) => told.push(facts), outputs: () => undefined });
    labCell(0).updateSource(0, 3, "two");
    expect(told.at(-1)).toMatchObject({ source: "two" });
    labCell(0).executionState = "running";
    expect(told.at(-1)).toMatchObject({ running: true });
    labCell(0).executionState = "idle";
    labCell(0).execution_count = 7;
    expect(told.at(-1)).toMatchObject({ running: false, executionCount: 7 });
    labCell(0).setMetadata("trusted", true);
    expect(told.at(-1)).toMatchObject({ trusted: true });
    const count = told.length;
    labCell(0).setMetadata("tags", ["x"]);
    expect(told.length, "what isn't shown is not told").toBe(count);
  });

  it("tells which cells came or were moved, and keeps the others", () => {
    for (const id of ["a", "b", "c"]) lab.addCell(code(id, id, [stream(id)]));
    const [a, b, c] = notebook.cells;
    orders = [];
    lab.moveCell(0, 2);
    expect(orders.at(-1)).toEqual({ ids: ["b", "c", "a"], placed: ["a"] });
    expect(notebook.cells[2], "the same cell, elsewhere").toBe(a);
    expect([...notebook.cells.slice(0, 2)]).toEqual([b, c]);
    lab.deleteCell(0);
    expect(orders.at(-1)).toEqual({ ids: ["c", "a"], placed: [] });
    lab.insertCell(1, code("n"));
    expect(orders.at(-1)).toEqual({ ids: ["c", "n", "a"], placed: ["n"] });
  });

  it("a cell that was moved goes on with its outputs, which are not told again", () => {
    lab.addCell(code("a", "", [shown("x"), stream("line\n")]));
    lab.addCell(code("b"));
    const it = followed(0);
    lab.moveCell(0, 1);
    expect(it.edits).toEqual([]);
    labCell(1).appendStreamOutput(1, "more\n");
    expect(it.edits).toEqual([{ what: "stream", at: 1, cut: 0, text: "more\n" }]);
  });

  it("tells what is written at a stream's end as that, and a redrawn line as that line", () => {
    lab.addCell(code("a", "", [stream("0%")]));
    const it = followed(0);
    labCell(0).appendStreamOutput(0, "\ndone 📊");
    labCell(0).removeStreamOutput(0, "0%\n".length);
    labCell(0).appendStreamOutput(0, "done 📈");
    expect(it.list).toEqual(labCell(0).toJSON().outputs);
    expect(it.edits.every(({ what }) => what === "stream")).toBe(true);
  });

  it("S30: clears, and tells the outputs of the next execution", () => {
    lab.addCell(code("a", "", [shown("old"), stream("old")]));
    const it = followed(0);
    labCell(0).clearOutputs();
    expect(it.edits).toEqual([{ what: "cut", at: 0 }]);
    labCell(0).setOutputs([shown("new")] as never);
    expect(it.edits.at(-1)).toEqual({ what: "added", at: 0, output: shown("new") });
  });

  it("tells a display that was updated, and no other", () => {
    lab.addCell(code("a", "", [shown("slider"), shown("1"), stream("end")]));
    const it = followed(0);
    labCell(0).updateOutputs(1, 2, [shown("2")] as never);
    expect(it.edits).toEqual([{ what: "replaced", at: 1, output: shown("2") }]);
    labCell(0).updateOutputs(1, 2, [shown("2")] as never);
    expect(it.edits.length, "written anew as it was").toBe(1);
  });

  it("S34: shows lines that a server wrote with carriage returns as a terminal does", () => {
    lab.addCell(code("a", "", [stream("10%\r20%")]));
    const it = followed(0);
    expect(it.list).toEqual([stream("20%")]);
    labCell(0).appendStreamOutput(0, "\r30%\nab\b\bcd\r\n");
    expect(it.list).toEqual([stream("30%\ncd\n")]);
  });

  it("counts outputs that stand there by their address only, as jupyter-server-documents leaves them", () => {
    lab.addCell(code("a"));
    const it = followed(0);
    const outputs = (doc.getArray("cells").get(0) as Y.Map<unknown>).get("outputs") as Y.Array<unknown>;
    const metadata = { url: "/api/outputs/f/a/0.output" };
    outputs.push([
      { output_type: "stream", text: "", metadata },
      new Y.Map<unknown>([
        ["output_type", "error"],
        ["metadata", metadata],
      ]),
    ]);
    expect([cell(0).facts.elsewhere, it.list]).toEqual([2, []]);
    outputs.push([shown("here")]);
    expect([cell(0).facts.elsewhere, it.list]).toEqual([2, [shown("here")]]);
    cell(0).append([shown("behind")]);
    expect(it.list).toEqual([shown("here"), shown("behind")]);
    outputs.delete(0, 3);
    expect([cell(0).facts.elsewhere, it.list]).toEqual([0, [shown("behind")]]);
  });

  it("reads what is not as it should be, and ids that are there twice", () => {
    lab.addCell(code("a"));
    lab.addCell(code("a"));
    const cells = doc.getArray("cells");
    cells.push([{ no: "map" }, new Y.Map<unknown>([["outputs", [null, 5, stream(["x", "y"] as never)]]])]);
    expect(names(notebook.cells)).toEqual(["a", "a (2)", "cell"]);
    expect(cell(2).toJSON().at(-1)).toEqual(stream("xy"));
    expect(cell(2).facts.kind).toBe("raw");
  });

  it("S09: goes on with another document, and keeps the cells that are in it, too", () => {
    lab.addCell(code("a", "", [stream("x")]));
    const before = cell(0);
    const it = followed(0);
    const next = new Y.Doc();
    Y.applyUpdate(next, Y.encodeStateAsUpdate(lab.ydoc));
    lab.ydoc.on("update", (update) => Y.applyUpdate(next, update));
    notebook.attach(next);
    expect(cell(0)).toBe(before);
    expect(it.edits).toEqual([]);
    labCell(0).appendStreamOutput(0, "y");
    expect(it.list).toEqual([stream("xy")]);
  });

  it("an error of who follows stays in here, is told, and ends nothing for the other cells", () => {
    lab.addCell(code("a"));
    lab.addCell(code("b", "", [stream("x")]));
    const problems: unknown[] = [];
    notebook.dispose();
    notebook = new Notebook(doc, (_text, error) => problems.push(error));
    const error = new Error("of a view");
    const fail = () => {
      throw error;
    };
    cell(0).follow({ changed: fail, outputs: () => undefined });
    const it = followed(1);
    lab.transact(() => {
      labCell(0).updateSource(0, 0, "new");
      labCell(1).appendStreamOutput(0, "y");
    });
    expect([problems, it.list]).toEqual([[error], [stream("xy")]]);
    lab.moveCell(0, 1);
    expect(names(notebook.cells)).toEqual(["b", "a"]);
    notebook.observe({ order: () => undefined, changed: fail });
    labCell(0).appendStreamOutput(0, "z");
    expect([problems, it.list]).toEqual([[error, error], [stream("xyz")]]);
  });

  it("who begins to follow while a change is told is not told that change's outputs again", () => {
    lab.addCell(code("a", "", [stream("x")]));
    const told: OutputEdit[] = [];
    let more = 0;
    const stop = cell(0).follow({
      outputs: () => undefined,
      changed() {
        stop();
        cell(0).follow({ changed: () => (more += 1), outputs: (edits) => told.push(...edits) });
      },
    });
    lab.transact(() => {
      labCell(0).setMetadata("trusted", true);
      labCell(0).appendStreamOutput(0, "y");
    });
    expect([told, more]).toEqual([[{ what: "added", at: 0, output: stream("xy") }], 0]);
  });

  it("whatever is written, who follows has what the document has", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "é", "📊", "\n", "b") });
    const output = fc.oneof(
      text.map((t) => stream(t)),
      text.map((t) => stream(t, "stderr")),
      text.map(shown),
    );
    const step = fc.oneof(
      fc.record({ do: fc.constant("append" as const), at: fc.nat(5), text }),
      fc.record({ do: fc.constant("cut" as const), at: fc.nat(5), from: fc.nat(9) }),
      fc.record({
        do: fc.constant("put" as const),
        at: fc.nat(5),
        gone: fc.nat(3),
        outputs: fc.array(output, { maxLength: 3 }),
      }),
      fc.record({ do: fc.constant("move" as const) }),
    );
    fc.assert(
      fc.property(fc.array(output, { maxLength: 4 }), fc.array(step, { maxLength: 20 }), (first, steps) => {
        while (lab.cells.length > 0) lab.deleteCell(0);
        lab.addCell(code("a", "", first));
        lab.addCell(code("b"));
        const it = followed(0);
        const find = () => lab.cells.find(({ id }) => id === "a") as YCodeCell;
        for (const one of steps) {
          const target = find();
          const { outputs } = target.toJSON();
          const at = Math.min(one.do === "move" ? 0 : one.at, outputs.length);
          const isStream = outputs[at]?.output_type === "stream";
          if (one.do === "append" && isStream) target.appendStreamOutput(at, one.text);
          if (one.do === "cut" && isStream) {
            const whole = outputs[at]?.text as string;
            const from = Math.min(one.from, whole.length);
            // JupyterLab cuts no character in two.
            if (!/[\udc00-\udfff]/.test(whole[from] ?? "")) target.removeStreamOutput(at, from);
          }
          if (one.do === "put")
            target.updateOutputs(at, Math.min(at + one.gone, outputs.length), one.outputs as never);
          if (one.do === "move") lab.moveCell(0, 1);
          expect(it.list).toEqual(find().toJSON().outputs);
        }
      }),
    );
  });
});
