import { defineConfig } from "vitest/config";
import { changed } from "./tools/anywidget.mjs";

const ANYWIDGET = /[\\/]anywidget[\\/]dist[\\/]index\.js$/;

export default defineConfig({
  plugins: [
    {
      name: "anywidget that tells, as in the page",
      transform: (code, id) => (ANYWIDGET.test(id) ? changed(code, id) : undefined),
    },
  ],
  test: {
    include: ["test/**/*.test.ts"],
    typecheck: { include: ["test/package/*.test-d.ts"] },
    testTimeout: 20_000,
    pool: "threads",
    maxWorkers: 2,
    // Published as ES modules that Node takes for CommonJS; they import style sheets, too.
    server: { deps: { inline: [/@jupyter/, /@lumino/, /@microsoft/, /@rjsf/, /anywidget/] } },
  },
});
