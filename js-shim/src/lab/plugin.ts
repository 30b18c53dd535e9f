/**
 * commdoc's plugin for JupyterLab and Notebook 7: a notebook whose kernel has commdoc loaded shows the widgets of the
 * document, in every window, whatever the kernel does. Without the server's extension, or with commdoc not loaded, it
 * changes nothing.
 */

import { IJupyterWidgetRegistry } from "@jupyter-widgets/base";
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { IConsoleTracker } from "@jupyterlab/console";
import { INotebookTracker } from "@jupyterlab/notebook";
import { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { IStatusBar } from "@jupyterlab/statusbar";
import { addCommands, COMMANDS, turnOn } from "./commands";
import { Panels } from "./panels";
import { RoomServer } from "./server";
import { StatusItem } from "./status";
import style from "./style.css";

const ID = "@commdoc/lab:plugin";

/** Notebook 7 has no status bar: there the item is right of the menus: behind the spacer (900), before kernel (10010) and trust. */
const MENU_RANK = 10_000;

const plugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: "Widgets live in the notebook's document: every window has them.",
  autoStart: true,
  requires: [IRenderMimeRegistry, IJupyterWidgetRegistry],
  optional: [INotebookTracker, IConsoleTracker, ISettingRegistry, IStatusBar, ICommandPalette],
  activate,
};

async function activate(
  app: JupyterFrontEnd,
  rendermime: IRenderMimeRegistry,
  _registry: IJupyterWidgetRegistry,
  notebooks: INotebookTracker | null,
  consoles: IConsoleTracker | null,
  settings: ISettingRegistry | null,
  statusBar: IStatusBar | null,
  palette: ICommandPalette | null,
): Promise<void> {
  const server = new RoomServer(app.serviceManager.serverSettings);
  let warned = false;
  const refused = (error: unknown): void => {
    if (warned) return;
    warned = true;
    console.warn(
      `commdoc: this release of JupyterLab's widgets is not known, notebooks stay as they are: ${String(error)}`,
    );
  };
  let status: StatusItem | null = null;
  let panels: Panels;
  let everyKernel = false;
  try {
    panels = new Panels(rendermime, {
      server,
      ready: app.started,
      changed: () => status?.refresh(),
      refused,
      kernelIsOff: (session) => {
        if (everyKernel) turnOn(session).catch(warn);
      },
    });
  } catch (error) {
    refused(error);
    return;
  }
  panels.follow(notebooks, consoles);

  const current = () => panels.sessionOf(app.shell.currentWidget);
  addCommands(app.commands, { server, current });
  for (const command of Object.values(COMMANDS)) palette?.addItem({ command, category: "commdoc" });
  addStyle(style);
  const item = new StatusItem(current, () => {
    const session = current();
    if (session === null) return;
    const turnOn = session.withheld > 0 ? "notebook:trust" : COMMANDS.turnOn;
    void app.commands.execute(session.isBridged ? COMMANDS.openViewer : turnOn);
  });
  status = item;
  if (statusBar !== null) statusBar.registerStatusItem(ID, { item, align: "middle", rank: 10 });
  else app.shell.add(item, "menu", { rank: MENU_RANK });
  notebooks?.currentChanged.connect(() => item.refresh());
  consoles?.currentChanged.connect(() => item.refresh());
  // Not awaited: other plugins need not wait for it.
  settings?.load(ID).then((loaded) => {
    const read = (): void => {
      everyKernel = loaded.get("everyKernel").composite === true;
    };
    loaded.changed.connect(read);
    read();
  }, warn);
}

function addStyle(text: string): void {
  const element = document.createElement("style");
  element.textContent = text;
  document.head.append(element);
}

function warn(error: unknown): void {
  console.warn("commdoc:", error instanceof Error ? error.message : error);
}

export default plugin;
