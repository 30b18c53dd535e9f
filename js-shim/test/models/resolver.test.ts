// @vitest-environment jsdom
import "./dom";
import { afterEach, describe, expect, it, vi } from "vitest";
import { cdnAddress } from "../../src/models/cdn";
import { NotInstalledError } from "../../src/models/fallback";
import { Resolver } from "../../src/models/resolver";

const widget = (what: string) => ({ load: async () => ({ Model: what }) });

async function reason(loading: Promise<unknown>): Promise<Error> {
  return loading.then(
    () => new Error("it was found"),
    (error) => error,
  );
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the modules that a page brings", () => {
  it("are imported when the first widget asks, and are what it gets, also those that are published as CommonJS", async () => {
    const load = vi.fn(async () => ({ default: { Model: 1 } }));
    const resolver = new Resolver({ modules: { "my-widget": load } });
    expect(load).not.toHaveBeenCalled();
    expect(await resolver.load("my-widget", "^3.0.0")).toMatchObject({ Model: 1 });
  });

  it.each([
    ["^1.0.0", "1.4.0"],
    ["~1.2.0", "1.2.3"],
    ["1.2.3", "1.2.3"],
    ["^2.0.0-beta", "2.0.0-beta.1"],
    [">=1,<2", "2.0.0-beta.1"],
    ["", "2.0.0-beta.1"],
    ["*", "2.0.0-beta.1"],
  ])("of several versions give the newest that fits: %s", async (range, version) => {
    const modules = ["1.2.3", "2.0.0-beta.1", "1.4.0"].map((each) => ({ version: each, ...widget(each) }));
    const { Model } = await new Resolver({ modules: { "my-widget": modules } }).load("my-widget", range);
    expect(Model).toBe(version);
  });

  it("without a version are for who finds no better one", async () => {
    const modules = { "my-widget": [widget("any"), { version: "1.0.0", ...widget("1.0.0") }] };
    const resolver = new Resolver({ modules });
    expect((await resolver.load("my-widget", "^1.0.0")).Model).toBe("1.0.0");
    expect((await resolver.load("my-widget", "^7.0.0")).Model).toBe("any");
  });

  it("of another version go on to the next source, and say it when there is none", async () => {
    const modules = { "my-widget": { version: "1.0.0", ...widget("own") } };
    const loader = async () => ({ Model: "loaded" });
    expect((await new Resolver({ modules, loader }).load("my-widget", "^2.0.0")).Model).toBe("loaded");
    const error = await reason(new Resolver({ modules }).load("my-widget", "^2.0.0"));
    expect(error).toBeInstanceOf(NotInstalledError);
    expect(error.message).toBe("version 1.0.0 of it, where ^2.0.0 is asked for");
  });

  it("must say a version, where they say one", () => {
    const modules = { "my-widget": { version: "newest", ...widget("own") } };
    expect(() => new Resolver({ modules })).toThrow("my-widget: newest is no version");
  });
});

describe("the chain", () => {
  it("asks the host once where a module is, however many widgets need it, and again when it was not there", async () => {
    const find = vi.fn(async () => null);
    const resolver = new Resolver({ nbextensions: find });
    const loads = Array.from({ length: 200 }, () => reason(resolver.load("my-widget", "")));
    for (const error of await Promise.all(loads)) expect(error).toBeInstanceOf(NotInstalledError);
    expect(find).toHaveBeenCalledTimes(1);
    await reason(resolver.load("my-widget", ""));
    expect(find).toHaveBeenCalledTimes(2);
  });

  it("goes on where one source fails, and tells what each one said when none has the module", async () => {
    const modules = {
      broken: { version: "1.0.0", load: async () => Promise.reject(new Error("its own mistake")) },
    };
    const find = vi.fn(async () => null);
    const resolver = new Resolver({ modules, nbextensions: find });
    const error = await reason(resolver.load("broken", ""));
    expect(find).toHaveBeenCalledWith("broken");
    expect(error).not.toBeInstanceOf(NotInstalledError);
    expect(error.message).toMatch(
      /^the page's own modules: its own mistake — the room's host: it is not installed .* Install or upgrade/,
    );
  });

  it("goes on where the host does not answer", async () => {
    const find = async () => Promise.reject(new Error("the host did not answer"));
    const error = await reason(new Resolver({ nbextensions: find }).load("my-widget", ""));
    expect(error.message).toBe("the host did not answer");
  });

  it("asks nobody where nothing is set, and says how a page brings a module", async () => {
    const fetched = vi.spyOn(globalThis, "fetch");
    const added = vi.spyOn(document.head, "append");
    const error = await reason(new Resolver().load("my-widget", "^1.0.0"));
    expect(error.message).toContain('modules: { "my-widget": … }');
    expect(fetched).not.toHaveBeenCalled();
    expect(added).not.toHaveBeenCalled();
  });
});

describe("a CDN's address", () => {
  const template = "https://cdn.example/npm/{module}@{version}/{file}";

  it.each([
    ["my-widget", "^1.0.0", "my-widget@%5E1.0.0/dist/index.js"],
    ["my-widget/more", "1.0.0", "my-widget@1.0.0/dist/more.js"],
    ["@scope/my-widget", "~1.2", "@scope/my-widget@~1.2/dist/index.js"],
    ["@scope/my-widget/a/b", "*", "@scope/my-widget@*/dist/a/b.js"],
    ["my-widget", ">=1 <2 || 3", "my-widget@%3E%3D1%20%3C2%20%7C%7C%203/dist/index.js"],
  ])("is made as html-manager makes it: %s %s", (name, range, path) => {
    expect(cdnAddress(template, name, range)).toBe(`https://cdn.example/npm/${path}`);
  });

  it("must be one", () => {
    expect(() => new Resolver({ cdn: "https://cdn.example/npm/" })).toThrow("no {module}");
    expect(() => new Resolver({ cdn: "file:///{module}" })).toThrow("no address of http");
  });
});
