// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answer, FrameWatch } from "../../src/viewer/frame-watch";

/** Two ports that hand on at once, so that time is the test's. */
function ports(): [MessagePort, MessagePort] {
  const make = () => ({ onmessage: null, other: null, closed: false }) as unknown as Record<string, unknown>;
  const [one, two] = [make(), make()];
  for (const [from, to] of [
    [one, two],
    [two, one],
  ] as const) {
    from.postMessage = (data: unknown) => (to.onmessage as ((event: object) => void) | null)?.({ data });
    from.close = () => {
      from.onmessage = null;
    };
  }
  return [one, two] as unknown as [MessagePort, MessagePort];
}

let said: (string | null)[];
let page: MessagePort;
let frame: MessagePort;
let watch: FrameWatch;
let whole: boolean;

beforeEach(() => {
  vi.useFakeTimers();
  said = [];
  whole = true;
  [page, frame] = ports();
  watch = new FrameWatch(page, (trouble) => said.at(-1) !== trouble && said.push(trouble));
});

afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

describe("the watch over the frame", () => {
  it("is content while the frame answers", () => {
    answer(frame, () => whole);
    vi.advanceTimersByTime(60_000);
    expect(said).toEqual([null]);
  });

  it("says within seconds that the frame was written over, or has left", () => {
    answer(frame, () => whole);
    whole = false;
    vi.advanceTimersByTime(2000);
    expect(said).toEqual(["overwritten"]);
    window.dispatchEvent(new Event("pagehide"));
    expect(said).toEqual(["overwritten", "left"]);
  });

  it("tells the frame how it is to look, which is no question", () => {
    const looks: object[] = [];
    answer(
      frame,
      () => whole,
      (look) => looks.push(look),
    );
    watch.look({ theme: "dark" });
    expect(looks).toEqual([{ theme: "dark" }]);
    expect(said).toEqual([]);
  });

  it("says that a frame is silent, and takes it back when it answers", () => {
    vi.advanceTimersByTime(8000);
    expect(said).toEqual([]);
    vi.advanceTimersByTime(2000);
    expect(said).toEqual(["silent"]);
    answer(frame, () => whole);
    vi.advanceTimersByTime(2000);
    expect(said).toEqual(["silent", null]);
  });

  it("is patient with a page that nobody looks at", () => {
    const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
    vi.advanceTimersByTime(600_000);
    hidden.mockReturnValue(false);
    vi.advanceTimersByTime(7000);
    expect(said).toEqual([]);
  });

  it("is over when it is stopped", () => {
    watch.stop();
    vi.advanceTimersByTime(60_000);
    expect(said).toEqual([]);
  });
});
