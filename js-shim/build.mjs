// Builds the package. `node build.mjs core` builds the library only, `node build.mjs pages` the pages only, without
// an argument both.
//
//   dist/       the library: ES modules that leave yjs, lib0 and y-protocols to the importer (one yjs per page)
//   ../commdoc/server/static/   the pages' scripts and styles: everything bundled, served by the room's host

import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const staticFolder = join(root, "..", "commdoc", "server", "static");
const what = process.argv[2] ?? "all";
if (!["all", "core", "pages"].includes(what)) {
  console.error(`usage: node build.mjs [core|pages], not ${what}`);
  process.exit(2);
}

const common = {
  absWorkingDir: root,
  bundle: true,
  charset: "utf8",
  format: "esm",
  legalComments: "none",
  logLevel: "warning",
  target: "es2022",
};

/** Entry points that exist; one that is not there yet is named and left out. */
function entries(names) {
  return Object.fromEntries(
    Object.entries(names).filter(([, path]) => {
      const there = existsSync(join(root, path));
      if (!there) console.warn(`build: ${path} is not there, left out`);
      return there;
    }),
  );
}

async function core() {
  await build({
    ...common,
    entryPoints: {
      index: "src/index.ts",
      document: "src/document/index.ts",
      models: "src/models/index.ts",
      interop: "tools/interop.ts",
    },
    outdir: "dist",
    packages: "external",
    platform: "neutral",
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    sourcemap: true,
  });
}

async function pages() {
  mkdirSync(staticFolder, { recursive: true });
  const page = {
    ...common,
    outdir: staticFolder,
    platform: "browser",
    minify: true,
    define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
    // The pages may load nothing but what the host serves: fonts and images travel in the style sheets.
    loader: {
      ".svg": "dataurl",
      ".woff2": "dataurl",
      ".woff": "empty",
      ".ttf": "empty",
      ".eot": "empty",
    },
  };
  await build({
    ...page,
    entryPoints: entries({ viewer: "src/viewer/viewer.ts" }),
  });
  // Classic scripts: a frame of opaque origin may load no module from the host.
  await build({
    ...page,
    entryPoints: entries({ frame: "src/viewer/frame.ts", math: "src/viewer/math.ts" }),
    format: "iife",
  });
  for (const name of ["viewer.html", "frame.html"]) {
    copyFileSync(join(root, "src/viewer", name), join(staticFolder, name));
  }
}

if (what !== "pages") await core();
if (what !== "core") await pages();
