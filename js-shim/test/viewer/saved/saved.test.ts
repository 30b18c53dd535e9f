// @vitest-environment jsdom
import "../../models/dom";
import { expect, test } from "vitest";
import { linked } from "../../../src/viewer/saved/images";
import { documentOf } from "../../../src/viewer/saved/notebook";
import { type SavedModel, savedSource } from "../../../src/viewer/saved/source";

const VIEW = "application/vnd.jupyter.widget-view+json";

function model(state: object, more: Partial<SavedModel> = {}): SavedModel {
  return { model_name: "M", model_module: "anywidget", state: { ...state }, ...more };
}

test("a file's buffers are put where they were, of either encoding", async () => {
  const buffers = [
    { path: ["rows", 1], encoding: "base64", data: "AP8=" },
    { path: ["deep", "key"], encoding: "hex", data: "00ff" },
  ];
  const source = savedSource({ a: model({ rows: [1, null], deep: {} }, { buffers }) }, () => undefined);
  const { state } = await source.read("a", ["rows", "deep"]);
  const bytes = (view: unknown) => [...new Uint8Array((view as DataView).buffer)];
  expect(bytes((state.rows as unknown[])[1])).toEqual([0, 255]);
  expect(bytes((state.deep as Record<string, unknown>).key)).toEqual([0, 255]);
});

test("what is asked for is there when it is read again, messages are heard by nobody", async () => {
  const unheard: string[] = [];
  const source = savedSource({ a: model({ value: 1 }) }, (commId) => unheard.push(commId));
  source.request("a", { value: 2 });
  expect((await source.read("a", ["value"])).state).toEqual({ value: 2 });
  source.send("a", { method: "custom", content: {} }, []);
  expect(unheard).toEqual(["a"]);
  const error = await new Promise<Error | undefined>((ended) => source.send("a", {}, [], ended));
  expect(error?.message).toContain("no kernel");
});

test("an Output's outputs are followed, not read", () => {
  const output = { output_type: "stream", name: "stdout", text: "x" };
  const its = { model_name: "OutputModel", model_module: "@jupyter-widgets/output" };
  const source = savedSource({ a: model({ outputs: [output] }, its) }, () => undefined);
  expect(source.entry("a")?.keys).not.toContain("outputs");
  const edits: unknown[] = [];
  source.follow("a", (told) => edits.push(...told));
  expect(edits).toEqual([{ what: "added", at: 0, output }]);
});

test.for([
  ["one that is there", { a: model({}) }, [[VIEW, "text/plain"]]],
  ["one that was not saved", {}, [["text/plain"]]],
  [
    "one of a package that is not there",
    { a: model({}, { model_module: "other" }) },
    [[VIEW], ["text/plain"]],
  ],
] as const)("a widget in an output: %s", ([, models, kinds]) => {
  const data = { [VIEW]: { model_id: "a" }, "text/plain": "M()" };
  const outputs = [{ output_type: "display_data", data, metadata: {} }];
  const doc = documentOf(
    [{ id: "c", cell_type: "code", source: "", metadata: { trusted: true }, outputs }],
    models,
  );
  const [cell] = doc.getArray("cells").toJSON();
  expect(cell.outputs.map((each: { data: object }) => Object.keys(each.data))).toEqual(kinds);
  expect(cell.metadata.trusted).toBe(false);
});

test("an image that would be loaded becomes a link, one that is in the text stays", () => {
  const own = '<img src="data:image/png;base64,AA" alt="own" />';
  expect(linked(own)).toBe(own);
  expect(linked('<p><img alt="far" src="https://a/b.png" /></p>')).toContain('href="https://a/b.png"');
  expect(linked('<img src="x.png">')).toMatch(/^<a [^>]*>x\.png<\/a>$/);
});
