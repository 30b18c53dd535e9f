import fc from "fast-check";
import { expect, test } from "vitest";
import * as Y from "yjs";
import { CommsMap } from "../../src/document/comms-map";
import type { OutputBody } from "../../src/document/elements";
import type { CommJson } from "../../src/document/entry";
import type { OutputEdit } from "../../src/document/outputs";
import { Writer } from "./writer";

const quiet = { onProblem: () => undefined };

/** Keeps a plain copy of the map from what it says has changed, and from nothing else. */
function follow(map: CommsMap): Record<string, CommJson> {
  const copy: Record<string, CommJson> = {};
  map.observe((changes) => {
    for (const { kind, commId, keys, outputs } of changes) {
      const now = map.get(commId)?.toJSON();
      if (kind === "closed") delete copy[commId];
      else if (kind === "opened" && now) copy[commId] = now;
      else if (kind === "updated") {
        const state = new Map(Object.entries(copy[commId]?.state ?? {}));
        for (const key of keys) {
          const value = map.get(commId)?.encoded(key);
          if (value === undefined) state.delete(key);
          else state.set(key, value);
        }
        copy[commId] = { ...(copy[commId] as CommJson), state: Object.fromEntries(state) };
      } else if (kind === "outputs") {
        const { outputs: before = [], ...rest } = copy[commId] as CommJson;
        const after = edited(before, outputs ?? [], (at) => map.get(commId)?.output(at) as OutputBody);
        copy[commId] = { ...rest, ...(after.length > 0 && { outputs: after }) };
      }
    }
  });
  return copy;
}

/** A list of outputs after edits, with no look at the others. */
function edited(
  before: readonly OutputBody[],
  edits: readonly OutputEdit[],
  output: (at: number) => OutputBody,
): OutputBody[] {
  const after = [...before];
  for (const edit of edits) {
    const { what, at } = edit;
    if (what === "cut") after.length = at;
    else if (what === "stream") {
      const old = after[at]?.text as string;
      expect(old.slice(old.length - edit.cut)).not.toContain("\n");
      after[at] = { ...after[at], text: old.slice(0, old.length - edit.cut) + edit.text };
    } else {
      expect(at).toBe(what === "added" ? after.length : Math.min(at, after.length - 1));
      after[at] = output(at);
    }
  }
  return after;
}

const id = fc.constantFrom("a", "b", "c", "d");
const value = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom(null, "x", "🌊", [1], { y: [2] }));
const state = fc.dictionary(fc.constantFrom("p", "q", "__proto__"), value, { noNullPrototype: true });
const operation = fc.record({
  what: fc.constantFrom("open", "update", "update", "output", "stream", "redraw", "replace", "cut", "close"),
  id,
  state,
  at: fc.nat({ max: 4 }),
  text: fc.constantFrom("a", "line\n", "🌊", "🌋\n", "漢", ""),
});
const batches = fc.array(fc.array(operation, { maxLength: 5 }), { maxLength: 25 });

function write(
  writer: Writer,
  operations: { what: string; id: string; state: Record<string, never>; at: number; text: string }[],
): void {
  writer.batch(() => {
    for (const { what, id, state, at, text } of operations) {
      if (what === "open") writer.open(id, state);
      else if (what === "stream") writer.stream(id, text);
      else if (what === "redraw") writer.redraw(id, at, text);
      else if (what === "replace") writer.replace(id, at, { ...state, at });
      else if (what === "cut") writer.cut(id, at);
      else if (what === "close") writer.close(id);
      else if (what === "output") writer.output(id, state);
      else if (writer.comms.has(id)) writer.update(id, state);
    }
  });
}

test("S01, S21 after any operations, in any merging of their updates, the map is their plain replay", () => {
  fc.assert(
    fc.property(batches, fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 30 }), (all, sizes) => {
      const writer = new Writer();
      for (const operations of all) write(writer, operations as never);
      const map = new CommsMap(new Y.Doc(), quiet);
      const copy = follow(map);
      for (let at = 0, n = 0; at < writer.updates.length; n++) {
        const part = writer.updates.slice(at, at + (sizes[n] ?? 1));
        at += part.length;
        Y.applyUpdate(map.doc, part.length > 1 ? Y.mergeUpdates(part) : (part[0] as Uint8Array));
      }
      expect(map.toJSON()).toEqual(writer.plain());
      expect(copy).toEqual(writer.plain());
      expect([...map.keys()]).toEqual(Object.keys(writer.plain()));
    }),
    { numRuns: 300 },
  );
});

test("S02, S05 a window that comes late, or comes back, has what one has that was there", () => {
  fc.assert(
    fc.property(batches, fc.nat(), (all, cut) => {
      const writer = new Writer();
      const away = new CommsMap(new Y.Doc(), quiet);
      const copy = follow(away);
      const leaves = all.length === 0 ? 0 : cut % all.length;
      all.forEach((operations, n) => {
        write(writer, operations as never);
        if (n === leaves) Y.applyUpdate(away.doc, Y.encodeStateAsUpdate(writer.doc));
      });
      Y.applyUpdate(away.doc, Y.encodeStateAsUpdate(writer.doc, Y.encodeStateVector(away.doc)));
      expect(away.toJSON()).toEqual(writer.plain());
      expect(copy).toEqual(writer.plain());
    }),
    { numRuns: 150 },
  );
});

/** What a foreign peer might write: an overlay, an output, more of a stream. */
function foreignElement(at: number, id: string, state: object): unknown[] {
  if (at % 3 === 0) return ["u", id, state];
  const stream = { output_type: "stream", name: "stdout", text: `${at}\n` };
  return ["out", id, at % 3 === 1 ? `text ${at}` : at % 2 ? state : stream, 1 + (at % 4)];
}

test("S51 a foreign peer's writes in the middle, at the front or at the same time: the map is the array", () => {
  const foreign = fc.array(fc.record({ at: fc.nat(), id, state, remove: fc.boolean() }), { maxLength: 4 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.array(operation, { maxLength: 4 }), foreign), { maxLength: 12 }),
      (rounds) => {
        const writer = new Writer();
        const other = new Y.Doc();
        const map = new CommsMap(new Y.Doc(), quiet);
        const copy = follow(map);
        for (const [operations, writes] of rounds) {
          write(writer, operations as never);
          const array = other.getArray<string>("comms");
          for (const { at, id, state, remove } of writes) {
            if (remove && array.length > 0) array.delete(at % array.length);
            else array.insert(at % (array.length + 1), [JSON.stringify(foreignElement(at, id, state))]);
          }
          for (const doc of [writer.doc, other])
            Y.applyUpdate(map.doc, Y.encodeStateAsUpdate(doc, Y.encodeStateVector(map.doc)));
          Y.applyUpdate(other, Y.encodeStateAsUpdate(writer.doc, Y.encodeStateVector(other)));
          Y.applyUpdate(writer.doc, Y.encodeStateAsUpdate(other, Y.encodeStateVector(writer.doc)));
          expect(map.toJSON()).toEqual(new CommsMap(map.doc, quiet).toJSON());
          expect(copy).toEqual(map.toJSON());
        }
      },
    ),
    { numRuns: 150 },
  );
});

test("S04 an update, an output and a view that come before their comm are kept and take effect when it opens", () => {
  const doc = new Y.Doc();
  const map = new CommsMap(doc, quiet);
  const array = doc.getArray<string>("comms");
  array.push([
    JSON.stringify(["u", "a", { value: 2 }]),
    JSON.stringify(["out", "a", { output_type: "stream" }, 1]),
    JSON.stringify(["v", "a", { msg_id: "m" }]),
  ]);
  expect([map.size, map.views]).toEqual([0, []]);
  array.push([
    JSON.stringify(["o", "a", { target_name: "t", seq: 1, epoch: "e", state: { value: 1, max: 9 } }]),
  ]);
  expect(map.get("a")?.encodedState).toEqual({ value: 2, max: 9 });
  expect(map.get("a")?.outputs).toEqual([{ output_type: "stream" }]);
  expect(map.views).toEqual([{ comm_id: "a", msg_id: "m" }]);
});

test("S21 what is left of a closed comm does not resurrect it", () => {
  const writer = new Writer();
  const map = new CommsMap(writer.doc, quiet);
  writer.open("a", { value: 1 });
  writer.close("a");
  writer.update("a", { value: 2 });
  expect(map.has("a")).toBe(false);
});

test("S22 comms that open and close leave nothing behind", () => {
  const writer = new Writer();
  const map = new CommsMap(new Y.Doc(), quiet);
  for (let n = 0; n < 500; n++) {
    writer.open(`c${n}`, { value: n, data: { $blob: `h${n}`, size: 1, type: "bytes" } });
    writer.update(`c${n}`, { value: -n });
    writer.close(`c${n}`);
  }
  for (const update of writer.updates) Y.applyUpdate(map.doc, update);
  expect([map.size, map.blobs.size]).toEqual([0, 0]);
});

test("blobs are counted as long as live elements name them", () => {
  const writer = new Writer();
  const map = new CommsMap(writer.doc, quiet);
  const blob = (hash: string) => ({ $blob: hash, size: 1, type: "bytes" });
  writer.open("a", { image: blob("1"), text: [blob("2")] });
  writer.open("b", { image: blob("1") });
  expect(Object.fromEntries(map.blobs)).toEqual({ 1: 2, 2: 1 });
  writer.update("b", { image: blob("3") });
  writer.close("a");
  expect(Object.fromEntries(map.blobs)).toEqual({ 1: 1, 3: 1 });
});

test("S46 a document of a newer schema is refused as a whole, also one that becomes newer", () => {
  const writer = new Writer();
  const map = new CommsMap(writer.doc, quiet);
  const kinds: string[] = [];
  map.observe((changes) => kinds.push(...changes.map(({ kind }) => kind)));
  writer.open("a", { value: 1 });
  writer.array.push([JSON.stringify(["k", "", { schema_version: 99, anything: "else" }])]);
  expect(map.schemaError?.message).toContain("99");
  expect([map.size, map.has("a"), map.toJSON()]).toEqual([0, false, {}]);
  writer.array.delete(writer.array.length - 1);
  expect([map.schemaError, map.size]).toEqual([null, 1]);
  expect(kinds).toEqual(["opened", "closed", "refused", "opened"]);
});

test("S27 a listener that throws is reported with its comm; others hear the change, the map goes on", () => {
  const problems: string[] = [];
  const writer = new Writer();
  const map = new CommsMap(writer.doc, { onProblem: (problem) => problems.push(problem) });
  let heard = 0;
  map.observe(() => {
    throw new Error("mine");
  });
  map.observe(() => {
    heard++;
  });
  writer.open("a", { value: 1 });
  writer.update("a", { value: 2 });
  expect([heard, map.get("a")?.encoded("value")]).toEqual([2, 2]);
  expect(problems[0]).toContain("opened of a");
});

const opened = (commId: string): string =>
  JSON.stringify(["o", commId, { target_name: "t", seq: 1, epoch: "e", state: {} }]);

test("what is no element is reported, whatever it is, and the map goes on", () => {
  const problems: string[] = [];
  const doc = new Y.Doc();
  const map = new CommsMap(doc, { onProblem: (problem) => problems.push(problem) });
  const foreign = [5, { toString: 1 }, "{", "[]", '["v","a",{}]', '["newer","a",{}]'];
  doc.getArray("comms").push(foreign);
  doc.getArray("comms").push([opened("a")]);
  expect([...map.keys()]).toEqual(["a"]);
  expect(problems).toEqual([
    "an element is no text: number",
    "an element is no text: object",
    "an element is not JSON: {",
    "an element is no list with a kind: []",
    'an element is not what the schema says: ["v","a",{}]',
  ]);
});

test("what compares beyond the basic plane is in the order of code points", () => {
  const doc = new Y.Doc();
  const ids = ["\u{1F38A}", "\uFFFD", "a\u{1F38B}", "a\u{1F38A}", "ab", "a"];
  doc.getArray("comms").push(ids.map(opened));
  const map = new CommsMap(doc, quiet);
  const points = (text: string): number[] => [...text].map((character) => character.codePointAt(0) ?? 0);
  const inOrder = ["a", "ab", "a\u{1F38A}", "a\u{1F38B}", "\uFFFD", "\u{1F38A}"];
  expect([...map.keys()].map(points)).toEqual(inOrder.map(points));
});

test("a map that is given another document tells the difference", () => {
  const first = new Writer();
  const second = new Writer();
  for (const writer of [first, second]) writer.open("kept", { value: 1, max: 2 });
  first.open("gone", {});
  second.update("kept", { value: 5 });
  second.open("new", {});
  const map = new CommsMap(first.doc, quiet);
  const changes: string[] = [];
  map.observe((news) => changes.push(...news.map(({ kind, commId, keys }) => `${kind} ${commId} ${keys}`)));
  map.attach(second.doc);
  expect(changes.sort()).toEqual(["closed gone ", "opened new ", "updated kept value"]);
  first.open("late", {});
  expect(map.has("late")).toBe(false);
});

test("the cost of an update does not depend on the number of comms (printed)", () => {
  const costs = [1, 5_000].map((count) => {
    const doc = new Y.Doc();
    const array = doc.getArray<string>("comms");
    const updates: Uint8Array[] = [];
    array.push(
      Array.from({ length: count }, (_, n) =>
        JSON.stringify([
          "o",
          `c${n}`,
          { target_name: "t", seq: n + 1, epoch: "e", state: { value: 0, max: 100, description: "speed" } },
        ]),
      ),
    );
    const began = performance.now();
    const late = new Y.Doc();
    const map = new CommsMap(late, quiet);
    Y.applyUpdate(late, Y.encodeStateAsUpdate(doc));
    const join = performance.now() - began;
    doc.on("update", (update: Uint8Array) => updates.push(update));
    for (let tick = 1; tick <= 1_000; tick++) {
      doc.transact(() => {
        if (tick > 1) array.delete(array.length - 1);
        array.push([JSON.stringify(["u", "c0", { value: tick }])]);
      });
    }
    const start = performance.now();
    for (const update of updates) Y.applyUpdate(late, update);
    expect(map.get("c0")?.encoded("value")).toBe(1_000);
    return {
      comms: count,
      "join ms": join,
      "µs per update": (performance.now() - start) * (1_000 / updates.length),
    };
  });
  console.table(costs);
});
