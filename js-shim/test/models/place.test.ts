// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { mapping } from "../../src/models/place";

describe("a caret in a text that becomes another one", () => {
  it.each([
    ["one two", "zero one two", 4, 9],
    ["one two", "one two three", 3, 3],
    ["one two", "one two three", 7, 13],
    ["one two", "one", 5, 3],
    ["abc", "ABC", 3, 3],
    ["", "kernel", 0, 6],
    ["aaa", "aa", 1, 1],
  ])("%j → %j: %i is at %i", (text, became, position, at) => {
    expect(mapping(text, became)(position)).toBe(at);
  });
});
