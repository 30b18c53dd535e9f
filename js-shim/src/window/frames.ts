/**
 * Frames of the commdoc socket: bytes in, bytes out, no I/O.
 *
 *     varuint 0    y-protocols sync
 *     varuint 1    y-protocols awareness
 *     varuint 100 · varstring JSON with a `type` · varuint count · count × varbytes
 *
 * A reader may conclude from `decodeFrame` returning that every length in the frame was true. Buffers are views of the
 * frame: nothing is allocated for a claimed length.
 */

import * as encoding from "lib0/encoding";
import { isObject, isText } from "../document/elements";
import { decodeText } from "../document/values";
import { ProtocolError } from "./errors";
import type { FromWindow, ToWindow } from "./messages";

export const SYNC = 0;
export const AWARENESS = 1;
export const MESSAGE = 100;

const MAX_BUFFERS = 65_536;
const MAX_VARUINT_BYTES = 8;

/** A decoded frame of our own. */
export interface Frame<Message = ToWindow> {
  message: Message;
  buffers: Uint8Array[];
}

/** The bytes of a message. */
export function encodeFrame(
  message: FromWindow | { type: string },
  buffers: readonly Uint8Array[] = [],
): Uint8Array<ArrayBuffer> {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, MESSAGE);
  encoding.writeVarString(encoder, JSON.stringify(message));
  encoding.writeVarUint(encoder, buffers.length);
  for (const buffer of buffers) encoding.writeVarUint8Array(encoder, buffer);
  return encoding.toUint8Array(encoder);
}

/** The bytes of a frame of y-protocols sync, whose content `write` writes. */
export function syncFrame(write: (encoder: encoding.Encoder) => void): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, SYNC);
  write(encoder);
  return encoding.toUint8Array(encoder);
}

/** The type of a frame: `SYNC`, `AWARENESS` or `MESSAGE`. */
export function frameType(data: Uint8Array): number {
  const { type } = new Reader(data);
  if (type !== SYNC && type !== AWARENESS && type !== MESSAGE)
    throw new ProtocolError(`unknown frame type ${type}`);
  return type;
}

/** The step and the content of a frame of type `SYNC`. */
export function decodeSync(data: Uint8Array): [step: number, content: Uint8Array] {
  const reader = new Reader(data);
  return [reader.varuint(), reader.bytes("the sync message")];
}

/** How long the JSON text of a frame of type `MESSAGE` is. */
export function textBytes(data: Uint8Array): number {
  return new Reader(data).varuint();
}

/** Reads a frame of type `MESSAGE`; throws `ProtocolError` with the reason for anything else. */
export function decodeFrame(data: Uint8Array): Frame {
  const reader = new Reader(data);
  if (reader.type !== MESSAGE) throw new ProtocolError(`frame type ${reader.type} is no message`);
  const text = reader.bytes("the message");
  const count = reader.varuint();
  if (count > MAX_BUFFERS) throw new ProtocolError(`${count} buffers, ${MAX_BUFFERS} are allowed`);
  const buffers: Uint8Array[] = [];
  for (let n = 0; n < count; n++) buffers.push(reader.bytes(`buffer ${n}`));
  if (reader.left > 0) throw new ProtocolError(`${reader.left} bytes left over behind the frame`);
  return { message: parseMessage(text), buffers };
}

function parseMessage(text: Uint8Array): ToWindow {
  let message: unknown;
  try {
    message = JSON.parse(decodeText(text));
  } catch (error) {
    throw new ProtocolError(`the message is not JSON in UTF-8: ${(error as Error).message}`);
  }
  if (!isObject(message) || !isText(message.type))
    throw new ProtocolError("the message is not a JSON object with a type");
  return message as unknown as ToWindow;
}

/** Reads a frame from behind its type on. */
class Reader {
  readonly type: number;
  readonly #data: Uint8Array;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
    this.type = this.varuint();
  }

  get left(): number {
    return this.#data.length - this.#at;
  }

  varuint(): number {
    let number = 0;
    let factor = 1;
    for (let n = 0; n < MAX_VARUINT_BYTES; n++) {
      const byte = this.#data[this.#at++];
      if (byte === undefined) throw new ProtocolError("cut off inside a length");
      number += (byte & 0x7f) * factor;
      if (byte < 0x80) return number;
      factor *= 128;
    }
    throw new ProtocolError("a length of more than 53 bits");
  }

  bytes(what: string): Uint8Array {
    const size = this.varuint();
    if (size > this.left) throw new ProtocolError(`${what} claims ${size} bytes, ${this.left} are there`);
    this.#at += size;
    return this.#data.subarray(this.#at - size, this.#at);
  }
}
