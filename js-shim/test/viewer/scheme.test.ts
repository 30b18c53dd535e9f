// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { lookOf, Scheme } from "../../src/viewer/scheme";
import { byScheme } from "../../tools/schemes.mjs";

let prefersDark: { matches: boolean; listeners: (() => void)[] };
let told: boolean[];
let scheme: Scheme;

function prefer(dark: boolean): void {
  prefersDark.matches = dark;
  for (const listener of prefersDark.listeners) listener();
}

function media(name: string): string {
  return document.querySelector<HTMLLinkElement>(`link[data-scheme="${name}"]`)?.media ?? "";
}

beforeEach(() => {
  prefersDark = { matches: false, listeners: [] };
  const query = {
    get matches() {
      return prefersDark.matches;
    },
    addEventListener: (_: string, listener: () => void) => prefersDark.listeners.push(listener),
  };
  document.head.innerHTML = `<link rel="stylesheet" data-scheme="dark"><link rel="stylesheet" data-scheme="light">`;
  told = [];
  scheme = new Scheme(document, { matchMedia: () => query } as never, (dark) => told.push(dark));
});

describe("the colours of page and frame", () => {
  it("are what the browser prefers, as long as nothing else is asked for", () => {
    expect([media("dark"), media("light")]).toEqual([
      "(prefers-color-scheme: dark)",
      "(prefers-color-scheme: light)",
    ]);
    prefer(true);
    expect(told).toEqual([false, true]);
  });

  it("are the settings', whatever the browser prefers, and again the browser's", () => {
    scheme.set({ theme: "dark" });
    expect([media("dark"), media("light")]).toEqual(["all", "not all"]);
    expect(document.documentElement.style.colorScheme).toBe("dark");
    prefer(true);
    scheme.set({ theme: "light" });
    expect([media("dark"), media("light")]).toEqual(["not all", "all"]);
    scheme.set({ theme: "auto" });
    expect(media("dark")).toBe("(prefers-color-scheme: dark)");
    expect(document.documentElement.style.colorScheme).toBe("");
    expect(told).toEqual([false, true, true, false, true]);
  });

  it("a theme of a later version is none", () => {
    scheme.set({ theme: "sepia" });
    expect(media("dark")).toBe("(prefers-color-scheme: dark)");
  });

  it("motion is the browser's matter, unless it is to be reduced", () => {
    expect(document.documentElement.dataset.motion).toBe("auto");
    scheme.set(lookOf({ "page.motion": "reduced", "page.other": 1 }));
    expect(document.documentElement.dataset.motion).toBe("reduced");
    scheme.set(lookOf({ "page.theme": "dark" }));
    expect(document.documentElement.dataset.motion).toBe("reduced");
  });
});

describe("a sheet by schemes", () => {
  it("has what is for one scheme alone in a sheet of its own", () => {
    const sheet = `a{b:c}@media (prefers-color-scheme:dark){d{e:url("}")}f{g:h}}i{j:k}@media (prefers-color-scheme: light){l{m:n}}@media print{o{p:q}}`;
    expect(byScheme(sheet)).toEqual({
      rest: "a{b:c}i{j:k}@media print{o{p:q}}",
      dark: `d{e:url("}")}f{g:h}\n`,
      light: "l{m:n}\n",
    });
  });

  it("that has no end is refused", () => {
    expect(() => byScheme("@media (prefers-color-scheme: dark){a{b:c}")).toThrow("without an end");
  });
});
