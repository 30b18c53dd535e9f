import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "./packed";

interface Row {
  name: string;
  own: { gzipped: number };
  all: { gzipped: number };
}

it("the sizes in the README are those of the code, within a twentieth", { timeout: 60_000 }, () => {
  const printed = execFileSync(process.execPath, [join(ROOT, "tools/size.mjs"), "--json"], {
    encoding: "utf8",
  });
  const measured = new Map((JSON.parse(printed) as Row[]).map((row) => [row.name, row]));
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const said = [...readme.matchAll(/^\| `(commdoc[\w/]*)` \| ([\d.]+) kB \| ([\d.]+) kB \|$/gm)];
  expect(said.map(([, name]) => name)).toEqual([...measured.keys()]);
  for (const [, name, own, all] of said) {
    const row = measured.get(name as string) as Row;
    for (const [figure, bytes] of [
      [own, row.own.gzipped],
      [all, row.all.gzipped],
    ] as const) {
      const off = Math.abs(Number(figure) * 1000 - bytes);
      expect(off, `${name}: ${figure} kB, ${bytes} bytes`).toBeLessThanOrEqual(Math.max(100, bytes / 20));
    }
  }
});
