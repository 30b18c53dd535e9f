// The golden fixtures that the Python reader is tested with: what a browser must make of the very same bytes.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as Y from "yjs";
import { CommsMap } from "../../src/document/comms-map";
import type { Encoded } from "../../src/document/elements";
import type { Comm } from "../../src/document/entry";
import { decode, ValueEncodingError } from "../../src/document/values";
import { bytes, normal, type Typed, typed } from "../typed";

const FIXTURES = join(import.meta.dirname, "../../../tests/fixtures");

interface ValueCase {
  name: string;
  text: string;
  blobs: Record<string, string>;
  browser: Typed;
}

interface DocumentCase {
  update: string;
  steps: string[];
  blobs: Record<string, string>;
  browser?: { comms: TypedComm[]; kernels: unknown; views: unknown };
  error?: string;
}

interface TypedComm {
  state?: Record<string, Typed>;
  data?: Typed;
  metadata?: Typed;
  outputs?: Typed[];
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(join(FIXTURES, name), "utf8"));
}

function reader(blobs: Record<string, string>): (encoded: Encoded) => Typed {
  return (encoded) => typed(decode(encoded, ({ $blob }) => bytes(blobs[$blob] ?? fail($blob))));
}

function fail(hash: string): never {
  throw new Error(`no blob ${hash}`);
}

for (const { name, text, blobs, browser } of read<ValueCase[]>("values.json")) {
  test(`S19 a value reads as plain Jupyter gives it: ${name}`, () => {
    expect(reader(blobs)(JSON.parse(text))).toEqual(normal(browser));
  });
}

for (const { name, text } of read<{ name: string; text: string }[]>("refused_values.json")) {
  test(`a value is refused: ${name}`, () => {
    expect(() => decode(JSON.parse(text), () => new Uint8Array())).toThrow(ValueEncodingError);
  });
}

function shownComm(comm: Comm, decoded: (encoded: Encoded) => Typed): object {
  const { state, data, metadata, outputs, ...head } = comm.toJSON();
  return {
    comm_id: comm.commId,
    ...head,
    ...(state && {
      state: Object.fromEntries(Object.entries(state).map(([key, value]) => [key, decoded(value)])),
    }),
    ...(data !== undefined && data !== null && { data: decoded(data) }),
    ...(metadata !== undefined && metadata !== null && { metadata: decoded(metadata) }),
    ...(outputs && { outputs: outputs.map(decoded) }),
  };
}

function shown(map: CommsMap, blobs: Record<string, string>): object {
  const decoded = reader(blobs);
  const kernels = [...map.kernels].map(([id, { kernel, epoch, status }]) => [
    id,
    { name: kernel.name, epoch, status },
  ]);
  return {
    comms: [...map.values()].map((comm) => shownComm(comm, decoded)),
    kernels: Object.fromEntries(kernels),
    views: map.views,
  };
}

function expectedOf({ browser }: DocumentCase): unknown {
  return browser && { ...browser, comms: browser.comms.map(normalComm) };
}

function normalComm(comm: TypedComm): object {
  const { state, data, metadata, outputs, ...head } = comm;
  return {
    ...head,
    ...(state && {
      state: Object.fromEntries(Object.entries(state).map(([key, value]) => [key, normal(value)])),
    }),
    ...(data !== undefined && { data: normal(data) }),
    ...(metadata !== undefined && { metadata: normal(metadata) }),
    ...(outputs && { outputs: outputs.map(normal) }),
  };
}

const quiet = { onProblem: () => undefined };

/** A map that saw every step, one that saw half of them merged, one that came late. */
function readers({ update, steps }: DocumentCase): Record<string, CommsMap> {
  const live = new CommsMap(new Y.Doc(), quiet);
  for (const step of steps) Y.applyUpdate(live.doc, bytes(step));
  const half = new CommsMap(new Y.Doc(), quiet);
  const middle = Math.floor(steps.length / 2);
  for (const part of [steps.slice(0, middle), steps.slice(middle)]) {
    if (part.length > 0) Y.applyUpdate(half.doc, Y.mergeUpdates(part.map(bytes)));
  }
  const lateDoc = new Y.Doc();
  Y.applyUpdate(lateDoc, bytes(update));
  return { live, half, late: new CommsMap(lateDoc, quiet) };
}

for (const file of readdirSync(join(FIXTURES, "documents"))) {
  const fixture = read<DocumentCase>(`documents/${file}`);
  for (const [who, map] of Object.entries(readers(fixture))) {
    test(`a document reads the same here: ${file}, ${who} window`, () => {
      if (fixture.error !== undefined) {
        expect(map.schemaError?.message).toContain(fixture.error);
        expect(map.size).toBe(0);
      } else {
        expect(shown(map, fixture.blobs)).toEqual(expectedOf(fixture));
      }
    });
  }
}
