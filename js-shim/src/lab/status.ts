/** The item in the status bar, or where there is none beside the menus: what the current panel's room has, and how far behind its windows are. */

import { Widget } from "@lumino/widgets";
import type { LabSession } from "./session";

/** Faster than this nobody reads. */
const REST_MS = 250;

export class StatusItem extends Widget {
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly current: () => LabSession | null,
    onClick: () => void,
  ) {
    super();
    this.id = "commdoc-status"; // JupyterLab takes nothing without one
    this.addClass("commdoc-StatusItem");
    this.node.addEventListener("click", onClick);
    this.show_();
  }

  /** Something may have changed. */
  refresh(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.show_();
    }, REST_MS);
  }

  override dispose(): void {
    clearTimeout(this.timer);
    super.dispose();
  }

  private show_(): void {
    const words = describe(this.current());
    this.setHidden(words === null);
    this.node.textContent = words?.text ?? "";
    this.node.title = words?.title ?? "";
    this.node.dataset.state = words?.state ?? "";
  }
}

interface Words {
  text: string;
  title: string;
  state: "live" | "dead" | "off" | "lost";
}

/** What is said of a session; nothing where there is no room. */
export function describe(session: LabSession | null): Words | null {
  if (session !== null && session.withheld > 0 && !session.isBridged) {
    return {
      text: `commdoc: ${count(session.withheld, "widget model")} not trusted`,
      title: "They came with the notebook, no kernel here has made them: a click asks whether you trust it",
      state: "off",
    };
  }
  const room = session?.room;
  if (!session || !room) return null;
  const comms = room.comms.size;
  if (!session.isLive && comms === 0) {
    return {
      text: "commdoc: off",
      title: "commdoc is not loaded in this kernel: click to turn it on",
      state: "off",
    };
  }
  const models = count(comms, "widget model");
  const windows = count(
    room.peers.filter(({ role }) => role === "window" || role === "viewer").length,
    "window",
  );
  if (room.status !== "synced") {
    return {
      text: `commdoc: ${models} · connecting…`,
      title: "The connection to the notebook's room is being made again",
      state: "lost",
    };
  }
  if (!session.isLive) {
    return {
      text: `commdoc: ${models} · ${windows} · no kernel`,
      title: "The kernel that made these widgets has ended: they show what they had",
      state: "dead",
    };
  }
  const { lagMs, withheld } = session;
  const lag = lagMs === null ? "" : `${lagMs < 1 ? "<1" : Math.round(lagMs)} ms`;
  return {
    text: [`commdoc: ${models}`, windows, room.kernel.status, lag, withheld > 0 && `${withheld} not trusted`]
      .filter(Boolean)
      .join(" · "),
    title: `${models}, ${windows}, kernel ${room.kernel.status}${lag && `, ${lag} until the document had this window's last change`}`,
    state: "live",
  };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
