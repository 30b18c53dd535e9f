/** The plugin's commands, in the palette and for other plugins. */

import { Clipboard, Notification } from "@jupyterlab/apputils";
import type { CommandRegistry } from "@lumino/commands";
import type { RoomServer } from "./server";
import type { LabSession } from "./session";

export const COMMANDS = {
  openViewer: "commdoc:open-viewer",
  copyLink: "commdoc:copy-viewer-link",
  turnOn: "commdoc:turn-on",
} as const;

export interface CommandOptions {
  server: RoomServer;
  current(): LabSession | null;
}

export function addCommands(commands: CommandRegistry, { server, current }: CommandOptions): void {
  const link = async (): Promise<string> => {
    const roomId = current()?.room?.roomId;
    if (!roomId) throw new Error("this notebook has no room");
    return server.link(roomId, "viewer");
  };
  const add = (id: string, label: string, run: () => Promise<void>, isEnabled: () => boolean): void => {
    commands.addCommand(id, {
      label: `commdoc: ${label}`,
      isEnabled,
      execute: () => run().catch((error) => void Notification.error(`commdoc: ${error.message ?? error}`)),
    });
  };
  const hasRoom = () => Boolean(current()?.room);
  add(
    COMMANDS.openViewer,
    "open viewer",
    async () => {
      // Opened now, by the click: a browser blocks what opens later.
      const page = window.open("about:blank", "_blank");
      try {
        const url = await link();
        if (page !== null) page.location.href = url;
        else window.open(url, "_blank", "noopener");
      } catch (error) {
        page?.close();
        throw error;
      }
    },
    hasRoom,
  );
  add(
    COMMANDS.copyLink,
    "copy viewer link",
    async () => {
      Clipboard.copyToSystem(await link());
      Notification.success(
        "The viewer's link is in the clipboard. Who has it may look, for as long as it is good.",
      );
    },
    hasRoom,
  );
  add(
    COMMANDS.turnOn,
    "turn on for this kernel",
    async () => {
      const session = current();
      if (session !== null) await turnOn(session);
    },
    () => current()?.isBridged === false,
  );
}

/** Loads commdoc in the session's kernel; no cell shows it. */
export async function turnOn(session: LabSession): Promise<void> {
  const { kernel } = session.place();
  if (kernel === null) throw new Error("there is no kernel");
  const { language_info: language } = await kernel.info;
  if (language.name !== "python")
    throw new Error(`commdoc is for Python kernels, this one is ${language.name}`);
  const future = kernel.requestExecute({
    code: "%load_ext commdoc",
    silent: true,
    store_history: false,
    stop_on_error: false,
  });
  let failed = "";
  future.onIOPub = ({ header, content }) => {
    if (header.msg_type === "error") failed = (content as { evalue: string }).evalue;
    if (header.msg_type === "stream" && (content as { name: string }).name === "stderr")
      failed = (content as { text: string }).text;
  };
  await future.done;
  if (failed) throw new Error(`%load_ext commdoc: ${failed.trim()}`);
}
