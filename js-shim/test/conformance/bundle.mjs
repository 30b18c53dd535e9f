// What tests/lab/test_conformance.py takes to its browsers: `node bundle.mjs FOLDER` writes
//
//   room-page.js   a module: runs cases on this package's host and on the page's, in a real room
//   lab-page.js    a script: runs cases in JupyterLab
//   cases.json     the cases

import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { tellingAnywidget } from "../../tools/anywidget.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const [folder] = process.argv.slice(2);
const common = { bundle: true, charset: "utf8", logLevel: "warning", outdir: folder, target: "es2022" };

await build({
  ...common,
  entryPoints: [join(here, "room-page.ts")],
  define: { global: "globalThis" },
  format: "esm",
  loader: { ".svg": "dataurl", ".woff2": "empty", ".woff": "empty", ".ttf": "empty", ".eot": "empty" },
  plugins: [tellingAnywidget],
});
await build({ ...common, entryPoints: [join(here, "lab-page.ts")], format: "iife" });

const suite = await build({
  ...common,
  entryPoints: [join(here, "../../conformance/index.ts")],
  format: "esm",
  write: false,
});
const { all } = await import(`data:text/javascript,${encodeURIComponent(suite.outputFiles[0].text)}`);
writeFileSync(join(folder, "cases.json"), JSON.stringify(all));
