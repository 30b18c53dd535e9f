// @vitest-environment jsdom
// biome-ignore-start assist/source/organizeImports: the packages touch the DOM when they load
import "./dom";
// biome-ignore-end assist/source/organizeImports: see above
import { Widget } from "@lumino/widgets";
import { afterEach, expect, it, vi } from "vitest";
import { RoomManager } from "../../src/models/manager";
import { MemorySource } from "./memory-source";

const COUNT = 10;

afterEach(() => {
  vi.restoreAllMocks();
  document.body.replaceChildren();
});

/** Sliders in the page, and a way to let it have a frame when the test says so. */
async function sliders() {
  const frames: FrameRequestCallback[] = [];
  vi.spyOn(globalThis, "requestAnimationFrame").mockImplementation((frame) => frames.push(frame));
  const source = new MemorySource();
  const ids = Array.from({ length: COUNT }, (_, n) => `s${n}`);
  const state = { model: "IntSliderModel", min: 0, max: 1000, value: 0, readout: true };
  source.opened(Object.fromEntries(ids.map((id) => [id, state])));
  const manager = new RoomManager(source, { root: document });
  const models = await Promise.all(ids.map((id) => manager.get_model(id)));
  const views = await Promise.all(models.map((model) => manager.create_view(model)));
  for (const { luminoWidget } of views as unknown as { luminoWidget: Widget }[])
    Widget.attach(luminoWidget, document.body);
  const readouts = views.map(({ el }) => el.querySelector(".widget-readout") as HTMLElement);
  const move = async (value: number) => {
    for (const id of ids) source.set(id, { value });
    await vi.waitFor(() => expect(readouts.map((it) => it.textContent)).toEqual(ids.map(() => `${value}`)));
  };
  const frame = () => frames.splice(0).forEach((each) => void each(0));
  return { move, frame, frames, readouts };
}

it("readouts that were written many times in a frame are measured once each, all of them together", async () => {
  const { move, frame, frames } = await sliders();
  await move(1);
  frame();
  const widths = vi.spyOn(HTMLElement.prototype, "scrollWidth", "get").mockReturnValue(0);
  for (let value = 2; value < 8; value++) await move(value);
  expect(widths).not.toHaveBeenCalled();
  expect(frames).toHaveLength(1);
  frame();
  expect(widths).toHaveBeenCalledTimes(COUNT);
  frame();
  expect(widths).toHaveBeenCalledTimes(COUNT);
});

it("a readout that is too narrow for its text says so, until it isn't", async () => {
  const { move, frame, readouts } = await sliders();
  const says = () => readouts.map((it) => it.classList.contains("overflow"));
  const widths = vi.spyOn(HTMLElement.prototype, "scrollWidth", "get").mockReturnValue(99);
  await move(500);
  frame();
  expect(says()).toEqual(readouts.map(() => true));
  widths.mockReturnValue(0);
  await move(5);
  frame();
  expect(says()).toEqual(readouts.map(() => false));
});
