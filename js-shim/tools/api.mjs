// Writes docs/api from the emitted declarations: `npm run api`, after `npm run types`. With `--check` it only says whether the pages
// are as the declarations are now, and ends with 1 where they are not.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const pages = join(root, "../docs/api");

/** Entry points whose declarations are read; those of the first ones are where the later ones export them again. */
const ENTRIES = ["document", "window", "ports", "models", "afm", "viewer"];

/** The pages by file name. */
export function apiPages() {
  const out = mkdtempSync(join(tmpdir(), "commdoc-api-"));
  const declarations = [...ENTRIES.map((name) => `${name}/index.d.ts`), "index.d.ts"];
  try {
    execFileSync(
      process.execPath,
      [
        join(root, "tools/api/node_modules/typedoc/bin/typedoc"),
        ...["--options", join(root, "tools/api/typedoc.json"), "--out", out],
        ...["--tsconfig", join(root, "tools/api/tsconfig.json"), "--logLevel", "Warn"],
        ...declarations.flatMap((file) => ["--entryPoints", join(root, "dist/types", file)]),
      ],
      { stdio: ["ignore", "inherit", "inherit"] },
    );
    const names = readdirSync(out).filter((name) => name.endsWith(".md"));
    return new Map(
      names.map((name) => [named(name), rewritten(name, readFileSync(join(out, name), "utf8"))]),
    );
  } finally {
    rmSync(out, { recursive: true });
  }
}

/** `index` is the package itself. */
function named(file) {
  return file.replace("index.md", "commdoc.md");
}

function rewritten(file, text) {
  const entry = file.replace(".md", "");
  const title = entry === "index" ? "commdoc" : `commdoc/${entry}`;
  const page = text
    .replace(/\]\((?:\.\/)?index\.md/g, "](commdoc.md")
    .replace(/^- \[(.*)\]\((.*)\)$/gm, (line, name, path) =>
      entry === "README" ? `- [${name === "index" ? "commdoc" : `commdoc/${name}`}](${path})` : line,
    )
    .replace(/^# .*$/m, entry === "README" ? "# The JavaScript package's API" : `# ${title}`);
  return `${page.trimEnd()}\n`.replace(
    /\n/,
    entry === "README"
      ? "\n\nMade from the types by `npm --prefix js-shim run api`. How they are used is in [JavaScript](../javascript.md) and [Embedding](../embed.md).\n"
      : "\n",
  );
}

/** The pages as they are committed. */
function committed() {
  return new Map(readdirSync(pages).map((name) => [name, readFileSync(join(pages, name), "utf8")]));
}

/** Names of pages that are not as the declarations are. */
export function outdated(now = apiPages(), then = committed()) {
  return [...new Set([...now.keys(), ...then.keys()])].filter((name) => now.get(name) !== then.get(name));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--check")) {
    const names = outdated();
    if (names.length > 0) {
      console.error(
        `docs/api is not as the types are: ${names.join(", ")}. Run npm --prefix js-shim run api`,
      );
      process.exit(1);
    }
  } else {
    const made = apiPages();
    rmSync(pages, { recursive: true, force: true });
    mkdirSync(pages);
    for (const [name, text] of made) writeFileSync(join(pages, name), text);
  }
}
