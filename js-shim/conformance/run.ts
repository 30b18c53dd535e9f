/** Runs a case on a host: returns the trace that it leaves. */

import type { Bytes, Case, Driver, State, Step, Story } from "./contract";
import { bytesOf, mapValues } from "./values";

/** What a module of a case can use; it is put before its text. */
const PRELUDE = "const { trace, show, gate } = globalThis.conformance;";

/** How a line begins that says what the kernel was told. */
const KERNEL = "kernel ←";

/** How a story is run. */
export interface Options {
  /** How long a line of the trace is waited for, in milliseconds; 5000 when it isn't said. */
  readonly patience?: number;
}

const PATIENCE_MS = 5000;

/** Long enough for a line too many to be seen. */
const AFTERMATH_MS = 40;

/**
 * @param expected how many lines are waited for, in the end; what comes behind them is in the trace, too
 */
export async function run(
  it: Case,
  driver: Driver,
  expected: readonly string[] = it.trace,
  { patience = PATIENCE_MS }: Options = {},
): Promise<string[]> {
  const until = (condition: () => boolean, what: () => string) => within(patience, condition, what);
  const lines: string[] = [];
  const trace = (line: string) => void lines.push(line);
  const gates = new Gates();
  Object.assign(globalThis, { conformance: { trace, show, gate: (name: string) => gates.at(name) } });
  const { host, story } = await driver.start({
    requested: (commId, state) => trace(`${KERNEL} ${commId} ${show(state)}`),
    sent: (commId, content, buffers) =>
      trace([KERNEL, commId, "custom", show(content), ...buffers.map(show)].join(" ")),
    problem: (commId) => trace(`problem ${commId}`),
  });
  const views = new Map<string, { el: HTMLElement; remove(): void }>();
  try {
    for (const step of it.steps) {
      if ("wait" in step) {
        await until(
          () => lines.includes(step.wait),
          () => `${step.wait}, after ${lines.join(" | ")}`,
        );
        // What the kernel does next, it does when it has heard that.
        if (step.wait.startsWith(KERNEL)) await host.atRest?.();
      } else if ("release" in step) gates.open(step.release);
      else if ("show" in step) {
        const el = document.createElement("div");
        document.body.append(el);
        views.set(step.as, { el, remove: host.show(step.show, el) });
      } else if ("remove" in step) views.get(step.remove)?.remove();
      else if ("click" in step) views.get(step.click)?.el.querySelector("button")?.click();
      else await tell(story, step);
    }
    const wanted = expected.length - views.size;
    await until(
      () => lines.length >= wanted,
      () => "the end",
    ).catch(() => undefined);
    await host.atRest?.();
    await new Promise((resolve) => setTimeout(resolve, AFTERMATH_MS));
    const drawn = (el: HTMLElement) => host.drawn?.(el) ?? el.textContent;
    return [...lines, ...[...views].map(([name, { el }]) => `${name}: ${drawn(el)}`)];
  } finally {
    await host.dispose();
    await new Promise((resolve) => setTimeout(resolve)); // views that end find their elements in the page
    for (const { el } of views.values()) el.remove();
  }
}

async function tell(story: Story, step: Step): Promise<void> {
  if ("open" in step) await story.open(mapValues(step.open, (state) => mapValues(state, prepared)));
  else if ("set" in step)
    for (const [commId, state] of Object.entries(step.set))
      await story.set(commId, mapValues(state, prepared));
  else if ("message" in step) {
    const buffers = (step.buffers ?? []).map(({ bytes }) => new DataView(Uint8Array.from(bytes).buffer));
    await story.message(step.message, step.content, buffers);
  } else if ("close" in step) await story.close(step.close);
}

/** A value of a case as a browser has it; a module with what it can use before it. */
function prepared(value: unknown, key: string): unknown {
  if (key === "_esm" && typeof value === "string" && !value.startsWith("https:"))
    return `${PRELUDE}\n${value}`;
  if (Array.isArray(value)) return value.map((item) => prepared(item, ""));
  if (typeof value !== "object" || value === null) return value;
  const { bytes } = value as Partial<Bytes>;
  if (bytes !== undefined) return new DataView(Uint8Array.from(bytes).buffer);
  return mapValues(value as State, prepared);
}

/** A value in words; the kind of binary parts is told. */
function show(value: unknown): string {
  const bytes = bytesOf(value);
  if (bytes !== undefined) return `${kindOf(value)}[${bytes}]`;
  if (value === undefined) return "undefined";
  if (Array.isArray(value)) return `[${value.map(show).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  // The id of an `invoke` is another one each time.
  const items = Object.entries(value).map(([key, item]) => {
    const isId = key === "id" && typeof item === "string" && /^[0-9a-f-]{32,36}$/.test(item);
    return `${JSON.stringify(key)}:${isId ? '"…"' : show(item)}`;
  });
  return `{${items.join(",")}}`;
}

function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

class Gates {
  private readonly opened = new Map<string, { promise: Promise<void>; open(): void }>();

  at(name: string): Promise<void> {
    return this.gate(name).promise;
  }

  open(name: string): void {
    this.gate(name).open();
  }

  private gate(name: string): { promise: Promise<void>; open(): void } {
    const known = this.opened.get(name);
    if (known !== undefined) return known;
    let open = () => {};
    const promise = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.opened.set(name, { promise, open });
    return { promise, open };
  }
}

async function within(ms: number, condition: () => boolean, what: () => string): Promise<void> {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`never came: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
