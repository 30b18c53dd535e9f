import { expect, test } from "vitest";
import * as Y from "yjs";
import { CommsMap } from "../../src/document/comms-map";
import { type OutputEdit, OutputList } from "../../src/document/outputs";

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

test("what is the same afterwards is not told, and stays the same object", () => {
  const { array, map, edits, write, push } = outputWidget();
  push([stream("a\n"), 1], ["b\n", 1], [{ n: [1] }, 2]);
  const [text, other] = map.get("out")?.outputs ?? [];
  edits.length = 0;
  write(() => {
    array.delete(1, 3);
    push([stream("a\nb\n"), 1], [{ n: [1] }, 2]);
  });
  expect(edits).toEqual([]);
  expect(map.get("out")?.output(0)).toBe(text);
  expect(map.get("out")?.output(1)).toBe(other);
  push(["c", 1]);
  expect(edits).toEqual([{ what: "stream", at: 0, cut: 0, text: "c" }]);
  expect(map.get("out")?.output(0)).toEqual(stream("a\nb\nc"));
});

test("S51 foreign writes are told as what they make of the list", () => {
  const { array, map, edits, write, push } = outputWidget();
  const told = (change: () => void): OutputEdit[] => {
    edits.length = 0;
    write(change);
    return [...edits];
  };
  push(...[1, 2, 3, 4, 5].map((n): [object, number] => [{ n }, n]));
  expect(told(() => push(["no stream before it", 2]))).toEqual([]);
  expect(map.get("out")?.output(1)).toEqual({ n: 2 });
  const torn = told(() => {
    array.delete(3);
    array.delete(1);
    push([{ n: "other" }, 5], [{ n: "another" }, 1], [{ n: "beyond" }, 9]);
  });
  const added = (at: number): OutputEdit => ({ what: "added", at });
  expect(torn).toEqual([{ what: "cut", at: 2 }, { what: "replaced", at: 0 }, added(2), added(3), added(4)]);
  expect(map.get("out")?.outputs.map(({ n }) => n)).toEqual(["another", 2, 4, "other", "beyond"]);
  expect(told(() => push([{ n: "late" }, 7]))).toEqual([{ what: "cut", at: 4 }, added(4), added(5)]);
  const streams = told(() => push([stream("first"), 2], [{ ...stream("first, grown"), name: "stderr" }, 7]));
  expect(streams).toEqual([
    { what: "replaced", at: 1 },
    { what: "replaced", at: 4 },
  ]);
  expect(told(() => push([{ n: "no stream" }, 2], ["no text", 2]))).toEqual([{ what: "replaced", at: 1 }]);
  expect(map.get("out")?.output(1)).toEqual({ n: "no stream" });
  expect(told(() => push([stream("back"), 2], ["!", 2]))).toEqual([{ what: "replaced", at: 1 }]);
  expect(map.get("out")?.output(1)).toEqual(stream("back!"));
  expect(told(() => push([{ ...stream("back!"), name: "stderr" }, 2]))).toEqual([
    { what: "replaced", at: 1 },
  ]);
});

test("S04 outputs that come before their comm wait for it, and nothing is left of those that went", () => {
  const doc = new Y.Doc();
  const array = doc.getArray<string>("comms");
  const map = new CommsMap(doc);
  array.push([JSON.stringify(["out", "late", stream("a"), 1])]);
  array.push([JSON.stringify(["out", "late", "b", 1])]);
  array.push([JSON.stringify(["o", "late", { ...HEAD, ...MODEL, state: {} }])]);
  expect(map.get("late")?.outputs).toEqual([stream("ab")]);
  array.delete(0, 2);
  expect(map.get("late")?.outputs).toEqual([]);
  expect(Reflect.get(Object(map.get("late")), "list").isEmpty).toBe(true);
});

test("S34 20,000 captures: the list takes each in the same time, lines and displays (printed)", () => {
  const figures = ["lines", "displays"].map((kind) => {
    const list = new OutputList();
    const times: number[] = [];
    for (let n = 0; n < 20_000; n++) {
      const start = performance.now();
      if (kind === "displays") list.add({}, n + 1, { output_type: "display_data", n });
      else list.add({}, 1, n === 0 ? stream("line 0\n") : `line ${n}\n`);
      expect(list.settle().length).toBe(1);
      times.push(1000 * (performance.now() - start));
    }
    expect(list.bodies.length).toBe(kind === "lines" ? 1 : 20_000);
    // Medians: the machine has other work, too.
    const median = (part: number[]): number => part.sort((a, b) => a - b)[part.length >> 1] as number;
    const [early, late] = [median(times.slice(1_000, 2_000)), median(times.slice(-1_000))];
    return { captured: kind, "µs, early": early, "µs, late": late };
  });
  console.table(figures);
  for (const { "µs, early": early, "µs, late": late } of figures) expect(late).toBeLessThan(3 * early + 20);
});
