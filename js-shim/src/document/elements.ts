/**
 * The elements of the document's `comms` log, typed: one JSON text each. `docs/schema.md` tells what they mean.
 */

import type { OnProblem } from "./emitter";

/** A JSON value in the document's value encoding (see `values.ts`). */
export type Encoded = null | boolean | number | string | Encoded[] | EncodedObject;

export interface EncodedObject {
  [key: string]: Encoded;
}

/** Trait name to encoded value. */
export type State = EncodedObject;

export type BlobType = "bytes" | "text" | "json";

/** What stands in the document in a blob's place. */
export interface BlobSentinel {
  $blob: string;
  size: number;
  type: BlobType;
}

/** `["o", comm_id, …]`: the comm was opened. */
export interface OpenBody {
  target_name: string;
  model_module?: string;
  model_module_version?: string;
  model_name?: string;
  seq: number;
  epoch: string;
  state?: State;
  data?: Encoded;
  metadata?: Encoded;
}

/** `["v", comm_id, …]`: a displayed view. */
export interface ViewBody {
  msg_id: string;
  cell_id?: string;
  execution_count?: number;
}

/** `["k", "", …]`: a kernel. */
export interface KernelBody {
  schema_version: number;
  epoch: string;
  kernel: { kernel_id: string; name: string };
  status: string;
}

/** `["out", comm_id, …, ordinal]`: an output of an OutputModel, nbformat 4, encoded; in a text's place, more of a stream. */
export type OutputBody = EncodedObject;

export type Element =
  | ["o", string, OpenBody]
  | ["u", string, State]
  | ["out", string, OutputBody | string, number]
  | ["v", string, ViewBody]
  | ["k", string, KernelBody];

/** The name of the root that holds the log. */
export const ROOT = "comms";

/** The newest document schema that this release reads. */
export const SCHEMA_VERSION = 1;

/** The key of an Output widget's state that its outputs are. */
export const OUTPUTS = "outputs";

/** `_model_module` and `_model_name` of the Output widget. */
export const OUTPUT_MODEL = ["@jupyter-widgets/output", "OutputModel"] as const;

/** The three keys that stand beside an entry's state, and that readers put back into it with a `_` before them. */
export const MODEL_KEYS = ["model_module", "model_module_version", "model_name"] as const;

/**
 * Reads one element.
 *
 * @param onProblem told what is wrong with it
 * @returns `null` for a kind that this release doesn't know, and for what is no element
 */
export function parseElement(text: unknown, onProblem: OnProblem): Element | null {
  const refuse = (problem: string): null => {
    onProblem(`an element ${problem}: ${isText(text) ? text.slice(0, 80) : typeof text}`);
    return null;
  };
  if (!isText(text)) return refuse("is no text");
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return refuse("is not JSON");
  }
  if (!Array.isArray(parsed) || parsed.length < 3 || !isText(parsed[0]))
    return refuse("is no list with a kind");
  const [kind, commId, body, ...more] = parsed as [string, unknown, unknown, ...unknown[]];
  if (!Object.hasOwn(FITS, kind)) return null;
  const fits = FITS[kind as Element[0]];
  if (!isText(commId) || !fits(body as Body, more)) return refuse("is not what the schema says");
  return parsed as unknown as Element;
}

type Body = Record<string, unknown>;

/** Whether an element's body, and what stands behind it, are what the schema says, for each kind. */
const FITS: { [kind in Element[0]]: (body: Body, more: unknown[]) => boolean } = {
  o: (body, more) =>
    more.length === 0 &&
    isObject(body) &&
    isText(body.target_name) &&
    isText(body.epoch) &&
    isCount(body.seq) &&
    (isNothing(body.state) || isObject(body.state)) &&
    MODEL_KEYS.every((name) => isTextIfAny(body[name])),
  u: (body, more) => more.length === 0 && isObject(body),
  out: (body, more) => more.length === 1 && isCount(more[0]) && (isText(body) || isObject(body)),
  v: (body, more) => more.length === 0 && isObject(body) && isText(body.msg_id) && isTextIfAny(body.cell_id),
  // A newer schema may look different in everything but its version.
  k: (body) =>
    isObject(body) &&
    Number.isInteger(body.schema_version) &&
    ((body.schema_version as number) > SCHEMA_VERSION ||
      (isText(body.epoch) &&
        isText(body.status) &&
        isObject(body.kernel) &&
        isText(body.kernel.kernel_id) &&
        isText(body.kernel.name))),
};

export function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isTextIfAny(value: unknown): boolean {
  return value === undefined || isText(value);
}

/** Whether it is an integer from 1 on. */
function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1;
}

export function isNothing(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
