/**
 * The parts of JupyterLab's packages that the plugin uses and that are not installed here: their type packages bring
 * some two hundred others, editors and diagram makers among them. At run time they are JupyterLab's own.
 */

declare module "@jupyterlab/application" {
  import type { ServiceManager } from "@jupyterlab/services";
  import type { CommandRegistry } from "@lumino/commands";
  import type { Token } from "@lumino/coreutils";
  import type { Widget } from "@lumino/widgets";

  export interface JupyterFrontEnd {
    readonly commands: CommandRegistry;
    readonly serviceManager: ServiceManager.IManager;
    readonly shell: {
      readonly currentWidget: Widget | null;
      add(widget: Widget, area: "menu", options: { readonly rank: number }): void;
    } & Widget;
    readonly started: Promise<void>;
    readonly restored: Promise<void>;
  }

  export interface JupyterFrontEndPlugin<T> {
    readonly id: string;
    readonly description?: string;
    readonly autoStart?: boolean;
    readonly requires?: Token<unknown>[];
    readonly optional?: Token<unknown>[];
    activate(app: JupyterFrontEnd, ...services: never[]): T | Promise<T>;
  }
}

declare module "@jupyterlab/notebook" {
  import type { ISessionContext } from "@jupyterlab/apputils";
  import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
  import type { Token } from "@lumino/coreutils";
  import type { ISignal } from "@lumino/signaling";
  import type { Widget } from "@lumino/widgets";
  import type * as Y from "yjs";

  export interface CellModel {
    readonly type: string;
    readonly trusted: boolean;
    readonly stateChanged: ISignal<CellModel, unknown>;
  }

  export interface CellList extends Iterable<CellModel> {
    readonly changed: ISignal<CellList, { readonly newValues: readonly CellModel[] }>;
  }

  export interface NotebookPanel extends Widget {
    readonly sessionContext: ISessionContext;
    readonly content: Widget & { readonly rendermime: IRenderMimeRegistry };
    readonly context: {
      readonly path: string;
      readonly ready: Promise<void>;
      readonly model: {
        readonly collaborative?: boolean;
        readonly sharedModel: { readonly ydoc?: Y.Doc };
        readonly cells: CellList;
      };
    };
  }

  export interface INotebookTracker {
    readonly currentWidget: NotebookPanel | null;
    readonly currentChanged: ISignal<INotebookTracker, NotebookPanel | null>;
    readonly widgetAdded: ISignal<INotebookTracker, NotebookPanel>;
    forEach(visit: (panel: NotebookPanel) => void): void;
  }

  export const INotebookTracker: Token<INotebookTracker>;
}

declare module "@jupyterlab/console" {
  import type { ISessionContext } from "@jupyterlab/apputils";
  import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
  import type { Token } from "@lumino/coreutils";
  import type { ISignal } from "@lumino/signaling";
  import type { Widget } from "@lumino/widgets";

  export interface ConsolePanel extends Widget {
    readonly console: Widget & {
      readonly sessionContext: ISessionContext;
      readonly rendermime: IRenderMimeRegistry;
    };
  }

  export interface IConsoleTracker {
    readonly currentWidget: ConsolePanel | null;
    readonly currentChanged: ISignal<IConsoleTracker, ConsolePanel | null>;
    readonly widgetAdded: ISignal<IConsoleTracker, ConsolePanel>;
    forEach(visit: (panel: ConsolePanel) => void): void;
  }

  export const IConsoleTracker: Token<IConsoleTracker>;
}
