// Prints the bytes that yjs makes of documents: node reencode.mjs update-file… → one JSON list of sizes.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../js-shim/package.json", import.meta.url));
const Y = require("yjs");

const sizes = process.argv.slice(2).map((path) => {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, readFileSync(path));
  return Y.encodeStateAsUpdate(doc).length;
});
console.log(JSON.stringify(sizes));
