/**
 * Widgets of a file as the models' source: widget-state v2, with nobody behind it. What a model asks for is granted at once,
 * as a kernel would that does nothing else; messages have nobody who could hear them.
 */

import type { ModelSource, Output } from "../../models/source";

/** A model of widget-state v2. */
export interface SavedModel {
  model_name: string;
  model_module: string;
  model_module_version?: string;
  state: Record<string, unknown>;
  buffers?: { path: (string | number)[]; encoding: string; data: string }[];
}

const OUTPUT_MODULE = "@jupyter-widgets/output";

const NO_KERNEL = "there is no kernel behind a saved page";

/** @param unheard told of messages that nobody hears, and why */
export function savedSource(
  models: Readonly<Record<string, SavedModel>>,
  unheard: (commId: string, reason: string) => void,
): ModelSource {
  const states = new Map(Object.entries(models).map(([id, model]) => [id, stateOf(model)]));
  const isOutput = (commId: string) => models[commId]?.model_module === OUTPUT_MODULE;
  return {
    commIds: () => states.keys(),
    entry(commId) {
      const model = models[commId];
      const state = states.get(commId);
      if (model === undefined || state === undefined) return undefined;
      return {
        targetName: "jupyter.widget",
        modelModule: model.model_module,
        modelModuleVersion: model.model_module_version ?? "",
        modelName: model.model_name,
        keys: Object.keys(state).filter((key) => key !== "outputs" || !isOutput(commId)),
      };
    },
    async read(commId, keys) {
      const state = states.get(commId) ?? {};
      return { state: Object.fromEntries(keys.map((key) => [key, state[key]])), missing: [] };
    },
    follow(commId, follower) {
      const outputs = (states.get(commId)?.outputs ?? []) as Output[];
      follower(outputs.map((output, at) => ({ what: "added", at, output })));
      return () => undefined;
    },
    // A file is anybody's: its outputs are sanitised, as JupyterLab does with a notebook that is not trusted.
    trusted: () => false,
    requested: () => false,
    request(commId, asked) {
      Object.assign(states.get(commId) ?? {}, asked);
      return "";
    },
    send(commId, _data, _buffers, ended) {
      if (ended === undefined) unheard(commId, NO_KERNEL);
      else ended(new Error(NO_KERNEL));
      return "";
    },
    open: () => "",
    close: () => "",
    rank: () => 0,
    listen: () => () => undefined,
  };
}

function stateOf({ model_name, model_module, model_module_version, state, buffers = [] }: SavedModel) {
  const full: Record<string, unknown> = {
    _model_name: model_name,
    _model_module: model_module,
    _model_module_version: model_module_version ?? "",
    ...structuredClone(state),
  };
  for (const { path, encoding, data } of buffers) {
    let holder = full as Record<string | number, unknown>;
    for (const key of path.slice(0, -1)) holder = holder[key] as Record<string | number, unknown>;
    holder[path[path.length - 1] as string | number] = new DataView(bytesOf(encoding, data));
  }
  return full;
}

function bytesOf(encoding: string, data: string): ArrayBuffer {
  const bytes =
    encoding === "hex"
      ? Uint8Array.from(data.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
      : Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  return bytes.buffer;
}
