// Builds the package. `node build.mjs core` builds the library only, `node build.mjs pages` the pages, `node build.mjs lab`
// the extension of JupyterLab, without an argument all of them.
//
//   dist/       the library: ES modules that leave all packages to the importer (one yjs, one @jupyter-widgets/base per page)
//               but anywidget's front end, which is changed; and the style sheets of `commdoc/viewer`
//   ../commdoc/server/static/   the pages' scripts and styles: everything bundled, served by the room's host
//   ../commdoc/labextension/    what the wheel puts into share/jupyter/labextensions/@commdoc/lab: the packages that
//               JupyterLab and ipywidgets share are theirs

import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { tellingAnywidget } from "./tools/anywidget.mjs";
import { container } from "./tools/container.mjs";
import { byScheme } from "./tools/schemes.mjs";
import { embedStyles } from "./tools/styles.mjs";

const root = dirname(fileURLToPath(import.meta.url));
const staticFolder = join(root, "..", "commdoc", "server", "static");
const what = process.argv[2] ?? "all";
const labFolder = process.argv[3] ?? join(root, "..", "commdoc", "labextension");
if (!["all", "core", "pages", "lab"].includes(what)) {
  console.error(`usage: node build.mjs [core|pages|lab [folder]], not ${what}`);
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

/** anywidget's front end is in the bundle, changed; its licence asks to be named. */
const ownAnywidget = {
  name: "own anywidget",
  setup(its) {
    its.onResolve({ filter: /^anywidget$/ }, () => ({
      path: join(root, "node_modules/anywidget/dist/index.js"),
    }));
  },
};

async function core() {
  rmSync(join(root, "dist/chunks"), { recursive: true, force: true });
  const { outputFiles: modules } = await build({
    ...common,
    entryPoints: {
      index: "src/index.ts",
      document: "src/document/index.ts",
      window: "src/window/index.ts",
      ports: "src/ports/index.ts",
      models: "src/models/index.ts",
      afm: "src/afm/index.ts",
      viewer: "src/viewer/index.ts",
      conformance: "conformance/index.ts",
      interop: "tools/interop.ts",
    },
    outdir: "dist",
    packages: "external",
    platform: "neutral",
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    sourcemap: true,
    plugins: [ownAnywidget, tellingAnywidget],
    write: false,
    banner: { js: "/*! commdoc, BSD-3-Clause. With parts of anywidget, MIT, (c) Trevor Manz. */" },
  });
  for (const { path, text } of modules) {
    mkdirSync(dirname(path), { recursive: true });
    // For the order of side effects, of which our modules have none; a bundler would warn that it leaves them out.
    writeFileSync(path, path.endsWith(".js") ? text.replace(/^import "\.[^"]*";$/gm, "") : text);
  }
  const { outputFiles } = await build({
    ...common,
    entryPoints: { style: "src/viewer/embed.css" },
    outdir: join(root, "dist"),
    assetNames: "fonts/[name]",
    loader: { ".svg": "dataurl", ".woff2": "file", ".woff": "empty", ".ttf": "empty", ".eot": "empty" },
    write: false,
  });
  mkdirSync(join(root, "dist/fonts"), { recursive: true });
  for (const { path, contents, text } of outputFiles) {
    if (!path.endsWith(".css")) writeFileSync(path, contents);
    else
      for (const [name, sheet] of Object.entries(embedStyles(text)))
        writeFileSync(join(root, "dist", name), sheet);
  }
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
    plugins: [tellingAnywidget],
  };
  await build({
    ...page,
    entryPoints: entries({ viewer: "src/viewer/viewer.ts", inspector: "src/viewer/inspector/index.ts" }),
  });
  // Classic scripts: a frame of opaque origin may load no module from the host.
  await build({
    ...page,
    entryPoints: entries({ frame: "src/viewer/frame.ts", math: "src/viewer/math.ts" }),
    format: "iife",
  });
  // What `commdoc export` writes into a page of its own: one sheet, for both schemes.
  await build({
    ...page,
    entryPoints: entries({ saved: "src/viewer/saved/saved.ts" }),
    format: "iife",
  });
  for (const name of ["viewer", "frame"]) {
    const { rest, dark, light } = byScheme(readFileSync(join(staticFolder, `${name}.css`), "utf8"));
    writeFileSync(join(staticFolder, `${name}.css`), rest);
    if (dark) writeFileSync(join(staticFolder, `${name}.dark.css`), dark);
    if (light) writeFileSync(join(staticFolder, `${name}.light.css`), light);
  }
  for (const name of ["viewer.html", "frame.html"]) {
    copyFileSync(join(root, "src/viewer", name), join(staticFolder, name));
  }
}

/** Packages of which a page has one, brought by JupyterLab or by ipywidgets' extension. */
const SHARED = /^(@jupyterlab\/|@lumino\/|@jupyter-widgets\/base$|yjs$)/;

async function lab() {
  const name = "@commdoc/lab";
  const { version, license, dependencies, devDependencies } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  const shared = new Set();
  const external = {
    name: "shared packages",
    setup(its) {
      its.onResolve({ filter: SHARED }, ({ path }) => {
        shared.add(path);
        return { path, external: true };
      });
    },
  };
  const { outputFiles } = await build({
    ...common,
    entryPoints: ["src/lab/plugin.ts"],
    format: "cjs",
    platform: "browser",
    minify: true,
    loader: { ".css": "text" },
    plugins: [external],
    write: false,
  });
  const script = container(name, [...shared].sort(), outputFiles[0].text);
  const hash = createHash("sha256").update(script).digest("hex").slice(0, 16);
  const load = `static/remoteEntry.${hash}.js`;
  const manifest = {
    name,
    version,
    license,
    description: "Widgets of the notebook's document",
    dependencies: {},
  };
  for (const each of [...shared].sort()) {
    const installed = dependencies[each] ?? devDependencies[each];
    if (installed !== undefined)
      manifest.dependencies[each] = `^${installed.replace("^", "").split(".")[0]}.0.0`;
  }
  rmSync(labFolder, { recursive: true, force: true });
  const schemas = join(labFolder, "schemas", name);
  for (const folder of [join(labFolder, "static"), schemas]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(labFolder, load), script);
  copyFileSync(join(root, "src/lab/plugin.json"), join(schemas, "plugin.json"));
  writeFileSync(join(schemas, "package.json.orig"), JSON.stringify(manifest, null, 2));
  const jupyterlab = { extension: true, schemaDir: "schemas", _build: { load, extension: "./extension" } };
  writeFileSync(join(labFolder, "package.json"), JSON.stringify({ ...manifest, jupyterlab }, null, 2));
  const install = {
    packageManager: "python",
    packageName: "commdoc",
    uninstallInstructions: "pip uninstall commdoc",
  };
  writeFileSync(join(labFolder, "install.json"), JSON.stringify(install, null, 2));
}

if (what === "all" || what === "core") await core();
if (what === "all" || what === "pages") await pages();
if (what === "all" || what === "lab") await lab();
