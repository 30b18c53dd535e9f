import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

describe("the entry point commdoc/afm", () => {
  it("needs no package: no ipywidgets, Backbone, Lumino or jQuery, neither in its code nor in its types", async () => {
    const { metafile } = await build({
      absWorkingDir: ROOT,
      entryPoints: ["src/afm/index.ts"],
      bundle: true,
      format: "esm",
      packages: "external",
      metafile: true,
      write: false,
    });
    const packages = Object.values(metafile.outputs).flatMap(({ imports }) =>
      imports.map(({ path }) => path),
    );
    expect(packages).toEqual([]);
    const types = Object.keys(metafile.inputs).filter((path) =>
      /from "@(jupyter-widgets|lumino)\//.test(readFileSync(join(ROOT, path), "utf8")),
    );
    expect(types).toEqual([]);
  });
});
