/** Widgets that refer to widgets: `anywidget:<model id>` in a state, and what a view's `host` makes of it. */

import type { Registry } from "./contracts";
import { modelOf } from "./model";
import type { AfmModel, Host, ResolvedWidget } from "./types";

const PREFIX = "anywidget:";

/** @param view the signal of the view that asks; what it got ends with it */
export function hostOf(registry: Registry, view: AbortSignal): Host {
  return {
    async getModel<State extends object>(ref: string): Promise<AfmModel<State>> {
      const comm = await registry.get(target(ref));
      const owner = {};
      view.addEventListener("abort", () => comm.listeners.off(null, null, owner));
      return modelOf<State>(comm, owner);
    },
    async getWidget<Exports>(ref: string): Promise<ResolvedWidget<Exports>> {
      const { instance } = await registry.get(target(ref));
      const exports = (await instance.initialized()) as Exports;
      return { exports, render: ({ el, signal = view }) => instance.show({ el, signal }) };
    },
  };
}

function target(ref: unknown): string {
  if (typeof ref === "string" && ref.startsWith(PREFIX)) return ref.slice(PREFIX.length);
  throw new TypeError(
    `${JSON.stringify(ref)} is no reference to a widget: "anywidget:<model id>" would be one`,
  );
}
