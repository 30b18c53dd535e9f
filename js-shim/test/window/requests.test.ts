import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { RequestError } from "../../src/window/errors";
import type { FromWindow } from "../../src/window/messages";
import { type MessageFrame, Requests } from "../../src/window/requests";

let sent: FromWindow[];
let reread: [string, string[]][];
let requests: Requests;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  reread = [];
  let count = 0;
  requests = new Requests({
    send: (message) => {
      sent.push(message);
    },
    reread: (commId, keys) => reread.push([commId, keys.sort()]),
    newId: () => `r${++count}`,
    expireMs: 10_000,
  });
  requests.resume();
});

afterEach(() => {
  vi.useRealTimers();
});

const frame: MessageFrame = (data, buffers) => ({ type: "message", data, buffers });
const states = (): unknown[] =>
  sent.map((message) => (message.type === "request" ? message.state : message.type));
const failure = async (promise: Promise<unknown>): Promise<RequestError> => {
  const error = await promise.then(
    () => null,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(RequestError);
  return error;
};

test("S11 while a request is under way, of the later ones for the same keys only the last is sent", async () => {
  const handles = [1, 2, 3, 4].map((value) => requests.request("a", { value }));
  expect(states()).toEqual([{ value: 1 }]);
  requests.accepted("r1");
  expect(states()).toEqual([{ value: 1 }, { value: 4 }]);
  requests.accepted("r4");
  requests.settled("r4", { state: { value: 3 } });
  await expect(handles[1]?.settled).resolves.toEqual({ state: { value: 3 } });
});

test("S49 requests for different keys are never combined, and stay in order", () => {
  requests.request("a", { value: 50 });
  requests.request("a", { step: -1 });
  requests.request("a", { value: 51 });
  requests.accepted("r1");
  requests.accepted("r2");
  expect(states()).toEqual([{ value: 50 }, { step: -1 }, { value: 51 }]);
});

test("S49 a request is dropped only when all of its keys are in later ones", () => {
  requests.request("a", { first: 0 });
  requests.request("a", { value: 1, step: 1 });
  requests.request("a", { value: 2 });
  requests.request("a", { step: 2 });
  for (const id of ["r1", "r3", "r4"]) requests.accepted(id);
  expect(states()).toEqual([{ first: 0 }, { value: 2 }, { step: 2 }]);
});

test("S49 a request of which one key is not in later ones stays", () => {
  requests.request("a", { first: 0 });
  requests.request("a", { value: 1, step: 1 });
  requests.request("a", { value: 2 });
  for (const id of ["r1", "r2"]) requests.accepted(id);
  expect(states()).toEqual([{ first: 0 }, { value: 1, step: 1 }, { value: 2 }]);
});

test("S24, S49 also without a connection nothing is dropped across a message", () => {
  requests.suspend();
  requests.request("a", { value: 1 });
  requests.message("m", "a", {}, [], frame);
  requests.request("a", { value: 2 });
  requests.resume();
  requests.accepted("r1");
  expect(states()).toEqual([{ value: 1 }, "message", { value: 2 }]);
});

test("S24 a message sends what waits before it, and nothing is dropped across it", () => {
  requests.request("a", { value: 1 });
  requests.request("a", { value: 2 });
  requests.message("m", "a", { go: true }, [], frame);
  requests.request("a", { value: 3 });
  expect(states()).toEqual([{ value: 1 }, { value: 2 }, "message"]);
  requests.accepted("r1");
  expect(sent.length).toBe(3);
  requests.accepted("r2");
  expect(states().at(-1)).toEqual({ value: 3 });
});

test("comms don't wait for one another", () => {
  requests.request("a", { value: 1 });
  requests.request("b", { value: 2 });
  expect(states()).toEqual([{ value: 1 }, { value: 2 }]);
});

test("S12 a key with an open request ignores the document, and is read again when that is accepted, changed or not", () => {
  requests.request("a", { value: 700 });
  const change = { kind: "updated" as const, commId: "a", keys: ["value", "max"] };
  expect(requests.filter([change])).toEqual([{ ...change, keys: ["max"] }]);
  expect(requests.masked("a", "value")).toBe(true);
  requests.accepted("r1");
  expect(requests.masked("a", "value")).toBe(false);
  requests.settled("r1", { state: { value: 100 } });
  expect(reread).toEqual([
    ["a", ["value"]],
    ["a", ["value"]],
  ]);
});

test("S12 only the newest request frees the key", () => {
  requests.request("a", { value: 1 });
  requests.request("a", { value: 2 });
  requests.accepted("r1");
  expect([reread, requests.masked("a", "value")]).toEqual([[], true]);
  requests.accepted("r2");
  expect(reread).toEqual([["a", ["value"]]]);
});

test("S12 a held control keeps its keys until it is let go, also when requests end meanwhile", () => {
  const release = requests.hold("a", ["value"]);
  requests.request("a", { value: 1 });
  requests.accepted("r1");
  requests.settled("r1", {});
  expect(requests.filter([{ kind: "updated", commId: "a", keys: ["value"] }])).toEqual([]);
  expect(reread).toEqual([]);
  release();
  release();
  expect(reread).toEqual([["a", ["value"]]]);
});

test("S12 a hold without keys holds what changes or is asked for", () => {
  const release = requests.hold("a");
  requests.filter([{ kind: "updated", commId: "a", keys: ["x", "y"] }]);
  requests.request("a", { z: 1 });
  requests.accepted("r1");
  release();
  expect(reread).toEqual([["a", ["x", "y", "z"]]]);
});

test("other changes pass whatever is masked", () => {
  requests.hold("a");
  const closed = { kind: "closed" as const, commId: "a", keys: [] };
  expect(requests.filter([closed])).toEqual([closed]);
});

test("a failed request rejects and its keys go back to the document's", async () => {
  const handle = requests.request("a", { value: 1 });
  requests.failed("r1", "kernel_gone", "the kernel is gone");
  expect((await failure(handle.settled)).code).toBe("kernel_gone");
  expect((await failure(handle.accepted)).message).toContain("comm a");
  expect(reread).toEqual([["a", ["value"]]]);
});

test("a request that the room dropped for a later one ends as that one does", async () => {
  const first = requests.request("a", { value: 1 });
  requests.accepted("r1");
  requests.request("a", { value: 2 });
  requests.accepted("r2");
  requests.failed("r1", "superseded", "later requests have all of its keys");
  requests.settled("r2", { state: { value: 2 } });
  await expect(first.settled).resolves.toEqual({ state: { value: 2 } });
});

test("S09 after a reconnect what had no final answer is asked again under its id, in order, then what waits", () => {
  requests.request("a", { value: 1 });
  requests.accepted("r1");
  requests.request("a", { value: 2 });
  requests.request("a", { value: 3 });
  requests.suspend();
  sent.length = 0;
  requests.resume();
  expect(sent.map((message) => (message.type === "request" ? message.request_id : ""))).toEqual(["r1", "r2"]);
  requests.accepted("r1");
  requests.accepted("r2");
  expect(states().at(-1)).toEqual({ value: 3 });
});

test("S28 without a connection for 10 s requests and messages fail, and the document's values are shown", async () => {
  requests.suspend();
  const handle = requests.request("a", { value: 1 });
  const message = requests.message("m", "a", {}, [], frame);
  vi.advanceTimersByTime(9_999);
  expect(reread).toEqual([]);
  vi.advanceTimersByTime(1);
  expect((await failure(handle.settled)).code).toBe("expired");
  expect((await failure(message.settled)).code).toBe("expired");
  expect((await failure(message.sent)).code).toBe("expired");
  expect(reread).toEqual([["a", ["value"]]]);
  requests.resume();
  expect(sent).toEqual([]);
});

test("S09 a connection that comes back in time sends them", () => {
  requests.suspend();
  requests.request("a", { value: 1 });
  vi.advanceTimersByTime(9_000);
  requests.resume();
  vi.advanceTimersByTime(9_000);
  expect(states()).toEqual([{ value: 1 }]);
  expect(reread).toEqual([]);
});

test("what is refused on sending fails by itself; the next goes on", async () => {
  requests.options.send = (message) => {
    if (message.type === "request" && message.state.value === "big")
      throw new RequestError("too big", "too_large", "a");
    sent.push(message);
  };
  const big = requests.request("a", { value: "big" });
  requests.request("a", { value: 1 });
  expect((await failure(big.settled)).code).toBe("too_large");
  expect(states()).toEqual([{ value: 1 }]);
});

test("S22 nothing is kept of comms whose requests are over", () => {
  for (let n = 0; n < 100; n++) {
    requests.request(`c${n}`, { value: n });
    requests.accepted(`r${n + 1}`);
    requests.settled(`r${n + 1}`, {});
    requests.message(`m${n}`, `c${n}`, {}, [], frame);
  }
  expect(requests.openComms).toBe(0);
});

const ids = (): string[] => sent.map((message) => ("message_id" in message ? message.message_id : "request"));
const send = (id: string, commId = "a", bytes = 1) =>
  requests.message(id, commId, {}, [new Uint8Array(bytes)], frame);

test("S25 as many messages are under way as the kernel should have of one window, over all comms", async () => {
  requests.limit(3, 1_000);
  const handles = ["m1", "m2", "m3", "m4", "m5"].map((id, n) => send(id, n % 2 === 0 ? "a" : "b"));
  requests.request("a", { value: 1 });
  expect(ids()).toEqual(["m1", "m2", "m3"]);
  requests.settled("m1", {});
  requests.settled("m2", { error: "ValueError" });
  expect(ids()).toEqual(["m1", "m2", "m3", "m4", "m5", "request"]);
  await expect(handles[0]?.settled).resolves.toEqual({});
  await expect(handles[1]?.settled).resolves.toEqual({ error: "ValueError" });
  for (const id of ["m3", "m4", "m5"]) requests.settled(id, {});
  requests.accepted("r1");
  requests.settled("r1", {});
  expect(requests.openComms).toBe(0);
});

test("S25 of large messages fewer are under way; a first one always goes", () => {
  requests.limit(3, 1_000);
  for (const id of ["m1", "m2", "m3"]) send(id, "a", 800);
  expect(ids()).toEqual(["m1", "m2"]);
  requests.settled("m1", {});
  requests.settled("m2", {});
  expect(ids()).toEqual(["m1", "m2", "m3"]);
});

test("S09 messages without an answer are sent again on the next connection, under their ids and in order", async () => {
  requests.limit(3, 1_000);
  const [first, second] = ["m1", "m2", "m3", "m4"].map((id) => send(id));
  await second?.sent;
  requests.settled("m1", {});
  sent.length = 0;
  requests.suspend();
  send("m5");
  requests.resume();
  expect(ids()).toEqual(["m2", "m3", "m4"]);
  await first?.settled;
  requests.settled("m2", {});
  expect(ids()).toEqual(["m2", "m3", "m4", "m5"]);
});

test("S28 a message fails with the room's reason", async () => {
  requests.limit(3, 1_000);
  const handle = send("m1");
  requests.failed("m1", "kernel_gone", "the kernel has died");
  expect((await failure(handle.settled)).message).toBe("comm a: the kernel has died");
  expect(requests.openComms).toBe(0);
});

test("what this window keeps of messages is bounded, and who sends is told", async () => {
  requests.limit(1, 1_000);
  const most = 64 * 1024 * 1024;
  send("m1", "a", most - 1_000);
  const handles = [send("m2", "a", 1_000), send("m3", "a", 1)];
  expect((await failure((handles[1] as (typeof handles)[0]).sent)).code).toBe("too_large");
  requests.settled("m1", {});
  expect(ids()).toEqual(["m1", "m2"]);
  send("m4", "a", 1_000);
  requests.settled("m2", {});
  expect(ids()).toEqual(["m1", "m2", "m4"]);
});

test("with a room that names no limit a message is over when it was sent", async () => {
  const handle = send("m1");
  await handle.sent;
  await handle.settled;
  expect(requests.openComms).toBe(0);
});

test("who asks again while it is told that it can't be sent loses nothing", () => {
  const refuses = new Requests({
    send: (message) => {
      if (message.type === "request" && "big" in message.state)
        throw new RequestError("too large", "too_large", message.comm_id);
      sent.push(message);
    },
    reread: (commId, keys) => {
      if (keys.includes("big")) refuses.request(commId, { small: 1 });
    },
    newId: () => `r${refuses.openComms}-${sent.length}`,
    expireMs: 10_000,
  });
  refuses.resume();
  refuses.request("a", { big: 1 });
  expect(refuses.masked("a", "small")).toBe(true);
  refuses.request("a", { other: 2 });
  expect(states()).toEqual([{ small: 1 }]);
});
