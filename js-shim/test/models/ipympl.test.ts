import { describe, expect, it } from "vitest";
import { type ModelClass, mendedClass } from "../../src/models/mended";

/** What ipympl's figure does: one image, which forgets what it was loading when it gets something new. */
class Figure {
  readonly image = new EventTarget();
  readonly painted: string[] = [];
  waiting_for_image = false;
  asked = 0;
  private loading = "";

  constructor() {
    this.send_draw_message();
  }

  handle_binary(picture: string): void {
    if (picture === "no picture") throw new Error("not even bytes");
    this.loading = picture;
    this.waiting_for_image = false;
  }

  send_draw_message(): void {
    if (this.waiting_for_image) return;
    this.waiting_for_image = true;
    this.asked += 1;
  }

  /** The browser has decoded what is in the image by now, or could not. */
  decoded(end: "load" | "error" = "load"): void {
    if (end === "load") this.painted.push(this.loading);
    this.image.dispatchEvent(new Event(end));
  }
}

function figure(): Figure {
  const Stock = Figure as unknown as ModelClass;
  return new (mendedClass("jupyter-matplotlib", "MPLCanvasModel", Stock) as unknown as typeof Figure)();
}

describe("a figure", () => {
  it("paints each picture, in the order in which they came", () => {
    const it = figure();
    for (const picture of ["all", "a line moves", "nothing"]) it.handle_binary(picture);
    for (let n = 0; n < 3; n += 1) it.decoded();
    expect(it.painted).toEqual(["all", "a line moves", "nothing"]);
    it.handle_binary("another");
    it.decoded();
    expect(it.painted.at(-1)).toBe("another");
  });

  it("goes on after one that is no picture", () => {
    const it = figure();
    it.handle_binary("all");
    it.handle_binary("a broken one");
    it.handle_binary("the last");
    it.decoded();
    it.decoded("error");
    it.decoded();
    expect(it.painted).toEqual(["all", "the last"]);
    expect(() => it.handle_binary("no picture")).toThrow("not even bytes");
    it.handle_binary("a good one");
    it.decoded();
    expect(it.painted.at(-1)).toBe("a good one");
  });

  it("asks for the next picture when it has painted those that came, and once", () => {
    const it = figure();
    expect(it.asked, "when it was made").toBe(1);
    it.handle_binary("all");
    it.handle_binary("what another window has asked for");
    it.send_draw_message();
    it.send_draw_message();
    it.decoded();
    expect(it.asked).toBe(1);
    it.decoded();
    expect(it.asked).toBe(2);
    it.send_draw_message();
    expect(it.asked, "one is on its way").toBe(2);
  });

  it("is ipympl's alone, and mended once", () => {
    const Stock = Figure as unknown as ModelClass;
    expect(mendedClass("another", "MPLCanvasModel", Stock)).toBe(Stock);
    const mended = mendedClass("jupyter-matplotlib", "MPLCanvasModel", Stock);
    expect(mended).not.toBe(Stock);
    expect(mendedClass("jupyter-matplotlib", "MPLCanvasModel", Stock)).toBe(mended);
    expect(mendedClass("jupyter-matplotlib", "MPLCanvasModel", mended)).toBe(mended);
  });
});
