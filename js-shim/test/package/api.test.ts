import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "./packed";

it("the API's pages are as the types are (npm run api)", { timeout: 120_000 }, () => {
  const command = [join(ROOT, "tools/api.mjs"), "--check"];
  const { status, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});
