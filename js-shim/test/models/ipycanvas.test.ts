import { describe, expect, it } from "vitest";
import { type ModelClass, mendedClass } from "../../src/models/mended";

/** What ipycanvas' models do: encode what is drawn, and save it when that is done. */
class Canvas {
  drawn = "nothing";
  readonly saved: string[] = [];
  readonly encoding: (() => void)[] = [];

  async syncImageData(): Promise<void> {
    const { drawn } = this;
    await new Promise<void>((resolve) => {
      this.encoding.push(resolve);
    });
    this.saved.push(drawn);
  }

  async drawImageData(): Promise<void> {}

  draw(what: string): void {
    this.drawn = what;
    this.syncImageData();
  }
}

/** The browser is done with the picture that was begun last. */
async function encoded(canvas: Canvas): Promise<void> {
  canvas.encoding.pop()?.();
  await new Promise((resolve) => setTimeout(resolve));
}

describe("the image of a canvas", () => {
  it.each(["CanvasModel", "RoughCanvasModel", "MultiCanvasModel"])(
    "ends as what was drawn last, whichever picture is encoded first (%s)",
    async (name) => {
      const Coping = mendedClass(
        "ipycanvas",
        name,
        Canvas as unknown as ModelClass,
      ) as unknown as typeof Canvas;
      const canvas = new Coping();
      for (const what of ["a line", "a circle", "a text"]) canvas.draw(what);
      while (canvas.encoding.length > 0) await encoded(canvas);
      expect(canvas.saved).toEqual(["a line", "a text"]);
      canvas.draw("nothing again");
      await encoded(canvas);
      expect(canvas.saved.at(-1)).toBe("nothing again");
    },
  );
});
