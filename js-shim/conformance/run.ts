/** Runs a case on a host: returns the trace that it leaves. */

import type { Bytes, Case, Driver, State, Step } from "./contract";

/** What a module of a case can use; it is put before its text. */
const PRELUDE = "const { trace, show, gate } = globalThis.conformance;";

const PATIENCE_MS = 5000;

/** Long enough for a line too many to be seen. */
const AFTERMATH_MS = 40;

export async function run(
  it: Case,
  driver: Driver,
  expected: readonly string[] = it.trace,
): Promise<string[]> {
  const lines: string[] = [];
  const trace = (line: string) => void lines.push(line);
  const gates = new Gates();
  Object.assign(globalThis, { conformance: { trace, show, gate: (name: string) => gates.at(name) } });
  const { host, story } = driver.start({
    requested: (commId, state) => trace(`kernel ← ${commId} ${show(state)}`),
    sent: (commId, content, buffers) =>
      trace(["kernel ←", commId, "custom", show(content), ...buffers.map(show)].join(" ")),
    problem: (commId) => trace(`problem ${commId}`),
  });
  const views = new Map<string, { el: HTMLElement; remove(): void }>();
  try {
    for (const step of it.steps) {
      if ("wait" in step)
        await until(() => lines.includes(step.wait), `${step.wait}, after ${lines.join(" | ")}`);
      else if ("release" in step) gates.open(step.release);
      else if ("show" in step) {
        const el = document.createElement("div");
        document.body.append(el);
        views.set(step.as, { el, remove: host.show(step.show, el) });
      } else if ("remove" in step) views.get(step.remove)?.remove();
      else if ("click" in step) views.get(step.click)?.el.querySelector("button")?.click();
      else tell(story, step);
    }
    const wanted = expected.length - views.size;
    await until(() => lines.length >= wanted, "the end").catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, AFTERMATH_MS));
    return [...lines, ...[...views].map(([name, { el }]) => `${name}: ${el.textContent}`)];
  } finally {
    host.dispose();
    await new Promise((resolve) => setTimeout(resolve)); // views that end find their elements in the page
    for (const { el } of views.values()) el.remove();
  }
}

function tell(story: ReturnType<Driver["start"]>["story"], step: Step): void {
  if ("open" in step) story.open(mapValues(step.open, (state) => mapValues(state, prepared)));
  else if ("set" in step)
    for (const [commId, state] of Object.entries(step.set)) story.set(commId, mapValues(state, prepared));
  else if ("message" in step) {
    const buffers = (step.buffers ?? []).map(({ bytes }) => new DataView(Uint8Array.from(bytes).buffer));
    story.message(step.message, step.content, buffers);
  } else if ("close" in step) story.close(step.close);
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

function mapValues<T, U>(from: Record<string, T>, change: (value: T, key: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(from).map(([key, value]) => [key, change(value, key)]));
}

/** A value in words; the kind of binary parts is told. */
function show(value: unknown): string {
  const [kind, bytes] = binary(value);
  if (bytes !== undefined) return `${kind}[${bytes}]`;
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

function binary(value: unknown): [string, Uint8Array | undefined] {
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (ArrayBuffer.isView(value))
    return [kind, new Uint8Array(value.buffer, value.byteOffset, value.byteLength)];
  return [kind, kind === "ArrayBuffer" ? new Uint8Array(value as ArrayBuffer) : undefined];
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

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
