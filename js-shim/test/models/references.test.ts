import { describe, expect, it } from "vitest";
import { References, referenceTargets, resolveReferences } from "../../src/models/references";

const all = () => true;

describe("a state with references", () => {
  it("S04: goes without the missing members of a list of references", () => {
    const state = { children: ["IPY_MODEL_a", "IPY_MODEL_b"], title: "x" };
    const { state: now, waiting } = resolveReferences(state, all, (id) => id === "a");
    expect(now).toEqual({ children: ["IPY_MODEL_a"], title: "x" });
    expect(waiting).toEqual([{ key: "children", target: "b" }]);
  });

  it("S04: leaves out any other value that holds a missing reference", () => {
    const state = {
      source: ["IPY_MODEL_a", "value"],
      layout: "IPY_MODEL_a",
      map: { x: ["IPY_MODEL_a"] },
      max: 3,
    };
    const { state: now, waiting } = resolveReferences(state, all, () => false);
    expect(now).toEqual({ max: 3 });
    expect(waiting.map(({ key }) => key)).toEqual(["source", "layout", "map"]);
  });

  it("takes a text that looks like a reference for a text where the model reads none", () => {
    const { state: now } = resolveReferences(
      { value: "IPY_MODEL_a" },
      () => false,
      () => false,
    );
    expect(now).toEqual({ value: "IPY_MODEL_a" });
  });

  it("finds references at any depth, and none in binary", () => {
    const value = { a: ["IPY_MODEL_1", { b: "IPY_MODEL_2" }], c: new DataView(new ArrayBuffer(2)), d: null };
    expect([...referenceTargets(value)]).toEqual(["1", "2"]);
  });
});

describe("the account of references", () => {
  it("names the slots that wait when their target registers, once", () => {
    const references = new References();
    references.park({ commId: "box", key: "children" }, "a");
    references.park({ commId: "tab", key: "children" }, "a");
    expect(references.registered("a").map(({ commId }) => commId)).toEqual(["box", "tab"]);
    expect(references.registered("a")).toEqual([]);
  });

  it("S21: parks who referred to a comm that closed, since it may open again", () => {
    const references = new References();
    references.used({ commId: "box", key: "children" }, ["a"]);
    references.closed("a");
    expect(references.missing()).toEqual(["a"]);
    expect(references.registered("a")).toEqual([{ commId: "box", key: "children" }]);
  });

  it("S22: keeps nothing of a comm that closed", () => {
    const references = new References();
    for (let n = 0; n < 100; n++) {
      references.used({ commId: `box${n}`, key: "children" }, [`a${n}`]);
      references.park({ commId: `box${n}`, key: "style" }, `b${n}`);
      references.closed(`a${n}`);
      references.closed(`box${n}`);
    }
    expect(references.missing()).toEqual([]);
  });

  it("S04: lets no two models in creation wait for each other", () => {
    const references = new References();
    expect(references.mayWait("a", "b")).toBe(true);
    expect(references.mayWait("b", "c")).toBe(true);
    expect(references.mayWait("c", "a")).toBe(false);
    expect(references.mayWait("a", "a")).toBe(false);
    references.created("b");
    expect(references.mayWait("c", "a")).toBe(true);
  });
});
