/** All cases on one host, each with what it left and whether that is what it has to be. */

import type { Case, Driver } from "./contract";
import { type Options, run } from "./run";

export interface Verdict {
  readonly name: string;
  readonly trace: readonly string[];
  readonly expected: readonly string[];
  readonly same: boolean;
}

/** Runs one case. A story that came to no end leaves why as its trace. */
export async function judge(
  it: Case,
  driver: Driver,
  expected: readonly string[] = it.trace,
  options: Options = {},
): Promise<Verdict> {
  const trace = await run(it, driver, expected, options).catch((error: unknown) => [String(error)]);
  const same = JSON.stringify(trace) === JSON.stringify(expected);
  return { name: it.name, trace, expected, same };
}

/** Runs cases, one after the other: they share the page. */
export async function judgeAll(
  driver: Driver,
  cases: readonly Case[],
  options: Options = {},
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const it of cases) verdicts.push(await judge(it, driver, it.trace, options));
  return verdicts;
}

/** The verdicts as a table in Markdown, with what was left where it is not what it has to be. */
export function table(host: string, verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ name, trace, same }) => {
    const lines = trace.map((line) => `\`${line.replaceAll("|", "\\|")}\``);
    const said = same ? "as specified" : lines.join(", ") || "nothing";
    return `| ${name} | ${said} |`;
  });
  return [`| case | ${host} |`, "|---|---|", ...rows].join("\n");
}
