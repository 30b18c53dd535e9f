import { beforeEach, describe, expect, it } from "vitest";
import { Guard, isTrusted, SavedWidgets } from "../../src/lab/trust";
import { MemorySource } from "../models/memory-source";

let all: MemorySource;
let guard: Guard;
let notebookIsTrusted: boolean;
let told: string[];

const slider = { model: "IntSliderModel", value: 1 };

beforeEach(() => {
  all = new MemorySource();
  all.isTrusted = false;
  notebookIsTrusted = false;
  guard = new Guard(all, () => notebookIsTrusted);
  told = [];
  guard.source.listen({
    changed: (changes) => told.push(...changes.map(({ kind, commId }) => `${kind} ${commId}`)),
    message: (commId) => told.push(`message ${commId}`),
  });
});

describe("a source of which not all is vouched for", () => {
  it("S50: says nothing of what no kernel here has made", () => {
    all.opened({ a: slider, b: slider });
    all.set("a", { value: 2 });
    all.message("a", {});
    expect([...guard.source.commIds()]).toEqual([]);
    expect(told).toEqual([]);
    expect([guard.withheld, guard.withholds("a"), guard.withholds("c")]).toEqual([2, true, false]);
    all.gone("a");
    expect(told).toEqual([]);
    expect(guard.withheld).toBe(1);
  });

  it("S50: opens it when the notebook is trusted, with what it has become", async () => {
    all.opened({ a: slider, b: slider });
    all.set("b", { value: 5 });
    guard.check();
    expect(told).toEqual([]);
    notebookIsTrusted = true;
    guard.check();
    guard.check();
    expect(told).toEqual(["opened a", "opened b"]);
    expect((await guard.source.read("b", ["value"])).state).toEqual({ value: 5 });
    all.set("a", { value: 3 });
    all.message("b", {});
    all.gone("b");
    expect(told.slice(2)).toEqual(["updated a", "message b", "closed b"]);
  });

  it("opens it when the room names the kernel a moment after its document", () => {
    all.opened({ a: slider });
    all.isTrusted = true;
    guard.check();
    expect(told).toEqual(["opened a"]);
  });

  it("keeps what was shown when its kernel is another", () => {
    all.isTrusted = true;
    all.opened({ a: slider });
    all.isTrusted = false;
    all.set("a", { value: 2 });
    all.opened({ b: slider });
    all.gone("a");
    expect(told).toEqual(["opened a", "updated a", "closed a"]);
  });
});

describe("widgets that are saved in a notebook", () => {
  const metadata = { "application/vnd.jupyter.widget-state+json": { state: { a: { state: {} } } } };

  it("are saved again as long as they are withheld", async () => {
    const saved = new SavedWidgets();
    let loads = 0;
    saved.withhold(metadata, async () => {
      loads += 1;
    });
    expect([saved.withheld, saved.withholds("a"), saved.has("a"), loads]).toEqual([1, true, true, 0]);
    expect(saved.addTo({ version_major: 2, state: { b: {} } })).toEqual({
      version_major: 2,
      state: { a: { state: {} }, b: {} },
    });
    await Promise.all([saved.release(), saved.release()]);
    expect([saved.withheld, saved.has("a"), loads]).toEqual([0, false, 1]);
    expect(saved.addTo({ state: {} })).toEqual({ state: {} });
  });

  it("may be none, or of no form", () => {
    const saved = new SavedWidgets();
    for (const each of [undefined, {}, { "application/vnd.jupyter.widget-state+json": {} }]) {
      saved.withhold(each, async () => undefined);
      expect(saved.withheld).toBe(0);
    }
  });
});

describe("a notebook", () => {
  const cells = (...trusted: boolean[]) =>
    [
      { type: "markdown", trusted: true },
      ...trusted.map((each) => ({ type: "code", trusted: each })),
    ] as never;

  it("is trusted when each of its code cells is, of which there is one", () => {
    expect(isTrusted(cells(true, true))).toBe(true);
    expect(isTrusted(cells(true, false))).toBe(false);
    expect(isTrusted(cells())).toBe(false);
  });
});
