import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { BlobSentinel } from "../../src/document/elements";
import { Blobs } from "../../src/window/blobs";

let asked: string[][];
let named: Map<string, number>;
let blobs: Blobs;

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  named = new Map();
  blobs = new Blobs({ ask: (hashes) => asked.push(hashes), named: () => named, timeoutMs: 1_000 });
});

afterEach(() => {
  vi.useRealTimers();
});

const blob = (hash: string, size = 3, type: BlobSentinel["type"] = "bytes"): BlobSentinel => ({
  $blob: hash,
  size,
  type,
});

function come(...hashes: string[]): void {
  const buffers = hashes.map(() => new Uint8Array([97, 98, 99]));
  blobs.receive({ type: "blobs", hashes, sizes: hashes.map(() => 3), missing: [] }, buffers);
}

async function microtasks(): Promise<void> {
  for (let n = 0; n < 5; n++) await Promise.resolve();
}

test("S08 what one pass of reading needs is asked for at once, and nothing twice", async () => {
  const fetches = ["1", "2", "1"].map((hash) => blobs.fetch(blob(hash), "c", "k"));
  await microtasks();
  expect(asked).toEqual([["1", "2"]]);
  come("1", "2");
  await Promise.all(fetches);
  await blobs.fetch(blob("1"), "c", "k");
  expect(asked.length).toBe(1);
});

test("S08 many megabytes are asked for in turns", async () => {
  for (const hash of ["1", "2", "3", "4"]) void blobs.fetch(blob(hash, 3e6), "c", "k");
  await microtasks();
  expect(asked).toEqual([["1"]]);
  come("1");
  await microtasks();
  expect(asked).toEqual([["1"], ["2"]]);
});

test("a pushed blob is not asked for", async () => {
  come("1");
  await blobs.fetch(blob("1"), "c", "k");
  expect([asked, blobs.get(blob("1", 3, "text"))]).toEqual([[], "abc"]);
});

test("S27 one that is missing fails for who asked, naming comm, key and hash; the others come", async () => {
  const bad = blobs.fetch(blob("bad"), "comm-1", "image");
  const good = blobs.fetch(blob("good"), "comm-1", "image");
  bad.catch(() => undefined);
  await microtasks();
  blobs.receive({ type: "blobs", hashes: ["good"], sizes: [3], missing: ["bad"] }, [new Uint8Array(3)]);
  await good;
  await expect(bad).rejects.toMatchObject({ commId: "comm-1", key: "image", hash: "bad" });
});

test("S27 a fetch that hangs ends with an error, and the next ask goes out", async () => {
  const hanging = blobs.fetch(blob("1", 5e6), "c", "k");
  const next = blobs.fetch(blob("2"), "c", "k");
  await microtasks();
  vi.advanceTimersByTime(1_000);
  await expect(hanging).rejects.toThrow("did not come within 1 s");
  await microtasks();
  expect(asked).toEqual([["1"], ["2"]]);
  come("2");
  await next;
});

test("S08 on a slow line what waits for its turn is not late, nor what makes progress", async () => {
  const fetches = ["1", "2", "3"].map((hash) => blobs.fetch(blob(hash, 2e6), "c", "k"));
  await microtasks();
  expect(asked).toEqual([["1", "2"]]);
  for (const hash of ["1", "2", "3"]) {
    vi.advanceTimersByTime(900);
    come(hash);
    await microtasks();
  }
  await Promise.all(fetches);
});

test("S09 after a reconnect what was under way is asked for again", async () => {
  void blobs.fetch(blob("1"), "c", "k");
  await microtasks();
  blobs.resume();
  await microtasks();
  expect(asked).toEqual([["1"], ["1"]]);
});

test("S22 a blob is kept while a live entry names it, and goes after", () => {
  named.set("1", 1);
  come("1");
  named.delete("1");
  come("2");
  expect([blobs.get(blob("1")), blobs.get(blob("2"))]).toEqual([undefined, new Uint8Array([97, 98, 99])]);
});

test("S10 pushed blobs that nothing ever names don't pile up", () => {
  for (let n = 0; n < 40; n++) {
    const buffer = new Uint8Array(2 * 1024 * 1024);
    blobs.receive({ type: "blobs", hashes: [`${n}`], sizes: [buffer.length], missing: [] }, [buffer]);
  }
  expect(blobs.get(blob("0"))).toBeUndefined();
  expect(blobs.get(blob("39"))).toBeDefined();
  vi.advanceTimersByTime(61_000);
  blobs.sweep();
  expect(blobs.get(blob("39"))).toBeUndefined();
});
