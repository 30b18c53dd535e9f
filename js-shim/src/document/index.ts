/**
 * Reads the comms map of a yjs document that came by any road: no connection, no DOM.
 *
 *     const comms = new CommsMap(doc);
 *     for (const [commId, comm] of comms) console.log(commId, comm.modelName, comm.encodedState);
 *
 * @module
 */

export { CommsMap, type CommsMapOptions, SchemaError, type View } from "./comms-map";
export {
  type BlobSentinel,
  type BlobType,
  type Encoded,
  type EncodedObject,
  type KernelBody,
  type OutputBody,
  ROOT,
  SCHEMA_VERSION,
  type State,
  type ViewBody,
} from "./elements";
export type { Change, Comm, CommJson } from "./entry";
export type { OutputEdit } from "./outputs";
export {
  asBytes,
  decode,
  encode,
  encodeState,
  forEachBlob,
  type GetBlob,
  isBlobSentinel,
  type Value,
  ValueEncodingError,
} from "./values";
