// @vitest-environment jsdom
// biome-ignore-start assist/source/organizeImports: the packages touch the DOM when they load
import "./dom";
// biome-ignore-end assist/source/organizeImports: see above
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type CommDoor, DocumentComm } from "../../src/models/document-comm";
import { RoomManager } from "../../src/models/manager";
import { mapping, Place } from "../../src/models/place";
import { MemorySource } from "./memory-source";

describe("a caret in a text that becomes another one", () => {
  it.each([
    ["one two", "zero one two", 4, 9],
    ["one two", "one two three", 3, 3],
    ["one two", "one two three", 7, 13],
    ["one two", "one", 5, 3],
    ["abc", "ABC", 3, 3],
    ["", "kernel", 0, 6],
    ["aaa", "aa", 1, 1],
  ])("%j → %j: %i is at %i", (text, became, position, at) => {
    expect(mapping(text, became)(position)).toBe(at);
  });
});

let place: Place;

beforeEach(() => {
  place = new Place(document);
});

afterEach(() => {
  place.dispose();
  document.body.replaceChildren();
});

/** An element in a view of a comm. */
function put<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  commId = "a",
): HTMLElementTagNameMap[Name] {
  const view = document.body.appendChild(document.createElement("div"));
  view.dataset.commId = commId;
  return view.appendChild(document.createElement(name));
}

/** One that shows 100 of its pixels, and was scrolled. */
function scrolled(at: Partial<Element>, size = 1000, name: "div" | "textarea" = "div"): HTMLElement {
  const element = put(name);
  for (const [key, value] of Object.entries({ scrollHeight: size, scrollWidth: size }))
    Object.defineProperty(element, key, { configurable: true, value });
  for (const key of ["clientHeight", "clientWidth"]) Object.defineProperty(element, key, { value: 100 });
  Object.assign(element, at).dispatchEvent(new Event("scroll"));
  return element;
}

function typeInto(field: HTMLInputElement | HTMLTextAreaElement, text: string): void {
  field.focus();
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

describe("what was scrolled", () => {
  it("is put back where the change lost it, and only on that axis", () => {
    const it_ = scrolled({ scrollTop: 300, scrollLeft: 40 });
    place.keep("a", () => Object.assign(it_, { scrollTop: 0, scrollLeft: 70 }));
    expect([it_.scrollTop, it_.scrollLeft]).toEqual([300, 70]);
  });

  it("goes where its author scrolls it", () => {
    const log = scrolled({ scrollTop: 300 });
    place.keep("a", () => Object.assign(log, { scrollTop: 950 }));
    expect(log.scrollTop).toBe(950);
  });

  it("is left alone when it was at its end", () => {
    const log = scrolled({ scrollTop: 899.5 });
    place.keep("a", () => Object.assign(log, { scrollTop: 0 }));
    expect(log.scrollTop).toBe(0);
  });

  it("is not written when nothing moved it", () => {
    const it_ = scrolled({ scrollTop: 300 });
    const set = vi.fn();
    Object.defineProperty(it_, "scrollTop", { get: () => 300, set });
    place.keep("a", () => undefined);
    expect(set).not.toHaveBeenCalled();
  });

  it("goes where its author scrolls it under the focus, too", () => {
    const log = scrolled({ scrollTop: 300 });
    log.tabIndex = 0;
    log.focus();
    place.keep("a", () => Object.assign(log, { scrollTop: 950 }));
    expect(log.scrollTop).toBe(950);
    place.keep("a", () => Object.assign(log, { scrollTop: 0 }));
    expect(log.scrollTop).toBe(950);
  });

  it("is not scrolled by the selection that is given back", () => {
    const field = scrolled({ scrollTop: 300 }, 1000, "textarea") as HTMLTextAreaElement;
    field.focus();
    const select = field.setSelectionRange.bind(field);
    field.setSelectionRange = (...range) => {
      select(...range);
      field.scrollTop = 700;
    };
    place.keep("a", () => Object.assign(field, { value: "new", scrollTop: 200 }));
    expect(field.scrollTop).toBe(200);
  });

  it("of a comm that was closed is kept no more", () => {
    const it_ = scrolled({ scrollTop: 300 });
    place.forget("a");
    place.keep("a", () => Object.assign(it_, { scrollTop: 0 }));
    expect(it_.scrollTop).toBe(0);
  });

  it("is kept no more after the end", () => {
    const it_ = scrolled({ scrollTop: 300 });
    place.dispose();
    place.keep("a", () => Object.assign(it_, { scrollTop: 0 }));
    expect(it_.scrollTop).toBe(0);
  });
});

describe("text that is typed and not told", () => {
  it("stays when the change of another comm writes over it, until somebody leaves the field", () => {
    const field = put("input", "b");
    typeInto(field, "typed");
    field.setSelectionRange(2, 2);
    place.keep("a", () => {
      field.value = "linked";
    });
    expect([field.value, field.selectionStart]).toEqual(["typed", 2]);
    field.blur();
    expect(field.value).toBe("linked");
  });

  it("stays when one change comes within another", () => {
    const field = put("input", "b");
    typeInto(field, "typed");
    place.keep("a", () => {
      place.keep("c", () => undefined);
      field.value = "linked";
      field.blur();
    });
    expect([field.value, document.activeElement]).toEqual(["typed", field]);
    field.blur();
    expect(field.value).toBe("linked");
  });

  it("leaves a framework its own way to a field's value", () => {
    const field = put("input");
    typeInto(field, "typed");
    Object.defineProperty(field, "value", { configurable: true, get: () => "framework's" });
    place.keep("a", () => undefined);
    expect(Object.getOwnPropertyDescriptor(field, "value")?.get?.()).toBe("framework's");
  });
});

describe("a field that cannot be given back", () => {
  it("is heard again all the same", () => {
    const field = put("input");
    field.focus();
    field.setSelectionRange = () => {
      throw new Error("no selection");
    };
    const change = () => {
      field.value = "new";
    };
    expect(() => place.keep("a", change)).toThrow("no selection");
    const heard = vi.fn();
    field.addEventListener("input", heard);
    typeInto(field, "typed");
    expect(heard).toHaveBeenCalled();
  });
});

describe("a message that is sent", () => {
  it.each([
    [false, 1],
    [true, 0],
  ])("tells what was typed, when no value from the document is being set (%j)", (applying, times) => {
    const told = vi.fn();
    const door = { source: new MemorySource(), applying, told } as unknown as CommDoor;
    new DocumentComm("c", "jupyter.widget", door, Promise.resolve()).send({ method: "custom", content: {} });
    expect(told.mock.calls).toEqual(Array(times).fill(["c"]));
  });
});

describe("the models of a document", () => {
  let source: MemorySource;
  let manager: RoomManager;

  beforeEach(() => {
    source = new MemorySource();
    source.opened({ a: { model: "LabelModel", value: "draft" } });
    manager = new RoomManager(source, { root: document });
  });

  afterEach(() => manager.dispose());

  it("let the kernel clear a draft that a message has sent", async () => {
    const model = await manager.get_model("a");
    const field = put("input");
    model.on("change:value", () => {
      field.value = model.get("value");
    });
    typeInto(field, "hello");
    model.send({ say: field.value }, {});
    source.set("a", { value: "" });
    await vi.waitFor(() => expect(model.get("value")).toBe(""));
    expect(field.value).toBe("");
  });

  it("forget where somebody is in a comm that is closed", async () => {
    await manager.get_model("a");
    const forget = vi.spyOn(Place.prototype, "forget");
    source.gone("a");
    expect(forget).toHaveBeenCalledWith("a");
    forget.mockRestore();
  });
});
