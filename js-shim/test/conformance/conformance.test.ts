// @vitest-environment jsdom
// biome-ignore-start assist/source/organizeImports: the packages touch the DOM when they load
import "../models/dom";
// biome-ignore-end assist/source/organizeImports: see above
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as cases from "../../conformance";
import type { Case } from "../../conformance";
import { importBlobs } from "../afm/blob-modules";
import { anywidget, commdoc } from "./drivers";

const all: [string, Case[]][] = [
  ["modules", cases.modules],
  ["values", cases.values],
  ["messages", cases.messages],
  ["lifecycle", cases.lifecycle],
  ["composition", cases.composition],
];

const table: string[] = [];

beforeAll(() => {
  importBlobs();
  for (const level of ["error", "warn", "debug"] as const)
    vi.spyOn(console, level).mockImplementation(() => undefined);
});

afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  console.log(["| case | commdoc | anywidget 0.11 |", "|---|---|---|", ...table].join("\n"));
});

describe.each(all)("AFM: %s", (_, those) => {
  it.each(those)("$name", async (one) => {
    const own = await cases.run(one, commdoc);
    const theirs = await cases.run(one, anywidget, one.anywidget?.trace);
    const same = JSON.stringify(own) === JSON.stringify(theirs);
    table.push(
      `| ${one.name} | ${verdict(own, one.trace)} | ${same ? "the same" : (one.anywidget?.because ?? "?")} |`,
    );
    expect(own).toEqual(one.trace);
    expect(theirs).toEqual(one.anywidget?.trace ?? one.trace);
  });
});

function verdict(trace: readonly string[], expected: readonly string[]): string {
  return JSON.stringify(trace) === JSON.stringify(expected) ? "as specified" : "not as specified";
}
