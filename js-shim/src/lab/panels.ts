/** Finds the widget managers of notebooks and consoles, and gives each a session as long as one of its panels is open. */

import type { ISessionContext } from "@jupyterlab/apputils";
import type { ConsolePanel, IConsoleTracker } from "@jupyterlab/console";
import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import type { IRenderMime, IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { Widget } from "@lumino/widgets";
import type * as Y from "yjs";
import { LabSession, type SessionOptions } from "./session";
import { hookRenderers, makeRenderer, managerOf, onFactory, type Renderer, type StockManager } from "./stock";
import { isTrusted, onTrust } from "./trust";

export interface Panel {
  readonly widget: Widget;
  readonly sessionContext: ISessionContext;
  readonly rendermime: IRenderMimeRegistry;
  /** The notebook's path; of a console none. */
  path(): string | null;
  /** The notebook's document where a collaboration extension shares it. */
  document(): Y.Doc | null;
  /** Does the person trust what the notebook's file brought? */
  isTrusted(): boolean;
  /** Follow that. */
  onTrust(changed: () => void): void;
}

export class Panels {
  private readonly sessions = new WeakMap<StockManager, LabSession>();
  private readonly byPanel = new Map<Panel, LabSession>();
  private readonly managers = new WeakMap<Renderer, StockManager>();
  private readonly turns = new WeakMap<Renderer, object>();
  /** The panel whose factory is just being asked. */
  private asking: Panel | null = null;

  constructor(
    rendermime: IRenderMimeRegistry,
    private readonly options: SessionOptions,
  ) {
    hookRenderers(rendermime, {
      hasManager: (renderer, manager) => this.hasManager(renderer, manager),
      render: (renderer, model, stock) => this.render(renderer, model, stock),
    });
  }

  follow(notebooks: INotebookTracker | null, consoles: IConsoleTracker | null): void {
    const notebook = (panel: NotebookPanel): void =>
      this.add({
        widget: panel,
        sessionContext: panel.sessionContext,
        rendermime: panel.content.rendermime,
        path: () => panel.context.path,
        document() {
          const { collaborative, sharedModel } = panel.context.model;
          return collaborative === true ? (sharedModel.ydoc ?? null) : null;
        },
        isTrusted: () => !panel.isDisposed && isTrusted(panel.context.model.cells),
        onTrust: (changed) => onTrust(panel.context.model.cells, changed),
      });
    const console = (panel: ConsolePanel): void =>
      this.add({
        widget: panel,
        sessionContext: panel.console.sessionContext,
        rendermime: panel.console.rendermime,
        path: () => null,
        document: () => null,
        isTrusted: () => false, // it has no file
        onTrust: () => undefined,
      });
    notebooks?.forEach(notebook);
    notebooks?.widgetAdded.connect((_, panel) => notebook(panel));
    consoles?.forEach(console);
    consoles?.widgetAdded.connect((_, panel) => console(panel));
  }

  /** The session of a panel's widget, once its kernel is there. */
  sessionOf(widget: Widget | null): LabSession | null {
    for (const [panel, session] of this.byPanel) if (panel.widget === widget) return session;
    return null;
  }

  private add(panel: Panel): void {
    const ask = (): void => {
      this.asking = panel;
      try {
        makeRenderer(panel.rendermime)?.dispose();
      } finally {
        this.asking = null;
      }
    };
    onFactory(panel.rendermime, ask);
    ask(); // one that was open before this plugin
    const { sessionContext } = panel;
    sessionContext.kernelChanged.connect(() => this.byPanel.get(panel)?.rejoin());
    sessionContext.connectionStatusChanged.connect((_, status) => {
      if (status === "connected") this.byPanel.get(panel)?.rejoin();
    });
    panel.onTrust(() => this.byPanel.get(panel)?.trustChanged());
    panel.widget.disposed.connect(() => this.remove(panel));
  }

  private remove(panel: Panel): void {
    const session = this.byPanel.get(panel);
    this.byPanel.delete(panel);
    if (session !== undefined && ![...this.byPanel.values()].includes(session)) session.dispose();
    this.options.changed();
  }

  private hasManager(renderer: Renderer, manager: StockManager): void {
    this.managers.set(renderer, manager);
    const panel = this.asking;
    if (panel === null) return;
    let session = this.sessions.get(manager);
    if (session === undefined) {
      const place = () => ({
        kernel: panel.sessionContext.session?.kernel ?? null,
        path: panel.path(),
        document: panel.document(),
        isTrusted: panel.isTrusted(),
      });
      try {
        session = new LabSession(manager, place, this.options);
      } catch (error) {
        this.options.refused(error);
        return;
      }
      this.sessions.set(manager, session);
    }
    this.byPanel.set(panel, session);
  }

  private async render(
    renderer: Renderer,
    model: IRenderMime.IMimeModel,
    stock: () => Promise<void>,
  ): Promise<void> {
    const turn = {};
    this.turns.set(renderer, turn);
    const isCurrent = () => this.turns.get(renderer) === turn;
    let manager = this.managers.get(renderer);
    if (manager === undefined) {
      // As the stock renderer does: a cell may be shown before its panel has a manager.
      renderer.node.textContent = "Loading widget...";
      manager = await managerOf(renderer);
      if (!isCurrent()) return;
    }
    const session = manager && this.sessions.get(manager);
    return session === undefined ? stock() : session.views.render(renderer, model, stock, isCurrent);
  }
}
