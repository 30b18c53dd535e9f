// @vitest-environment jsdom
// biome-ignore-start assist/source/organizeImports: the packages touch the DOM when they load
import "../models/dom";
// biome-ignore-end assist/source/organizeImports: see above
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RoomManager } from "../../src/models/manager";
import { groupViews, type ShownView, Stage } from "../../src/viewer/stage";
import { MemorySource } from "../models/memory-source";

let source: MemorySource;
let manager: RoomManager;
let root: HTMLElement;
let stage: Stage;

beforeEach(() => {
  source = new MemorySource();
  manager = new RoomManager(source);
  root = document.createElement("main");
  document.body.replaceChildren(root);
  const maker = {
    get_model: (id: string) => manager.modelWhenThere(id),
    create_view: manager.create_view.bind(manager),
  };
  stage = new Stage(root, maker, (_commId, error) => {
    throw error;
  });
});

afterEach(() => manager.dispose());

const text = (description: string) => ({ model: "HTMLModel", value: description });
const view = (comm_id: string, cell_id: string, execution_count: number): ShownView => ({
  comm_id,
  msg_id: `m${execution_count}`,
  cell_id,
  execution_count,
});
const drawn = () => [...root.querySelectorAll("[data-comm-id]")].map((el) => el.getAttribute("data-comm-id"));
const headings = () => [...root.querySelectorAll("h2")].map((el) => el.textContent);

describe("the stage", () => {
  it("shows views in order, by the cell that displayed them", async () => {
    source.opened({ a: text("A"), b: text("B"), c: text("C") });
    stage.show([view("a", "c1", 1), view("b", "c2", 2), view("c", "c1", 1)]);
    await vi.waitFor(() => expect(drawn()).toEqual(["a", "c", "b"]));
    expect(headings()).toEqual(["In [1]", "In [2]"]);
  });

  it("S03: keeps a place for a view whose model comes later", async () => {
    source.opened({ a: text("A") });
    stage.show([view("late", "c1", 1), view("a", "c1", 1)]);
    await vi.waitFor(() => expect(drawn()).toEqual(["a"]));
    source.opened({ late: text("late") });
    await vi.waitFor(() => expect(drawn()).toEqual(["late", "a"]));
  });

  it("takes away what is displayed no more, and leaves the rest as it is", async () => {
    source.opened({ a: text("A"), b: text("B") });
    stage.show([view("a", "c1", 1), view("b", "c2", 2)]);
    await vi.waitFor(() => expect(drawn()).toEqual(["a", "b"]));
    const kept = root.querySelector('[data-comm-id="b"]');
    stage.show([view("b", "c2", 3)]);
    expect(drawn()).toEqual(["b"]);
    expect(root.querySelector('[data-comm-id="b"]')).toBe(kept);
    expect(headings()).toEqual(["In [3]"]);
  });

  it("S21: draws a model again that ended and opened under its id", async () => {
    source.opened({ a: text("first") });
    stage.show([view("a", "c1", 1)]);
    await vi.waitFor(() => expect(root.textContent).toContain("first"));
    source.gone("a");
    source.opened({ a: text("second") });
    await vi.waitFor(() => expect(root.textContent).toContain("second"));
    expect(root.textContent).not.toContain("first");
    expect(drawn()).toEqual(["a"]);
  });

  it("S22: is empty after a thousand widgets came and went", async () => {
    for (let n = 0; n < 1000; n++) {
      source.opened({ [`w${n}`]: text(String(n)) });
      stage.show([view(`w${n}`, "c1", n)]);
      source.gone(`w${n}`);
    }
    stage.show([]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(root.childElementCount).toBe(0);
    expect(manager.missingModels()).toEqual([]);
  });
});

it("a view that no cell is known for stands by its execution", () => {
  const views = [
    { comm_id: "a", msg_id: "m1" },
    { comm_id: "b", msg_id: "m2" },
    { comm_id: "c", msg_id: "m1" },
  ];
  expect([...groupViews(views)].map(([key, list]) => [key, list.map((one) => one.comm_id)])).toEqual([
    ["m1", ["a", "c"]],
    ["m2", ["b"]],
  ]);
});
