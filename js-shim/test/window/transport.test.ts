import { expect, test } from "vitest";
import { readLink } from "../../src/window/transport";

test.each([
  ["http://127.0.0.1:8888/commdoc/rooms/r1/#token=abc", "ws://127.0.0.1:8888/commdoc/rooms/r1/ws", "abc"],
  ["https://host/base/commdoc/rooms/r1#token=a%2Fb", "wss://host/base/commdoc/rooms/r1/ws", "a/b"],
  ["ws://127.0.0.1:1/commdoc/rooms/r1/ws", "ws://127.0.0.1:1/commdoc/rooms/r1/ws", ""],
])("a page link names the socket and the token: %s", (link, socket, token) => {
  expect(readLink(link)).toEqual({ socket, token });
});

test("S47 a token in the query is not a token, and is not passed on", () => {
  expect(readLink("http://h/commdoc/rooms/r/?token=abc")).toEqual({
    socket: "ws://h/commdoc/rooms/r/ws",
    token: "",
  });
});
