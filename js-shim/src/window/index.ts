/**
 * A window onto a room: joins it, reads its widgets, asks for changes, sends and hears messages. No DOM; runs in Node, too.
 *
 *     const room = await joinRoom(link);
 *     const { settled } = room.request(commId, { value: 5 });
 *
 * @module
 */

export type { ConnectionStatus } from "./connection";
export { BlobError, CommdocError, ConnectionError, ProtocolError, RequestError } from "./errors";
export type {
  CellEnd,
  Failed,
  FailureCode,
  KernelState,
  KernelStatus,
  Limits,
  Log,
  PeerInfo,
  Role,
} from "./messages";
export type { Reading } from "./reading";
export type { RequestHandle, Settlement } from "./requests";
export {
  type JoinOptions,
  joinRoom,
  type MessageHandle,
  Room,
  type RoomEvents,
  type RoomMessage,
} from "./room";
export {
  type Connect,
  type RoomAddress,
  readLink,
  type Transport,
  type TransportEvents,
  type WebSocketConstructor,
  webSocketConnect,
} from "./transport";
