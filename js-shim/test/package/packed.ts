/** The package as `npm pack` makes it, of what `npm run build` has built. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");

interface Exports {
  [entry: string]: string | { types: string; import: string } | { types: string; default: string };
}

export const PACKAGE = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { exports: Exports };

/** Entry points of code: name to their declarations and module, as paths in the package. */
export const CODE = new Map(
  Object.entries(PACKAGE.exports).flatMap(([name, files]) =>
    typeof files !== "string" && "import" in files ? [[name, files] as const] : [],
  ),
);

/** The tarball's bytes. */
export function pack(): ArrayBuffer {
  const folder = mkdtempSync(join(tmpdir(), "commdoc-pack-"));
  try {
    const [made] = JSON.parse(
      execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
        cwd: ROOT,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }),
    ) as [{ filename: string }];
    return new Uint8Array(readFileSync(join(folder, made.filename))).buffer;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A declaration file and all of ours that it imports: path in the package to its text. */
export function declarations(entry: string, read = (path: string) => readFileSync(join(ROOT, path), "utf8")) {
  const found = new Map<string, string>();
  const visit = (path: string): void => {
    if (found.has(path)) return;
    const text = read(path);
    found.set(path, text);
    for (const [, relative] of text.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]*)\.js"/g))
      visit(`./${join(dirname(path), relative as string)}.d.ts`);
  };
  visit(entry);
  return found;
}

/** Lines of declarations that say `any`, without what stands in comments and texts. */
export function anyIn(texts: ReadonlyMap<string, string>): string[] {
  return [...texts].flatMap(([path, text]) =>
    text
      .replace(/\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\]|\\.)*"/g, (comment) => comment.replace(/[^\n]/g, " "))
      .split("\n")
      .flatMap((line, n) => (/\bany\b/.test(line) ? [`${path}:${n + 1}: ${line.trim()}`] : [])),
  );
}
