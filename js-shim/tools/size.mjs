// Prints the sizes of the package's entry points, minified and gzipped, and fails when the core is above its budget: src/document and
// src/window together, without yjs, lib0 and y-protocols, which a page has anyway.
//
// The package's `dist/` holds the same modules unminified, with the same target: whoever bundles a page minifies them, as
// `build.mjs` does for the room's page and JupyterLab's plugin, with the same `minify` and `target`. No option is used here that
// isn't used there, and no property is renamed: tests run on the code that is measured.
//
// `--json` prints the figures for tools; a test holds the table in README.md to them.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { tellingAnywidget } from "./anywidget.mjs";

const BUDGET = 12_000;

const ENTRIES = {
  commdoc: "src/index.ts",
  "commdoc/document": "src/document/index.ts",
  "commdoc/window": "src/window/index.ts",
  "commdoc/ports": "src/ports/index.ts",
  "commdoc/afm": "src/afm/index.ts",
  "commdoc/models": "src/models/index.ts",
  "commdoc/viewer": "src/viewer/index.ts",
};

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Bytes of what a page loads at first; what it loads later (KaTeX) is not in it. */
async function sizeOf(entry, bundled) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: { entry },
    bundle: true,
    define: { "process.env.NODE_ENV": '"production"' },
    format: "esm",
    loader: { ".svg": "text" },
    logLevel: "error",
    metafile: true,
    minify: true,
    outdir: "out",
    ...(bundled
      ? { platform: "browser", splitting: true, plugins: [tellingAnywidget] }
      : { platform: "neutral", packages: "external" }),
    target: "es2022",
    write: false,
  });
  const texts = new Map(outputFiles.map(({ path, contents }) => [path.slice(root.length + 1), contents]));
  const loaded = new Set();
  const visit = (path) => {
    if (loaded.has(path) || !texts.has(path)) return;
    loaded.add(path);
    for (const { path: next, kind } of metafile.outputs[path].imports)
      if (kind === "import-statement") visit(next);
  };
  visit("out/entry.js");
  const all = [...loaded].map((path) => texts.get(path));
  const sum = (sizes) => sizes.reduce((total, size) => total + size, 0);
  return {
    minified: sum(all.map(({ length }) => length)),
    gzipped: sum(all.map((contents) => gzipSync(contents, { level: 9 }).length)),
  };
}

const rows = [];
for (const [name, entry] of Object.entries(ENTRIES))
  rows.push({ name, own: await sizeOf(entry, false), all: await sizeOf(entry, true) });
const core = rows[0].own;
if (process.argv.includes("--json")) console.log(JSON.stringify(rows));
else {
  const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(9);
  console.log(`${"".padEnd(18)}own code, gzipped   with all packages, minified and gzipped`);
  for (const { name, own, all } of rows)
    console.log(
      `${name.padEnd(18)}${kB(own.gzipped).padStart(17)}   ${kB(all.minified).padStart(27)} ${kB(all.gzipped)}`,
    );
  console.log(`core: ${core.minified} bytes minified, ${core.gzipped} gzipped, ${BUDGET} allowed`);
}
if (core.gzipped > BUDGET) {
  console.error("core: above its size budget");
  process.exit(1);
}
