// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import type { Renderer } from "../../src/lab/stock";
import { Views } from "../../src/lab/views";

const WIDGET = "application/vnd.jupyter.widget-view+json";

let brings: boolean;
let there: boolean;
let rendered: number;
let renderer: Renderer;

/** What JupyterLab does: it looks for the model, pauses, and gives up. */
async function stock(pause: () => void): Promise<void> {
  rendered += 1;
  const found = there;
  pause();
  renderer.node.textContent = found ? "the widget" : "Error displaying widget: model not found";
}

async function render(pause: () => void): Promise<string | null> {
  const views = new Views(
    () => brings && !there,
    () => brings && there,
    () => false,
  );
  const model = { data: { [WIDGET]: { model_id: "a" } } };
  await views.render(
    renderer,
    model as never,
    () => stock(pause),
    () => true,
  );
  return renderer.node.textContent;
}

beforeEach(() => {
  brings = there = false;
  rendered = 0;
  const disposed = { connect: () => true };
  renderer = { node: document.createElement("div"), mimeType: WIDGET, disposed } as never;
});

describe("the view of a widget", () => {
  it("is shown when the document brought its model while JupyterLab gave it up", async () => {
    const shown = await render(() => {
      brings = there = true;
    });
    expect(shown).toBe("the widget");
  });

  it("stays as JupyterLab makes it without a document", async () => {
    const shown = await render(() => {
      there = true;
    });
    expect(shown).toBe("Error displaying widget: model not found");
    expect(rendered).toBe(1);
  });
});
