import { expect, test } from "vitest";
import { Heard } from "../../src/window/heard";

test("S25 a message that is said again is not taken twice, and what was left out is told", () => {
  const heard = new Heard();
  expect(heard.joined("s", 5)).toBe(0);
  expect([6, 7, 6, 7, 8, 11].map((number) => heard.gap("s", number))).toEqual([0, 0, null, null, 0, 2]);
  expect([1, 2].map((number) => heard.gap("another", number))).toEqual([0, 0]);
});

test("S09 a window that comes back knows how many messages it has missed", () => {
  const heard = new Heard();
  heard.joined("s", 5);
  heard.gap("s", 6);
  expect(heard.joined("s", 20)).toBe(14);
  expect(heard.gap("s", 21)).toBe(0);
  // A room that starts anew knows of none; what the bridge repeats is known here.
  expect(heard.joined("", 0)).toBe(0);
  expect([21, 22].map((number) => heard.gap("s", number))).toEqual([null, 0]);
  expect(heard.joined("s", 3)).toBe(0);
  expect(heard.gap("s", 23)).toBe(0);
});
