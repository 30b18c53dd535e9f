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
