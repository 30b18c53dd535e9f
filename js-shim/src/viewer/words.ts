/** What the page says about its states: in words, since a colour alone says nothing to many. */

import type { KernelStatus, Role } from "../window/messages";

export type ConnectionState = "connecting" | "live" | "disconnected" | "refused";

export const KERNEL_WORDS: Record<KernelStatus | "unknown", string> = {
  unknown: "No kernel yet",
  starting: "Kernel starting",
  idle: "Kernel idle",
  busy: "Kernel busy",
  disconnected: "Kernel disconnected",
  dead: "Kernel gone",
};

export const CONNECTION_WORDS: Record<ConnectionState, string> = {
  connecting: "Connecting",
  live: "Live",
  disconnected: "Reconnecting",
  refused: "Refused",
};

const ROLE_WORDS: Record<Role, string> = { bridge: "kernel", window: "window", viewer: "read only" };

export function roleWord(role: Role): string {
  return ROLE_WORDS[role] ?? role;
}

/** "1 window", "3 windows", "2 windows and 1 reader". */
export function peopleWords(windows: number, viewers: number): string {
  const parts = [];
  if (windows > 0) parts.push(count(windows, "window"));
  if (viewers > 0) parts.push(count(viewers, "reader"));
  return parts.join(" and ") || "Nobody here";
}

/** Why nothing can be changed now, or null when it can. */
export function lifelessWords(
  connection: ConnectionState,
  status: KernelStatus | "unknown",
  live: boolean,
): string | null {
  if (connection === "refused")
    return "The room refused this page. Open the newest link that %commdoc prints in the notebook.";
  if (connection === "disconnected")
    return "The connection to the room is lost; this page tries again. What you see is the last state.";
  if (status === "dead")
    return "The kernel is gone. What you see is its last state, and nothing in it can be changed.";
  if (status === "disconnected")
    return "The kernel is disconnected. What you see is its last state; it goes on when the kernel is back.";
  if (connection === "live" && status !== "unknown" && !live)
    return "No live kernel stands behind these widgets. What you see is their last state.";
  return null;
}

function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}
