/**
 * From the text or address of a module to what it defines.
 *
 * Three forms are read: a default object, a default function that gives such an object (called for each widget), and the
 * named export `render` of before anywidget 0.9, which has no `initialize` and comes before a default.
 */

import type { WidgetDefinition } from "./types";

/** Whether a `_esm` or `_css` is an address; anything else is the text itself. */
export function isAddress(text: string): boolean {
  return /^https?:\/\//.test(text);
}

/** @throws whatever reading, running or calling the module throws */
export async function loadDefinition(esm: string): Promise<WidgetDefinition> {
  const module = await importModule(esm);
  const { render, default: main } = module;
  if (typeof render === "function") return { render: render as NonNullable<WidgetDefinition["render"]> };
  if (!main) throw new TypeError("the module has no default export, which should be an object or a function");
  const definition: unknown = typeof main === "function" ? await main() : main;
  if (typeof definition !== "object" || definition === null)
    throw new TypeError("the module's default function gave no object");
  return definition as WidgetDefinition;
}

async function importModule(esm: string): Promise<{ render?: unknown; default?: unknown }> {
  if (isAddress(esm)) return import(/* webpackIgnore: true */ /* @vite-ignore */ esm);
  const address = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ address);
  } finally {
    URL.revokeObjectURL(address);
  }
}
