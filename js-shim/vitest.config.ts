import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 20_000,
    pool: "threads",
    maxWorkers: 2,
    // Published as ES modules that Node takes for CommonJS; they import style sheets, too.
    server: { deps: { inline: [/@jupyter/, /@lumino/, /@microsoft/, /@rjsf/, /anywidget/] } },
  },
});
