/** A host on a source in memory, whose modules leave lines in `trace`. */

import { afterEach, beforeEach, vi } from "vitest";
import { AfmHost, type AfmOptions, type AfmProblem } from "../../src/afm";
import { MemorySource } from "../models/memory-source";
import { importBlobs } from "./blob-modules";

export interface Stage {
  source: MemorySource;
  host: AfmHost;
  problems: AfmProblem[];
  trace: unknown[];
  /** Another host, ended with the test. */
  start(source: MemorySource, options?: AfmOptions): AfmHost;
}

/** Makes a stage anew before each test. Modules find `trace` (an array) in `globalThis`. */
export function staged(options: AfmOptions = {}): Stage {
  const stage = {} as Stage;
  const hosts: AfmHost[] = [];
  stage.start = (source, more = {}) => {
    const onProblem = (problem: AfmProblem) => void stage.problems.push(problem);
    hosts.push(new AfmHost(source, { onProblem, ...options, ...more }));
    return hosts.at(-1) as AfmHost;
  };
  beforeEach(() => {
    importBlobs();
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    stage.problems = [];
    stage.trace = [];
    Object.assign(globalThis, { trace: stage.trace });
    document.body.replaceChildren();
    stage.source = new MemorySource();
    stage.host = stage.start(stage.source);
  });
  afterEach(() => {
    for (const host of hosts.splice(0)) host.dispose();
    vi.useRealTimers();
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });
  return stage;
}

/** An element in the page. */
export function element(): HTMLElement {
  const el = document.createElement("div");
  document.body.append(el);
  return el;
}

/** An anywidget's state. */
export function widget(esm: string, state: Record<string, unknown> = {}): Record<string, unknown> {
  return { model: "AnyModel", module: "anywidget", _anywidget_id: "test.Widget", _esm: esm, ...state };
}

export const DRAWS = "export default { render({ el, model }) { el.append('drawn ' + model.get('x')); } }";
