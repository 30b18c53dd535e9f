// @vitest-environment jsdom
import { describe, expect, it, vi } from "vitest";
import type { Ended } from "../../src/models/source";
import { staged, widget } from "./setup";

const stage = staged();

const INVOKES = `export default { async initialize({ experimental }) {
  try { trace.push(await experimental.invoke("work", 1, globalThis.options)); }
  catch (error) { trace.push("rejected " + (error.message ?? error)); }
} }`;

interface Command {
  content: { id: string; kind: string; name: string; msg: unknown };
}

/** The command that was sent, when it was. */
async function command(): Promise<Command["content"]> {
  await vi.waitFor(() => expect(stage.source.sent).toHaveLength(1));
  return (stage.source.sent.at(0)?.data as Command | undefined)?.content as Command["content"];
}

function options(value: object | undefined): void {
  Object.assign(globalThis, { options: value });
}

describe("experimental.invoke", () => {
  it("gives the answer and its buffers, also to an initialize that waits for it", async () => {
    options(undefined);
    stage.source.opened({ a: widget(INVOKES) });
    const { id, kind, name, msg } = await command();
    expect([kind, name, msg]).toEqual(["anywidget-command", "work", 1]);
    const buffer = new DataView(new ArrayBuffer(2));
    stage.source.message("a", { method: "custom", content: { id: "another's", response: "no" } });
    stage.source.message("a", { method: "custom", content: { id, response: "yes" } }, [buffer]);
    await vi.waitFor(() => expect(stage.trace).toEqual([["yes", [buffer]]]));
  });

  it("is rejected after 3 s, or with the caller's signal", async () => {
    const timeout = vi
      .spyOn(AbortSignal, "timeout")
      .mockImplementation((ms) => AbortSignal.abort(`${ms} ms`));
    options(undefined);
    stage.source.opened({ a: widget(INVOKES) });
    await vi.waitFor(() => expect(stage.trace).toEqual(["rejected 3000 ms"]));
    timeout.mockRestore();
    const controller = new AbortController();
    options({ signal: controller.signal });
    stage.source.opened({ b: widget(INVOKES) });
    await command();
    controller.abort("enough");
    await vi.waitFor(() => expect(stage.trace.at(-1)).toBe("rejected enough"));
  });

  it("sends nothing when its signal has aborted before", async () => {
    options({ signal: AbortSignal.abort("before") });
    stage.source.opened({ a: widget(INVOKES) });
    await vi.waitFor(() => expect(stage.trace).toEqual(["rejected before"]));
    expect(stage.source.sent).toEqual([]);
  });

  it("is rejected with the reason when there can be no answer", async () => {
    options(undefined);
    let ended: Ended | undefined;
    const send = stage.source.send.bind(stage.source);
    stage.source.send = (commId: string, data: unknown, buffers: readonly ArrayBuffer[], end?: Ended) => {
      ended = end;
      return send(commId, data, buffers);
    };
    stage.source.opened({ a: widget(INVOKES) });
    await command();
    ended?.(new Error("the kernel is gone"));
    await vi.waitFor(() => expect(stage.trace).toEqual(["rejected the kernel is gone"]));
  });
});
