// @vitest-environment jsdom
import { describe, expect, it, vi } from "vitest";
import { staged, widget } from "./setup";

const stage = staged();

const sheets = () =>
  [...document.head.querySelectorAll("style, link")].map((each) => [
    each.id,
    each.getAttribute("href") ?? each.textContent,
  ]);
const has = (...expected: [string, string][]) => vi.waitFor(() => expect(sheets()).toEqual(expected));
const styled = (css: string, more = {}) => widget("export default {}", { _css: css, ...more });

describe("the style sheet of a widget", () => {
  it("is one for all widgets of a class, under the class's id, and the newest text replaces it", async () => {
    stage.source.opened({
      a: styled("one {}"),
      b: styled("one {}"),
      c: styled("c {}", { _anywidget_id: "C" }),
    });
    await has(["test.Widget", "one {}"], ["C", "c {}"]);
    stage.source.set("a", { _css: "two {}" });
    await has(["test.Widget", "two {}"], ["C", "c {}"]);
  });

  it("by its address is one link; the next one replaces it when it has loaded", async () => {
    stage.source.opened({ a: styled("https://example.org/1.css"), b: styled("https://example.org/1.css") });
    await has(["test.Widget", "https://example.org/1.css"]);
    stage.source.set("a", { _css: "https://example.org/2.css" });
    await has(["test.Widget", "https://example.org/1.css"], ["test.Widget", "https://example.org/2.css"]);
    stage.source.set("a", { _css: "https://example.org/3.css" });
    await vi.waitFor(() => expect(sheets()).toHaveLength(3));
    document.head.querySelector("link:last-of-type")?.dispatchEvent(new Event("load"));
    await has(["test.Widget", "https://example.org/3.css"]);
  });

  it("may become a text from an address, and goes when it is emptied", async () => {
    stage.source.opened({ a: styled("https://example.org/1.css") });
    await has(["test.Widget", "https://example.org/1.css"]);
    stage.source.set("a", { _css: "text {}" });
    await has(["test.Widget", "text {}"]);
    stage.source.set("a", { _css: "" });
    await has();
  });

  it("isn't there for a widget without an id or a text", async () => {
    stage.source.opened({ a: styled("a {}", { _anywidget_id: undefined }), b: styled("") });
    await stage.host.widget("b").exports();
    await stage.host.widget("a").exports();
    expect(sheets()).toEqual([]);
  });

  it("leaves the page with the host, and another host's stays", async () => {
    const other = stage.start(stage.source);
    stage.source.opened({ a: styled("a {}") });
    await has(["test.Widget", "a {}"], ["test.Widget", "a {}"]);
    other.dispose();
    expect(sheets()).toEqual([["test.Widget", "a {}"]]);
  });
});
