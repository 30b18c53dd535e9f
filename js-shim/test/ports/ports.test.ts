import { afterEach, expect, test } from "vitest";
import { pipePort, portConnect } from "../../src/ports";
import { joinRoom } from "../../src/window/room";
import { webSocketConnect } from "../../src/window/transport";
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
