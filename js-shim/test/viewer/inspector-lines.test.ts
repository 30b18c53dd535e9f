import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { type Comm, CommsMap, type Encoded } from "../../src/document";
import { FIRST_ITEMS, Lines, longText, referenceOf, wordsOf } from "../../src/viewer/inspector/lines";
import {
  agoWords,
  bytesOf,
  outputWords,
  preview,
  sizeWords,
  visible,
} from "../../src/viewer/inspector/values";

/** A comm of a real document. */
function comm(state: object | string, head: object = {}): Comm {
  const doc = new Y.Doc();
  const text = typeof state === "string" ? state : JSON.stringify(state);
  const body = { target_name: "jupyter.widget", seq: 1, epoch: "e", ...head };
  const opened = JSON.stringify(["o", "c1", body]).replace(/}\]$/, `,"state":${text}}]`);
  doc.getArray("comms").push([opened]);
  return new CommsMap(doc).get("c1") as Comm;
}

function opened(of: Comm): Lines {
  const lines = new Lines();
  lines.begin();
  lines.make(of);
  return lines;
}

const names = (lines: Lines) => lines.all.map(({ depth, name, isOpen }) => [depth, name, isOpen]);

describe("the lines of a state", () => {
  it("are its keys, and the items of what is open", () => {
    const it = comm({ value: { $num: "nan" }, range: [1, { a: 2 }], empty: {} });
    const lines = opened(it);
    expect(names(lines)).toEqual([
      [1, "value", null],
      [1, "range", false],
      [1, "empty", null],
    ]);
    lines.toggle(lines.all[1] as never);
    lines.make(it);
    lines.toggle(lines.all[3] as never);
    lines.make(it);
    expect(names(lines)).toEqual([
      [1, "value", null],
      [1, "range", true],
      [2, "0", null],
      [2, "1", true],
      [3, "a", null],
      [1, "empty", null],
    ]);
    expect([lines.parentOf(4), lines.parentOf(3), lines.parentOf(0)]).toEqual([3, 1, -1]);
    expect(lines.all.map(({ place, siblings }) => `${place}/${siblings}`)).toEqual([
      "1/3",
      "2/3",
      "1/2",
      "2/2",
      "1/1",
      "3/3",
    ]);
    lines.toggle(lines.all[1] as never);
    lines.make(it);
    expect(lines.all.length).toBe(3);
  });

  it("have what a model keeps for itself last", () => {
    expect(
      names(opened(comm({ _dom_classes: [], value: 1, _view: 2, min: 3 }))).map(([, name]) => name),
    ).toEqual(["value", "min", "_dom_classes", "_view"]);
  });

  it("stay the same lines when the comm changes", () => {
    const lines = opened(comm({ a: 1, b: [1] }));
    const b = lines.all[1] as never;
    lines.toggle(b);
    lines.make(comm({ first: 0, a: 1, b: [1, 2] }));
    expect(lines.indexOf(b)).toBe(2);
    expect(names(lines).at(-1)).toEqual([2, "1", null]);
  });

  it("of a value of 10,000 levels are made one after the other, however many are open", () => {
    const depth = 10_000;
    const it = comm(`{"deep":${"[".repeat(depth)}1${"]".repeat(depth)}}`);
    const lines = opened(it);
    for (let n = 0; n < 300; n++) {
      lines.toggle(lines.all.at(-1) as never);
      lines.make(it);
    }
    expect(lines.all.at(-1)?.depth).toBe(301);
    expect(bytesOf(it.encoded("deep") as Encoded)).toBe(2 * depth + 1);
  });

  it("of a long list come 200 at a time", () => {
    const it = comm({ list: Array.from({ length: 450 }, (_, n) => n) });
    const lines = opened(it);
    lines.toggle(lines.all[0] as never);
    lines.make(it);
    expect(lines.all.length).toBe(1 + FIRST_ITEMS + 1);
    expect(wordsOf(lines.all.at(-1) as never)).toBe("250 more");
    lines.toggle(lines.all.at(-1) as never);
    lines.make(it);
    lines.toggle(lines.all.at(-1) as never);
    lines.make(it);
    expect(lines.all.length).toBe(451);
  });

  it("of 10,000 keys are all there", () => {
    const state = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, n]));
    expect(opened(comm(state)).all.length).toBe(10_000);
  });

  it("of an Output are its outputs, with type and size", () => {
    const head = { model_name: "OutputModel", model_module: "@jupyter-widgets/output" };
    const doc = new Y.Doc();
    const output = {
      output_type: "display_data",
      data: { "image/png": "x", "text/plain": "y" },
      metadata: {},
    };
    const stream = { output_type: "stream", name: "stdout", text: "hi" };
    doc
      .getArray("comms")
      .push([
        JSON.stringify([
          "o",
          "c1",
          { target_name: "jupyter.widget", seq: 1, epoch: "e", state: {}, ...head },
        ]),
        JSON.stringify(["out", "c1", stream, 1]),
        JSON.stringify(["out", "c1", output, 2]),
      ]);
    const lines = opened(new CommsMap(doc).get("c1") as Comm);
    const words = lines.all.filter(({ isOutput }) => isOutput).map((line) => wordsOf(line));
    expect(words).toEqual([
      `stream stdout, ${JSON.stringify(stream).length} B`,
      `display_data image/png, text/plain, ${JSON.stringify(output).length} B`,
    ]);
  });

  it("of a comm without state are what it was opened with", () => {
    const doc = new Y.Doc();
    const body = { target_name: "mine", seq: 1, epoch: "e", data: { x: 1 }, metadata: { v: 2 } };
    doc.getArray("comms").push([JSON.stringify(["o", "c1", body])]);
    expect(names(opened(new CommsMap(doc).get("c1") as Comm))).toEqual([
      [1, "data", false],
      [1, "metadata", false],
    ]);
  });

  it("refer to comms, and cut long texts", () => {
    const [child, any, text] = opened(
      comm({ child: "IPY_MODEL_abc", any: "anywidget:def", text: "x".repeat(1_000_000) }),
    ).all as never[];
    expect([referenceOf(child as never), referenceOf(any as never), referenceOf(text as never)]).toEqual([
      "abc",
      "def",
      undefined,
    ]);
    expect(wordsOf(text as never).length).toBeLessThan(200);
    expect(longText(text as never)?.length).toBe(1_000_000);
  });
});

describe("the words", () => {
  it("are values as they are encoded", () => {
    const blob = { $blob: "a".repeat(64), size: 1234, type: "text" };
    const said = [
      { $num: "nan" },
      { $num: "9007199254740993" },
      null,
      true,
      5,
      "x",
      [],
      {},
      { $dict: { $a: 1 } },
      blob,
    ];
    expect(said.map((value) => preview(value as Encoded))).toEqual([
      '{"$num":"nan"}',
      '{"$num":"9007199254740993"}',
      "null",
      "true",
      "5",
      '"x"',
      "[]",
      "{}",
      "{ } 1 key",
      "blob text, 1.2 kB, aaaaaaaaaaaa",
    ]);
  });

  it("show what turns or hides text", () => {
    expect(visible("a\u202eb\u200bc\u0000")).toBe("a\\u202eb\\u200bc\\u0000");
    expect(preview("\u202egnp.exe")).toBe('"\\u202egnp.exe"');
    expect(visible("שלום")).toBe("שלום");
  });

  it("measure bytes of UTF-8, also where recursion ends", () => {
    const value = { ü: ["日本", 1, null, { a: true }] };
    expect(bytesOf(value)).toBe(new TextEncoder().encode(JSON.stringify(value)).length);
    expect([sizeWords(999), sizeWords(1500), sizeWords(2_500_000)]).toEqual(["999 B", "1.5 kB", "2.5 MB"]);
    expect([agoWords(500), agoWords(59_000), agoWords(120_000), agoWords(7_200_000)]).toEqual([
      "now",
      "59 s ago",
      "2 min ago",
      "2 h ago",
    ]);
    expect(outputWords("no output" as Encoded)).toBe('"no output"');
  });
});
