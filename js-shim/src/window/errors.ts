/** What can go wrong between a window and its room, as classes of one small hierarchy. */

import type { FailureCode } from "./messages";

export class CommdocError extends Error {
  override name = "CommdocError";
}

/** A frame that is not what it says to be. */
export class ProtocolError extends CommdocError {
  override name = "ProtocolError";
}

/** The room can't be reached, or ended the connection for good. */
export class ConnectionError extends CommdocError {
  override name = "ConnectionError";

  /** @param code the WebSocket close code */
  constructor(
    message: string,
    readonly code: number,
  ) {
    super(message);
  }
}

/** A request or message that had no effect, with the room's reason. */
export class RequestError extends CommdocError {
  override name = "RequestError";

  constructor(
    message: string,
    readonly code: FailureCode | "closed",
    readonly commId: string,
  ) {
    super(message);
  }
}

/** A blob that the room doesn't have, or that didn't come. */
export class BlobError extends CommdocError {
  override name = "BlobError";

  constructor(
    readonly commId: string,
    readonly key: string,
    readonly hash: string,
    readonly size: number,
    readonly reason: string,
  ) {
    super(`comm ${commId}, key "${key}": blob ${hash.slice(0, 12)}… ${reason}`);
  }
}
