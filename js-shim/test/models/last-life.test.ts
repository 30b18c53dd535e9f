import { describe, expect, it, vi } from "vitest";
import type { Change as RoomChange } from "../../src/document";
import { LastLife } from "../../src/models/last-life";
import type { Change } from "../../src/models/source";
import { MemorySource } from "../models/memory-source";

/** A source whose room tells what a transaction changed, first to the life, as `Room` does. */
function start(isShowing = true) {
  const source = new MemorySource();
  const told: Change[][] = [];
  let listen: (changes: RoomChange[]) => void = () => undefined;
  const room = {
    on: (_name: unknown, listener: unknown) => {
      listen = listener as typeof listen;
      return () => undefined;
    },
  };
  const life = new LastLife(
    room as never,
    Object.assign(Object.create(source), bound(source)),
    () => isShowing,
  );
  life.source.listen({
    changed: (changes) => changes.length > 0 && told.push([...changes]),
    message: vi.fn(),
  });
  const kernel: RoomChange = { kind: "kernel", commId: "k", keys: [] };
  return {
    life,
    told,
    close(commId: string, lifeEnds: boolean) {
      listen(
        lifeEnds ? [{ kind: "closed", commId, keys: [] }, kernel] : [{ kind: "closed", commId, keys: [] }],
      );
      source.gone(commId);
    },
    open(commId: string) {
      listen([{ kind: "opened", commId, keys: [] }]);
      source.opened({ [commId]: {} });
    },
  };
}

/** The methods of a source as properties, as `fromRoom` has them. */
function bound(source: MemorySource): object {
  return { listen: source.listen.bind(source) };
}

const kinds = (told: Change[][]) => told.flat().map(({ kind, commId }) => `${kind} ${commId}`);

describe("the last life", () => {
  it("S40: is kept when its kernel's next one begins, until it is let go", () => {
    const { life, told, close, open } = start();
    close("a", true);
    expect([life.isKept, kinds(told)]).toEqual([true, []]);
    open("b");
    expect(kinds(told)).toEqual(["opened b"]);
    life.release();
    expect([life.isKept, kinds(told)]).toEqual([false, ["opened b", "closed a"]]);
  });

  it("is what was displayed: nothing is kept of one that displayed nothing", () => {
    const { life, told, close } = start(false);
    close("a", true);
    expect([life.isKept, kinds(told)]).toEqual([false, ["closed a"]]);
  });

  it("doesn't keep what is closed while the kernel lives", () => {
    const { life, told, close } = start();
    close("a", false);
    expect([life.isKept, kinds(told)]).toEqual([false, ["closed a"]]);
  });

  it("S22: is one life, however many follow that display nothing", () => {
    const { told, close, open } = start();
    close("a", true);
    for (let n = 0; n < 50; n++) {
      open(`b${n}`);
      close(`b${n}`, true);
    }
    expect(kinds(told)).toHaveLength(100);
    expect(kinds(told)).not.toContain("closed a");
  });

  it("S09: ends for a comm that opens again under its id", () => {
    const { told, close, open } = start();
    close("a", true);
    open("a");
    expect(kinds(told)).toEqual(["closed a", "opened a"]);
  });
});
