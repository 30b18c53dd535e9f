// Prints the size of the library's core and fails when it is above its budget: src/document and src/window together,
// minified and gzipped, without yjs, lib0 and y-protocols, which a page has anyway.
//
// The package's `dist/` holds the same modules unminified, with the same target: whoever bundles a page minifies them, as
// `build.mjs` does for the room's page and JupyterLab's plugin, with the same `minify` and `target`. No option is used here that
// isn't used there, and no property is renamed: tests run on the code that is measured.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const BUDGET = 12_000;

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ["src/index.ts"],
  bundle: true,
  format: "esm",
  minify: true,
  packages: "external",
  platform: "neutral",
  target: "es2022",
  write: false,
});
const [output] = outputFiles;
const gzipped = gzipSync(output.contents, { level: 9 }).length;
console.log(`core: ${output.contents.length} bytes minified, ${gzipped} gzipped, ${BUDGET} allowed`);
if (gzipped > BUDGET) {
  console.error("core: above its size budget");
  process.exit(1);
}
