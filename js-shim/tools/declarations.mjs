// Makes the emitted declarations such as every TypeScript reads, also with `moduleResolution: node16`: there a relative import
// of an ES module names its file. The sources are bundled and name none.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const RELATIVE = /((?:\bfrom|\bimport)\s*\(?\s*")(\.[^"]*)(")/g;

/** A declaration's text with the files of its relative imports named; `isFile` knows which are there. */
export function withFileNames(text, isFile) {
  return text.replace(RELATIVE, (whole, before, path, after) => {
    if (path.endsWith(".js")) return whole;
    const file = [`${path}.js`, `${path.replace(/\/$/, "")}/index.js`].find((each) =>
      isFile(each.replace(/\.js$/, ".d.ts")),
    );
    if (file === undefined) throw new Error(`no declarations of ${path}`);
    return before + file + after;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2];
  // Of the style sheets, which a module imports for what they do.
  writeFileSync(join(folder, "css.d.ts"), "export {};\n");
  for (const name of readdirSync(folder, { recursive: true })) {
    if (!name.endsWith(".d.ts")) continue;
    const path = join(folder, name);
    const text = readFileSync(path, "utf8");
    writeFileSync(
      path,
      withFileNames(text, (file) => existsSync(join(dirname(path), file))),
    );
  }
}
