/**
 * The notebook in the page: a view of each cell, in the document's order. What did not change is not touched: of cells that
 * are moved only those get another place that were moved.
 */

import type { RenderMimeRegistry } from "@jupyterlab/rendermime";
import { WIDGET_MIMETYPE } from "../models/rendermime";
import { CellView } from "./cell-view";
import type { Cell } from "./cells/cell";
import type { Notebook } from "./cells/notebook";
import type { ShownView } from "./stage";

/** How long changes are gathered for who asks where views go: lines of text come by hundreds. */
const CHANGED_MS = 50;

export class NotebookView {
  private readonly views = new Map<Cell, CellView>();
  private telling: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly root: HTMLElement,
    private readonly notebook: Notebook,
    private readonly renderMime: RenderMimeRegistry,
    /** Told, some time after it, that something is another in a cell. */
    changed: () => void,
  ) {
    notebook.observe({
      order: (cells, placed) => this.order(cells, placed),
      changed: () => {
        if (this.telling !== undefined) return;
        this.telling = setTimeout(() => {
          this.telling = undefined;
          changed();
        }, CHANGED_MS);
      },
    });
  }

  /** Whether the room's document is a notebook's. */
  get hasCells(): boolean {
    return this.views.size > 0;
  }

  /**
   * Gives the room's displayed views to the cells whose outputs the document doesn't have, by the cell's id or its execution.
   *
   * @returns the views that no cell shows, of those that say no cell
   */
  place(views: readonly ShownView[]): ShownView[] {
    const { cells } = this.notebook;
    const byCell = new Map<Cell, string[]>();
    const loose: ShownView[] = [];
    for (const view of views) {
      const cell = cells.find(({ id }) => id === view.cell_id) ?? executed(cells, view);
      if (cell !== undefined && cell.facts.elsewhere > 0)
        byCell.set(cell, [...(byCell.get(cell) ?? []), view.comm_id]);
      else if (view.cell_id === undefined) loose.push(view);
    }
    for (const cell of cells) {
      cell.append((byCell.get(cell) ?? []).map((model_id) => viewOutput(model_id)));
    }
    if (loose.length === 0) return [];
    const shown = new Set(cells.flatMap((cell) => viewsIn(cell)));
    return loose.filter(({ comm_id }) => !shown.has(comm_id));
  }

  private order(cells: readonly Cell[], placed: ReadonlySet<Cell>): void {
    const there = new Set(cells);
    for (const [cell, view] of this.views) {
      if (there.has(cell)) continue;
      view.dispose();
      this.views.delete(cell);
    }
    let next: HTMLElement | null = null;
    for (const cell of [...cells].reverse()) {
      const known = this.views.get(cell);
      const view = known ?? new CellView(cell, this.renderMime);
      if (placed.has(cell) && (known === undefined || view.node.nextElementSibling !== next))
        this.root.insertBefore(view.node, next);
      if (known === undefined) {
        this.views.set(cell, view);
        view.attach();
      }
      next = view.node;
    }
  }
}

/** The one cell that has this execution's number; of a notebook with old outputs several may. */
function executed(cells: readonly Cell[], view: ShownView): Cell | undefined {
  if (view.cell_id !== undefined || view.execution_count === undefined) return undefined;
  const those = cells.filter(({ facts }) => facts.executionCount === view.execution_count);
  return those.length === 1 ? those[0] : undefined;
}

function viewOutput(model_id: string): Record<string, unknown> {
  return { output_type: "display_data", data: { [WIDGET_MIMETYPE]: { model_id } }, metadata: {} };
}

function viewsIn(cell: Cell): string[] {
  return cell.toJSON().flatMap(({ data }) => {
    const { model_id } = ((data as Record<string, unknown> | undefined)?.[WIDGET_MIMETYPE] ?? {}) as {
      model_id?: string;
    };
    return model_id === undefined ? [] : [model_id];
  });
}
