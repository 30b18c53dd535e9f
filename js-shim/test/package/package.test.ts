import { existsSync } from "node:fs";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { build } from "esbuild";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { beforeAll, describe, expect, it } from "vitest";
import { anyIn, CODE, declarations, PACKAGE, pack, ROOT } from "./packed";

describe("the package, packed", () => {
  let tarball: ArrayBuffer;

  beforeAll(() => {
    expect(existsSync(join(ROOT, "dist/index.js")), "npm run build was run").toBe(true);
    tarball = pack();
  });

  it("has nothing that publint finds wrong", async () => {
    const { messages, pkg } = await publint({ pack: { tarball }, level: "suggestion", strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  it("gives each entry point its types, to bundlers and to Node's own resolution", async () => {
    const result = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)), {
      excludeEntrypoints: [/\.(css|py)$/, "./package.json"],
    });
    if (result.types === false) throw new Error("it has no types");
    // It has ES modules only; `require` of one, and the resolution from before `exports`, are not offered.
    const problems = result.problems.filter(
      ({ kind, ...where }) =>
        kind !== "CJSResolvesToESM" && !("resolutionKind" in where && where.resolutionKind === "node10"),
    );
    expect(problems).toEqual([]);
    expect(Object.keys(result.entrypoints).sort()).toEqual([...CODE.keys()].sort());
    for (const [name, { resolutions }] of Object.entries(result.entrypoints)) {
      for (const kind of ["bundler", "node16-esm"] as const) {
        expect(resolutions[kind].resolution?.isTypeScript, `${name} by ${kind}`).toBe(true);
      }
    }
  });
});

describe("the declarations of each entry point", () => {
  it.each([...CODE])("have no any: %s", (_, { types }) => {
    const texts = declarations(types);
    expect(texts.size).toBeGreaterThan(0);
    expect(anyIn(texts)).toEqual([]);
  });

  it("would be found with one, in whatever file the entry point reaches", () => {
    const entry = CODE.get("./viewer")?.types as string;
    const reached = [...declarations(entry)];
    expect(reached.length).toBeGreaterThan(10);
    const [path, text] = reached.at(-1) as [string, string];
    const mutated = declarations(entry, (each) =>
      each === path ? `${text}\nexport declare const hidden: any;\n` : (new Map(reached).get(each) as string),
    );
    expect(anyIn(mutated)).toEqual([expect.stringContaining(`${path}:`)]);
  });
});

describe("the modules", () => {
  const bundled = async (source: string, external: string[] = []) => {
    const { outputFiles, metafile, warnings } = await build({
      stdin: { contents: source, resolveDir: ROOT, loader: "js" },
      bundle: true,
      format: "esm",
      metafile: true,
      minify: true,
      external,
      // As JupyterLab's icons want it (docs/embed.md).
      loader: { ".svg": "text" },
      logLevel: "silent",
      alias: Object.fromEntries(
        [...CODE].map(([name, files]) => [`commdoc${name.slice(1)}`, join(ROOT, files.import)]),
      ),
      write: false,
    });
    const inputs = Object.values(metafile.outputs).flatMap(({ inputs: each }) =>
      Object.entries(each).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
    );
    expect(warnings.map(({ text }) => text)).toEqual([]);
    return { text: outputFiles[0]?.text ?? "", inputs };
  };

  it.each([...CODE.keys()])("that are imported and not used leave nothing in a bundle: %s", async (name) => {
    const { text } = await bundled(`import * as all from "commdoc${name.slice(1)}";`);
    expect(text.trim()).toBe("");
  });

  it("of document and window need no DOM and no widgets", async () => {
    for (const [name, what] of [
      ["./document", "CommsMap"],
      ["./window", "joinRoom"],
      [".", "joinRoom"],
      ["./ports", "portConnect"],
    ]) {
      const { text, inputs } = await bundled(
        `import { ${what} } from "commdoc${name?.slice(1)}"; globalThis.it = ${what};`,
        ["yjs", "lib0/*", "y-protocols/*"],
      );
      expect(inputs.filter((path) => /@jupyter|@lumino|jquery|anywidget/.test(path))).toEqual([]);
      expect(text).not.toMatch(/\b(document|window)\.(create|query|head|body|add)/);
    }
  });

  it("are all there", () => {
    const files = Object.values(PACKAGE.exports).flatMap((each) =>
      typeof each === "string" ? [each] : Object.values(each),
    );
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });
});
