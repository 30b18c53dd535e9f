/**
 * The notebook in the page: a view of each cell, in the document's order. What did not change is not touched: of cells that
 * are moved only those get another place that were moved.
 */

import type { RenderMimeRegistry } from "@jupyterlab/rendermime";
import { ensure } from "../document/ensure";
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
   * @returns the views that no cell shows, of those that say no cell of this notebook
   */
  place(views: readonly ShownView[]): ShownView[] {
    const { cells } = this.notebook;
    const byId = new Map(cells.map((cell) => [cell.id, cell]));
    const byCount = grouped(cells, ({ facts }) => facts.executionCount);
    const byCell = new Map<Cell, string[]>();
    const loose: ShownView[] = [];
    for (const view of views) {
      const named = view.cell_id === undefined ? undefined : byId.get(view.cell_id);
      const cell = named ?? executed(byCount, view);
      if (cell !== undefined && cell.facts.elsewhere > 0) ensure(byCell, cell, () => []).push(view.comm_id);
      else if (named === undefined) loose.push(view);
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
function executed(byCount: ReadonlyMap<number | null, Cell[]>, view: ShownView): Cell | undefined {
  if (view.cell_id !== undefined || view.execution_count === undefined) return undefined;
  const those = byCount.get(view.execution_count);
  return those?.length === 1 ? those[0] : undefined;
}

function grouped<K>(cells: readonly Cell[], key: (cell: Cell) => K): Map<K, Cell[]> {
  const groups = new Map<K, Cell[]>();
  for (const cell of cells) ensure(groups, key(cell), () => []).push(cell);
  return groups;
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
