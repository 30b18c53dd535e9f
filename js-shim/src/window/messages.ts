/**
 * Every message between room and windows, typed. `docs/protocol.md` tells the exchange; `commdoc/protocol/messages.py` has
 * the same names.
 */

import type { Encoded, State } from "../document/elements";

/** The versions of the wire that this release speaks. */
export const MIN_PROTOCOL_VERSION = 1;
export const PROTOCOL_VERSION = 1;

export type Role = "bridge" | "window" | "viewer";
export type KernelStatus = "starting" | "idle" | "busy" | "disconnected" | "dead";
export type FailureCode =
  | "kernel_gone"
  | "expired"
  | "no_such_comm"
  | "superseded"
  | "viewer"
  | "too_large"
  | "rejected";

export interface Limits {
  frame_bytes: number;
  text_bytes: number;
  queue_bytes: number;
  event_bytes: number;
  push_bytes: number;
  handshake_seconds: number;
  in_flight?: number;
  in_flight_bytes?: number;
}

/** What windows are told of the kernel. */
export interface KernelState {
  status: KernelStatus;
  epoch: string | null;
  kernel_id: string | null;
  live: boolean;
  /** Whether the room outlives its host, where that keeps rooms; `failing` says why it doesn't now, and is tried again. */
  store?: { status: "kept" | "failing"; reason?: string };
}

/** One peer, as the others see it. */
export interface PeerInfo {
  peer_id: string;
  role: Role;
  name: string;
}

// --- window -> room -------------------------------------------------------------------------------------------------

export interface Hello {
  type: "hello";
  protocol: [number, number];
  client: string;
  /** Names this window over all of its connections. */
  key?: string;
  name?: string | undefined;
}

export interface Request {
  type: "request";
  request_id: string;
  comm_id: string;
  state: State;
}

export interface WindowMessage {
  type: "message";
  message_id: string;
  comm_id: string;
  data: Encoded;
  buffers: number[];
}

export interface WindowOpen {
  type: "open";
  message_id: string;
  comm_id: string;
  target_name: string;
  data: Encoded;
  metadata?: Encoded;
}

export interface WindowClose {
  type: "close";
  message_id: string;
  comm_id: string;
  data?: Encoded;
}

export interface GetBlobs {
  type: "get_blobs";
  hashes: string[];
}

/** What is asked of a comm. */
export type Asking = Request | WindowMessage | WindowOpen | WindowClose;

/** Tell me who changes what, or no more. */
export interface Inspect {
  type: "inspect";
  on: boolean;
}

/** Tell me the settings that are for windows, now and when they change, or no more. */
export interface FollowSettings {
  type: "follow_settings";
  on: boolean;
}

/** Set some of these; null puts one back to its default. Answered with `Settled` or `Failed`. */
export interface SetSettings {
  type: "set_settings";
  message_id: string;
  settings: Record<string, boolean | number | string | null>;
}

export type FromWindow = Hello | Asking | GetBlobs | Inspect | FollowSettings | SetSettings;

// --- room -> window -------------------------------------------------------------------------------------------------

export interface Welcome {
  type: "welcome";
  protocol: number;
  room_id: string;
  document_id: string;
  /** The room's own Yjs client id, whose elements `after` counts. */
  client_id?: number;
  peer_id: string;
  role: Role;
  /** What people call the room: the notebook's file name. */
  name?: string;
  limits: Limits;
  kernel: KernelState;
  peers: PeerInfo[];
  /** The room knows `Inspect`. */
  inspect?: boolean;
  /** The room knows `FollowSettings` and `SetSettings`. */
  settings?: boolean;
}

export interface Accepted {
  type: "accepted";
  request_id: string;
  after: number;
}

/** The kernel has handled a request, or a message, an open or a close (which have no `state`). */
export interface Settled {
  type: "settled";
  request_id?: string;
  message_id?: string;
  after: number;
  state?: State;
  error?: string;
}

export interface Failed {
  type: "failed";
  code: FailureCode;
  reason: string;
  request_id?: string;
  message_id?: string;
}

export interface CommMessage {
  type: "message";
  comm_id: string;
  data: Encoded;
  buffers: number[];
  after: number;
  source?: string;
  number?: number;
}

/** From here on a window gets all messages: those of `source` behind `number`. */
export interface Messages {
  type: "messages";
  source: string;
  number: number;
}

export interface KernelMessage extends KernelState {
  type: "kernel";
}

export interface CellEnd {
  type: "cell_end";
  msg_id: string;
  status: string;
  after: number;
  cell_id?: string;
  execution_count?: number;
}

export interface Log {
  type: "log";
  name: string;
  text: string;
  cause: string;
}

export interface Peers {
  type: "peers";
  peers: PeerInfo[];
}

export interface Blobs {
  type: "blobs";
  hashes: string[];
  sizes: number[];
  missing: string[];
}

/** A window as it was when it changed something; it may have left. */
export interface Author {
  peer_id: string;
  name: string;
}

/** What one write changed last: by a window, or without `by` by the kernel; so many seconds ago. */
export interface ChangedKeys {
  comm_id: string;
  keys: string[];
  ago: number;
  by?: Author;
}

/** Who changed what, to who asked with `Inspect`. A key of which nothing was said is as the kernel made it. */
export interface Changed {
  type: "changed";
  changes: ChangedKeys[];
}

/** Settings of the user that are for windows: all of them at first, then what changed. */
export interface Settings {
  type: "settings";
  settings: Record<string, boolean | number | string>;
}

export interface ErrorMessage {
  type: "error";
  code: string;
  reason: string;
}

export type ToWindow =
  | Welcome
  | Accepted
  | Settled
  | Failed
  | CommMessage
  | Messages
  | KernelMessage
  | CellEnd
  | Log
  | Peers
  | Blobs
  | Changed
  | Settings
  | ErrorMessage;
