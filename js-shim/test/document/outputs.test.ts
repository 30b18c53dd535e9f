import { expect, test } from "vitest";
import * as Y from "yjs";
import { CommsMap } from "../../src/document/comms-map";
import type { OutputEdit } from "../../src/document/outputs";

const HEAD = { target_name: "jupyter.widget", seq: 1, epoch: "e" };
const MODEL = { model_module: "@jupyter-widgets/output", model_name: "OutputModel" };
const stream = (text: string) => ({ output_type: "stream", name: "stdout", text });

/** An Output widget in a document that a room would write, and what a map says of it. */
function outputWidget(): {
  array: Y.Array<string>;
  map: CommsMap;
  edits: OutputEdit[];
  write(change: () => void): void;
  push(...out: [body: object | string, ordinal: number][]): void;
} {
  const doc = new Y.Doc();
  const array = doc.getArray<string>("comms");
  const map = new CommsMap(doc);
  const edits: OutputEdit[] = [];
  map.observe((changes) => {
    for (const { outputs = [] } of changes) edits.push(...outputs);
  });
  array.push([JSON.stringify(["o", "out", { ...HEAD, ...MODEL, state: { msg_id: "" } }])]);
  const push = (...out: [object | string, number][]): void =>
    array.push(out.map(([body, ordinal]) => JSON.stringify(["out", "out", body, ordinal])));
  return { array, map, edits, write: (change) => doc.transact(change), push };
}

test("an Output widget's outputs are a key of its state, also when there are none", () => {
  const { map, push } = outputWidget();
  const comm = map.get("out");
  expect(comm?.isOutputModel).toBe(true);
  expect(comm?.keys).toContain("outputs");
  expect(comm?.encodedState).toMatchObject({ msg_id: "", outputs: [] });
  push([stream("a"), 1], ["b", 1], [{ output_type: "display_data" }, 2]);
  expect(comm?.encodedState.outputs).toEqual([stream("ab"), { output_type: "display_data" }]);
  expect(comm?.encoded("outputs")).toBe(comm?.outputs);
  expect(comm?.encoded("outputs")).toBe(comm?.encoded("outputs"));
});

test("what happened to the outputs is told in few words", () => {
  const { array, edits, write, push } = outputWidget();
  const told = (change: () => void): OutputEdit[] => {
    edits.length = 0;
    write(change);
    return [...edits];
  };
  const remove = (at: number, count = 1): void => array.delete(at, count);
  expect(told(() => push([stream("a\n"), 1]))).toEqual([{ what: "added", at: 0 }]);
  expect(told(() => push(["b\n", 1], ["c", 1]))).toEqual([{ what: "stream", at: 0, cut: 0, text: "b\nc" }]);
  const merged = told(() => {
    remove(1, 3);
    push([stream("a\nb\nc, d"), 1]);
  });
  expect(merged).toEqual([{ what: "stream", at: 0, cut: 0, text: ", d" }]);
  const redrawn = told(() => {
    remove(1);
    push([stream("a\nb\n🌊"), 1]);
  });
  expect(redrawn).toEqual([{ what: "stream", at: 0, cut: 4, text: "🌊" }]);
  const other = told(() => {
    remove(1);
    push([stream("a\nb\n🌋"), 1]);
  });
  expect(other).toEqual([{ what: "stream", at: 0, cut: 2, text: "🌋" }]);
  expect(told(() => push([{ n: 2 }, 2], [{ n: 3 }, 3]))).toEqual([
    { what: "added", at: 1 },
    { what: "added", at: 2 },
  ]);
  const replaced = told(() => {
    remove(2);
    push([{ n: "other" }, 2]);
  });
  expect(replaced).toEqual([{ what: "replaced", at: 1 }]);
  const earlier = told(() => {
    remove(1);
    push([stream("another\nstream"), 1]);
  });
  expect(earlier).toEqual([{ what: "replaced", at: 0 }]);
  const same = told(() => {
    remove(1);
    push([{ n: 3 }, 3]);
  });
  expect(same).toEqual([]);
  const cleared = told(() => {
    remove(1, 3);
    push([{ n: "new" }, 1]);
  });
  expect(cleared).toEqual([
    { what: "cut", at: 1 },
    { what: "replaced", at: 0 },
  ]);
});

test("S34 following 10,000 captures costs the same from the first to the last, of lines and of displays (printed)", () => {
  const figures = ["lines", "displays"].map((kind) => {
    const { map, push, edits } = outputWidget();
    const times: number[] = [];
    for (let n = 0; n < 10_000; n++) {
      const start = performance.now();
      if (kind === "displays") push([{ output_type: "display_data", n }, n + 1]);
      else push(n === 0 ? [stream("line 0\n"), 1] : [`line ${n}\n`, 1]);
      times.push(performance.now() - start);
    }
    expect(edits.length).toBe(10_000);
    expect(map.get("out")?.outputs.length).toBe(kind === "lines" ? 1 : 10_000);
    const mean = (part: number[]) => (part.reduce((sum, time) => sum + time, 0) / part.length) * 1000;
    const [first, last] = [mean(times.slice(1_000, 3_000)), mean(times.slice(-2_000))];
    return { captured: kind, "µs, early": first, "µs, late": last };
  });
  console.table(figures);
  for (const figure of figures) expect(figure["µs, late"]).toBeLessThan(20 * (figure["µs, early"] + 5));
});
