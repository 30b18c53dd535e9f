/**
 * JSON as a tree that opens and closes, as JupyterLab shows it. Its own is a program of 300 kB; this one fills a branch
 * when it is opened, so that a large value costs what is looked at.
 */

import { type IRenderMime, RenderedCommon } from "@jupyterlab/rendermime";

/** A longer list or object shows its rest when that is asked for. */
const FIRST_ITEMS = 200;

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export class JsonTree extends RenderedCommon {
  constructor(options: IRenderMime.IRendererOptions) {
    super(options);
    this.addClass("jp-RenderedJSON");
  }

  override async render(model: IRenderMime.IMimeModel): Promise<void> {
    const { expanded } = (model.metadata[this.mimeType] ?? model.metadata) as { expanded?: boolean };
    this.node.append(branch("root", model.data[this.mimeType] as Json, expanded === true, true));
  }
}

/** One value with its name: a line, or a branch that opens. */
function branch(name: string, value: Json, all: boolean, open = all): HTMLElement {
  const isList = Array.isArray(value);
  if (typeof value !== "object" || value === null) return leaf(name, value);
  const items = Object.entries(value);
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  const count = isList ? `[] ${items.length} items` : `{} ${items.length} keys`;
  summary.append(label(name), part("commdoc-json-count", count.replace(/^(.. 1 \w+)s$/, "$1")));
  details.append(summary);
  let filled = false;
  const fill = () => {
    if (filled) return;
    filled = true;
    more(details, items, 0, all);
  };
  details.addEventListener("toggle", () => details.open && fill());
  if (open) {
    fill();
    details.open = true;
  }
  return details;
}

function more(place: HTMLElement, items: [string, Json][], from: number, all: boolean): void {
  const until = from + FIRST_ITEMS;
  place.append(...items.slice(from, until).map(([name, value]) => branch(name, value, all)));
  if (items.length <= until) return;
  const button = document.createElement("button");
  button.textContent = `${items.length - until} more`;
  button.addEventListener("click", () => {
    button.remove();
    more(place, items, until, all);
  });
  place.append(button);
}

function leaf(name: string, value: null | boolean | number | string): HTMLElement {
  const line = document.createElement("div");
  line.append(
    label(name),
    part(`commdoc-json-${value === null ? "null" : typeof value}`, JSON.stringify(value)),
  );
  return line;
}

function label(name: string): HTMLElement {
  return part("commdoc-json-name", `${name}: `);
}

function part(className: string, text: string): HTMLElement {
  const span = document.createElement("span");
  span.className = className;
  span.textContent = text;
  return span;
}
