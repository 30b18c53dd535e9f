/**
 * The elements of the document's `comms` log, typed: one JSON text each. `docs/schema.md` tells what they mean.
 */

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

/** The three keys that stand beside an entry's state and that readers put back. */
export const MODEL_KEYS = [
  ["_model_module", "model_module"],
  ["_model_module_version", "model_module_version"],
  ["_model_name", "model_name"],
] as const;

/**
 * Reads one element.
 *
 * @returns the element, `null` for a kind that this release doesn't know, or a string that says what is wrong with it
 */
export function parseElement(text: unknown): Element | null | string {
  if (typeof text !== "string") return `an element is no text but ${typeof text}`;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return `an element is not JSON: ${text.slice(0, 80)}`;
  }
  if (!Array.isArray(parsed) || parsed.length < 3 || typeof parsed[0] !== "string")
    return `an element is no list with a kind: ${text.slice(0, 80)}`;
  const [kind, commId, body, ...more] = parsed as [string, unknown, unknown, ...unknown[]];
  if (!isKind(kind)) return null;
  const fits = kind === "out" ? isOutput(body, more) : isObject(body) && hasShape(kind, body, more);
  if (typeof commId !== "string" || !fits) {
    return `an element "${kind}" is not what the schema says: ${text.slice(0, 80)}`;
  }
  return parsed as unknown as Element;
}

function isKind(kind: string): kind is Element[0] {
  return kind === "o" || kind === "u" || kind === "out" || kind === "v" || kind === "k";
}

function isOutput(body: unknown, more: unknown[]): boolean {
  const [ordinal] = more;
  return (
    more.length === 1 &&
    Number.isInteger(ordinal) &&
    (ordinal as number) >= 1 &&
    (isText(body) || isObject(body))
  );
}

function hasShape(kind: Element[0], body: Record<string, unknown>, more: unknown[]): boolean {
  if (more.length > 0 && kind !== "k") return false;
  switch (kind) {
    case "o":
      return (
        isText(body.target_name) &&
        isText(body.epoch) &&
        Number.isInteger(body.seq) &&
        (body.seq as number) >= 1 &&
        (body.state === undefined || body.state === null || isObject(body.state)) &&
        MODEL_KEYS.every(([, name]) => body[name] === undefined || isText(body[name]))
      );
    case "k":
      // A newer schema may look different in everything but this.
      if (!Number.isInteger(body.schema_version)) return false;
      if ((body.schema_version as number) > SCHEMA_VERSION) return true;
      return (
        isText(body.epoch) &&
        isText(body.status) &&
        isObject(body.kernel) &&
        isText(body.kernel.kernel_id) &&
        isText(body.kernel.name)
      );
    case "v":
      return isText(body.msg_id) && (body.cell_id === undefined || isText(body.cell_id));
    default:
      return true;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
