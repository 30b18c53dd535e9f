import { describe, expect, it } from "vitest";
import { type CommDoor, DocumentComm } from "../../src/models/document-comm";
import { MemorySource } from "./memory-source";

const MB = 1024 * 1024;

function buffer(bytes: number): DataView {
  return { byteLength: bytes } as DataView; // nobody reads what is in it
}

function comm(ready: Promise<unknown>): { comm: DocumentComm; taken: unknown[]; said: string[] } {
  const taken: unknown[] = [];
  const said: string[] = [];
  const door = {
    failed: (_commId: string, doing: string, error: Error) => said.push(`${doing}: ${error.message}`),
  };
  const it = new DocumentComm("c", "jupyter.widget", door as unknown as CommDoor, ready);
  it.on_msg((message) => taken.push((message as { content: { data: unknown } }).content.data));
  return { comm: it, taken, said };
}

describe("S10: messages for a model that is slower than they come", () => {
  it("are left out past the limit, said once, and those that were kept come in order", async () => {
    let begin: () => void = () => undefined;
    const {
      comm: slow,
      taken,
      said,
    } = comm(
      new Promise<void>((resolve) => {
        begin = resolve;
      }),
    );
    for (let n = 0; n < 5; n++) slow.message(n, [buffer(30 * MB)]);
    expect(said).toEqual([
      "taking all messages: they come faster than the model takes them; from here on some are left out",
    ]);
    begin();
    await slow.settled();
    expect(taken).toEqual([0, 1]);
    slow.message("after", [buffer(30 * MB)]);
    await slow.settled();
    expect(taken).toEqual([0, 1, "after"]);
  });

  it("one that is larger than the limit comes alone", async () => {
    const { comm: it_, taken } = comm(Promise.resolve());
    it_.message("large", [buffer(100 * MB)]);
    await it_.settled();
    expect(taken).toEqual(["large"]);
  });
});

describe("a message that is sent", () => {
  it("has of a typed array in its content what JSON has of it; bytes are in its buffers", () => {
    const source = new MemorySource();
    const it_ = new DocumentComm("c", "jupyter.widget", { source } as unknown as CommDoor, Promise.resolve());
    const content = { at: [new Float32Array([0.5, 2])], left: undefined, none: Number.NaN };
    it_.send({ method: "custom", content }, {}, {}, [new Uint8Array([1, 2, 3]).subarray(1)]);
    const [{ data, buffers }] = source.sent as [(typeof source.sent)[number]];
    expect(data).toEqual({ method: "custom", content: { at: [{ 0: 0.5, 1: 2 }], none: null } });
    expect(buffers.map((each) => [...new Uint8Array(each)])).toEqual([[2, 3]]);
  });
});

describe("an update that comes as a message", () => {
  it("is delivered with its bytes in their places, and is not read from the document", async () => {
    const { comm: it_, taken } = comm(Promise.resolve());
    const bytes = new DataView(new ArrayBuffer(2));
    it_.message({ method: "update", state: { do: { what: 1 } }, buffer_paths: [["do", "raw"]] }, [bytes]);
    it_.message({ method: "update", state: { do: null } }, []);
    await it_.settled();
    expect(taken).toEqual([
      { method: "update", state: { do: { what: 1, raw: bytes } }, buffer_paths: [] },
      { method: "update", state: { do: null }, buffer_paths: [] },
    ]);
  });
});
