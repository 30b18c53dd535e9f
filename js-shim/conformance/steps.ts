/**
 * The kernel's side of a story as JSON, for a kernel that is somewhere else:
 *
 *     {"open": {commId: state}}   {"set": {commId: state}}   {"message": commId, "content": …, "buffers": […]}   {"close": commId}
 *
 * Bytes in it are `{"bytes": [1, 2]}`. `kernel.py` beside this file does these steps in a Jupyter kernel.
 */

import type { Story } from "./contract";
import { bytesOf, mapValues } from "./values";

/** @param tell takes a step; resolves when the kernel has done it */
export function asSteps(tell: (step: string) => Promise<void>): Story {
  const told = (step: object) => tell(JSON.stringify(plain(step)));
  return {
    open: (comms) => told({ open: comms }),
    set: (commId, state) => told({ set: { [commId]: state } }),
    message: (commId, content, buffers) => told({ message: commId, content, buffers }),
    close: (commId) => told({ close: commId }),
  };
}

function plain(value: unknown): unknown {
  const bytes = bytesOf(value);
  if (bytes !== undefined) return { bytes: [...bytes] };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return mapValues(value as Record<string, unknown>, plain);
}
