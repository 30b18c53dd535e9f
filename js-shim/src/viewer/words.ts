/** What the page says about its states: in words, since a colour alone says nothing to many. */

import type { KernelState, KernelStatus, Role } from "../window/messages";
import type { Room } from "../window/room";
import type { CellFacts } from "./cells/cell";

export type ConnectionState = "connecting" | "live" | "disconnected" | "refused" | "stopped";

/** What a widget may do to the frame that it is in: lead it elsewhere, write over it, keep it from answering. */
export type FrameTrouble = "left" | "overwritten" | "silent";

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
  stopped: "Stopped",
};

export const FRAME_WORDS: Record<FrameTrouble, string> = {
  left: "A widget has led this page's widgets to another address: they are gone from here, not from the notebook.",
  overwritten:
    "A widget has written over this page's widgets: they are gone from here, not from the notebook.",
  silent: "The widgets don't answer: one of them keeps this page busy.",
};

/** What stands on the stage until the new kernel's widgets are displayed. */
export const LAST_LIFE_WORDS =
  "The kernel was started anew. What you see is the last state of its widgets before, and nothing in it can be changed; " +
  "new ones take their place when they are displayed.";

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
    return "The kernel is gone. What you see is its last state. A new kernel comes here when commdoc is loaded in it.";
  if (status === "disconnected")
    return "The kernel is disconnected. What you see is its last state; it goes on when the kernel is back.";
  if (connection === "live" && status !== "unknown" && !live)
    return "No live kernel stands behind these widgets. What you see is their last state.";
  return null;
}

/** That a room is not kept just now, or null when it is. Where its host keeps it is not every reader's business. */
export function storeWords(store: KernelState["store"], role: Role | null): string | null {
  if (store?.status !== "failing") return null;
  const reason = store.reason && role !== "viewer" ? ` (${store.reason})` : "";
  return `This room can't be saved just now${reason}: it goes on in memory, and is saved as soon as that works again.`;
}

/** How a room's widgets stand. */
export interface Standing {
  /** Why nothing more will come, */
  ended: string | null;
  /** why nothing can be changed now, */
  lifeless: string | null;
  /** and why nothing can be changed all the same. */
  rest: string | null;
  /** Whether widgets can be used. */
  alive: boolean;
  /** A reader's widgets are this moment's; what can't be brought up to date is the last state. */
  state: "live" | "reading" | "last";
}

/** @param isLastLife whether what is shown is a life's that is over */
export function standing(
  room: Pick<Room, "kernel" | "status" | "role" | "schemaError">,
  isLastLife: boolean,
  words: { closed: string; reading: string },
): Standing {
  const { status, live, epoch } = room.kernel;
  const connection = room.status === "synced" ? "live" : "disconnected";
  const lifeless = lifelessWords(connection, epoch === null ? "unknown" : status, live);
  const ended = room.schemaError?.message ?? (room.status === "closed" ? words.closed : null);
  const last = isLastLife && lifeless === null ? LAST_LIFE_WORDS : null;
  const rest = last ?? (room.role === "viewer" ? words.reading : null);
  const isCurrent = ended === null && lifeless === null && last === null && live;
  const alive = isCurrent && rest === null;
  return { ended, lifeless, rest, alive, state: alive ? "live" : isCurrent ? "reading" : "last" };
}

/** Says it in this line, or nothing. What is said already is left alone: a screen reader would read it again. */
export function say(line: HTMLElement, words: string | null): void {
  if (line.textContent !== (words ?? "")) line.textContent = words;
  if (line.hidden !== (words === null)) line.hidden = words === null;
}

/** "In [7]", "In [*]" while it runs; nothing of a cell that has no code. */
export function promptOf({ kind, running, executionCount }: CellFacts): string {
  return kind === "code" ? `In [${running ? "*" : (executionCount ?? " ")}]` : "";
}

/** What a screen reader says of a cell. */
export function cellName({ kind, running, executionCount }: CellFacts): string {
  if (kind !== "code") return kind === "markdown" ? "Text" : "Raw cell";
  if (running) return "Code, running";
  return executionCount === null ? "Code, not run" : `Code, execution ${executionCount}`;
}

/** Of outputs that the document doesn't have. */
export function elsewhereWords(n: number): string {
  if (n === 0) return "";
  const kept = n === 1 ? "1 output of this cell is" : `${n} outputs of this cell are`;
  return `${kept} not in the shared document: the notebook's server keeps what it is in files of its own. Open the notebook there to see it.`;
}

function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}
