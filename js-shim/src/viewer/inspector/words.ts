/** Who, in words. */

import type { LastChange } from "./authors";
import { cut, visible } from "./values";

/** @param peerId this window's */
export function byWords(change: LastChange | undefined, peerId: string): string {
  if (change === undefined || change.by === null) return "kernel";
  const { name, peer_id: id } = change.by;
  if (id === peerId) return "this page";
  // Two browsers of one kind have the same name.
  return `${visible(cut(name || "a window", 40))} ${visible(id.slice(0, 4))}`;
}
