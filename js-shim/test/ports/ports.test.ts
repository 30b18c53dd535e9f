import { afterEach, expect, test, vi } from "vitest";
import { BURST_BYTES, type PortLike, pipePort, portConnect, STALL_MS, WAITING_BYTES } from "../../src/ports";
import { joinRoom } from "../../src/window/room";
import { type TransportEvents, webSocketConnect } from "../../src/window/transport";
import { MemoryRoom } from "../window/memory-room";

const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** The page's and the frame's end of a channel, as a browser makes them. */
function channel(): MessageChannel {
  const made = new MessageChannel();
  ends.push(() => made.port1.close());
  return made;
}

test("a window behind a port joins, sees, asks, and comes back when the page's socket was cut", async () => {
  const host = new MemoryRoom();
  host.writer.open("slider", { value: 5 });
  const { port1, port2 } = channel();
  ends.push(pipePort(port1, host.connect));
  const room = await joinRoom(portConnect(port2), { backOffMs: [1, 5] });
  ends.push(() => room.close());
  expect(room.comms.toJSON()).toEqual(host.writer.plain());
  const { settled } = room.request("slider", { value: 6, data: new Uint8Array([1, 2]) });
  const { request_id } = await host.next("request");
  expect([...(host.heard.at(-1)?.buffers[0] ?? [])]).toEqual([1, 2]);
  host.settle(request_id, "slider", { value: 6 });
  await settled;
  for (const peer of host.peers) peer.close(1006);
  host.writer.update("slider", { value: 7 });
  while (room.comms.get("slider")?.encoded("value") !== 7)
    await new Promise((resolve) => setTimeout(resolve, 1));
  expect(host.connections).toBe(2);
});

test("a window that leaves closes the page's socket; the page that leaves ends the window's", async () => {
  const host = new MemoryRoom();
  const { port1, port2 } = channel();
  const stop = pipePort(port1, host.connect);
  const room = await joinRoom(portConnect(port2), { backOffMs: [1, 5] });
  room.close();
  while (host.peers.size > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  stop();
  expect(room.status).toBe("closed");
});

test("S47 whoever is behind the port can't leave sockets open with a close that browsers refuse", async () => {
  const open = new Set<object>();
  class PickySocket {
    constructor() {
      open.add(this);
    }
    send(): void {}
    close(code = 1000, reason = ""): void {
      if (code !== 1000 && (code < 3000 || code > 4999)) throw new DOMException("code", "InvalidAccessError");
      if (new TextEncoder().encode(reason).length > 123) throw new DOMException("reason", "SyntaxError");
      open.delete(this);
    }
  }
  const { port1, port2 } = channel();
  let count = 0;
  const connect = webSocketConnect({ socket: "ws://h/ws", token: "t" }, PickySocket as never);
  const counted: typeof connect = (events) => {
    count++;
    return connect(events);
  };
  ends.push(pipePort(port1, counted));
  const closes = [
    { code: 77, reason: "x" },
    { code: 1000, reason: "漢".repeat(100) },
    { code: 1000, reason: 5 },
  ];
  closes.forEach((close, id) => {
    port2.postMessage({ commdoc: "open", id });
    port2.postMessage({ commdoc: "close", id, ...close });
  });
  port2.postMessage({ commdoc: "open", id: 99 });
  while (count < 4) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(open.size).toBe(1);
});

const MB = 2 ** 20;

/** A page whose socket a test speaks for, and a frame that reads what is posted when the test says so. */
function pipe() {
  const page: PortLike = { onmessage: null, postMessage: (message) => void posted.push(message) };
  const frame: PortLike = {
    onmessage: null,
    postMessage: (message) => page.onmessage?.({ data: message } as MessageEvent),
  };
  const posted: unknown[] = [];
  const closed: number[] = [];
  const heard: (string | number)[] = [];
  const sockets: TransportEvents[] = [];
  pipePort(page, (events) => {
    sockets.push(events);
    return { send: () => undefined, close: (code) => void closed.push(code) };
  });
  portConnect(frame)({
    open: () => undefined,
    frame: (data) => heard.push(data.length),
    close: (code) => heard.push(code),
  });
  return {
    closed,
    heard,
    posted,
    say: (message: unknown) => page.onmessage?.({ data: message } as MessageEvent),
    come: (bytes: number) => sockets[0]?.frame(new Uint8Array(bytes)),
    read(count = Infinity) {
      for (const data of posted.splice(0, count)) frame.onmessage?.({ data } as MessageEvent);
    },
  };
}

test("for a frame that stands still the page closes the socket before its memory is full", () => {
  const now = vi.spyOn(performance, "now").mockReturnValue(0);
  const { closed, come, heard, posted, read } = pipe();
  for (let n = 0; n < WAITING_BYTES / MB + 1; n++) come(MB);
  expect(closed).toEqual([]);
  now.mockReturnValue(STALL_MS);
  come(MB);
  expect(closed).toEqual([4408]);
  const waiting = posted.length;
  come(MB);
  expect(posted).toHaveLength(waiting);
  read();
  expect(heard.filter((it) => it === MB)).toHaveLength(WAITING_BYTES / MB + 2);
  expect(heard.at(-1)).toBe(4408);
  now.mockRestore();
});

test("a burst closes nobody while it is read, and has an end", () => {
  const now = vi.spyOn(performance, "now").mockReturnValue(0);
  const { closed, come, read } = pipe();
  for (let n = 0; n < 100; n++) come(MB);
  for (let n = 0; n < 300; n++) {
    now.mockReturnValue(n * 1000);
    come(MB);
    read(1);
  }
  expect(closed).toEqual([]);
  for (let n = 0; n < BURST_BYTES / MB; n++) come(MB);
  expect(closed).toEqual([4408]);
  now.mockRestore();
});

test("small frames that are read are not counted as waiting", () => {
  const { closed, come, read } = pipe();
  const count = (2 * BURST_BYTES) / 10_000;
  for (let n = 0; n < count; n++) {
    come(10_000);
    read();
  }
  expect(closed).toEqual([]);
});

test.each([1e18, -1, Number.NaN, "all"])("who says that it took %s bytes keeps no socket open", (bytes) => {
  const { closed, come, say } = pipe();
  for (let n = 0; n <= BURST_BYTES / MB; n++) {
    come(MB);
    say({ commdoc: "taken", id: 1, bytes });
    if (n < WAITING_BYTES / MB) expect(closed).toEqual([]);
  }
  expect(closed).toEqual([4408]);
});
