import { beforeEach, expect, test } from "vitest";
import * as Y from "yjs";
import { CommsMap } from "../../src/document/comms-map";
import { Blobs } from "../../src/window/blobs";
import { Reader } from "../../src/window/reading";
import { Requests } from "../../src/window/requests";
import { Writer } from "../document/writer";

let writer: Writer;
let comms: CommsMap;
let blobs: Blobs;
let reader: Reader;
let asked: string[];
let problems: string[];

beforeEach(() => {
  writer = new Writer();
  problems = [];
  asked = [];
  comms = new CommsMap(new Y.Doc());
  writer.doc.on("update", (update: Uint8Array) => Y.applyUpdate(comms.doc, update));
  blobs = new Blobs({ ask: (hashes) => asked.push(...hashes), named: () => comms.blobs, timeoutMs: 1_000 });
  const requests = new Requests({ send: () => {}, reread: () => {}, newId: () => "r", expireMs: 1_000 });
  reader = new Reader({ comms, requests, blobs, onProblem: (text) => problems.push(text) });
});

const blob = (hash: string, type = "bytes") => ({ $blob: hash, size: 3, type });

function come(hash: string, ...content: number[]): void {
  blobs.receive({ type: "blobs", hashes: [hash], sizes: [content.length], missing: [] }, [
    new Uint8Array(content),
  ]);
}

function gone(...hashes: string[]): void {
  blobs.receive({ type: "blobs", hashes: [], sizes: [], missing: hashes }, []);
}

async function asks(count: number): Promise<void> {
  while (asked.length < count) await Promise.resolve();
}

const numbers = (value: unknown): number[] => [...new Uint8Array((value as DataView).buffer)];

test("S08 all keys are read with their blobs, each asked for once", async () => {
  writer.open("c", { data: blob("1"), more: [blob("1"), blob("2")], n: 5 });
  const reading = reader.read("c");
  await asks(2);
  come("1", 1);
  come("2", 2);
  const { state, missing } = await reading;
  expect([numbers(state.data), state.n, missing, asked]).toEqual([[1], 5, [], ["1", "2"]]);
});

test("S27 a missing blob leaves a stand-in and is named with comm, key and hash; other keys are read", async () => {
  writer.open("c", { esm: blob("lost", "text"), image: [blob("lost2")], json: blob("lost3", "json"), n: 5 });
  const reading = reader.read("c");
  await asks(3);
  gone("lost", "lost2", "lost3");
  const { state, missing } = await reading;
  expect([state.esm, state.json, state.n]).toEqual(["", null, 5]);
  expect((state.image as DataView[])[0]?.byteLength).toBe(0);
  expect(missing.map(({ commId, key, hash }) => [commId, key, hash])).toEqual([
    ["c", "esm", "lost"],
    ["c", "image", "lost2"],
    ["c", "json", "lost3"],
  ]);
  expect(problems[0]).toContain('comm c, key "esm"');
});

test("a value that was superseded while its blob was waited for is read anew", async () => {
  writer.open("c", { data: blob("old") });
  const reading = reader.read("c");
  await asks(1);
  writer.update("c", { data: blob("new") });
  gone("old");
  await asks(2);
  come("new", 7);
  const { state, missing } = await reading;
  expect([numbers(state.data), missing, problems]).toEqual([[7], [], []]);
});

test("a blob that came and went while another was waited for is still read", async () => {
  writer.open("c", { one: blob("1"), two: blob("2") });
  const reading = reader.read("c");
  await asks(2);
  come("1", 1);
  writer.update("c", { one: null });
  await Promise.resolve();
  come("2", 2);
  expect(numbers((await reading).state.one)).toEqual([1]);
});

test("a key that can't be decoded is null and reported; read never rejects", async () => {
  writer.open("c", { bad: { $other: 1 }, text: blob("1", "text"), n: 5 });
  const reading = reader.read("c");
  await asks(1);
  come("1", 0xff);
  expect((await reading).state).toEqual({ bad: null, text: null, n: 5 });
  expect(problems).toEqual(['comm c, key "bad" can\'t be read', 'comm c, key "text" can\'t be read']);
});

test("a comm that isn't there reads as nothing", async () => {
  expect(await reader.read("nobody")).toEqual({ state: {}, missing: [] });
  expect(await reader.read("nobody", ["value"])).toEqual({ state: {}, missing: [] });
});
