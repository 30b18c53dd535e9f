/** The notebook of a saved page: its cells as the page's views read them, and what can be shown of its outputs. */

import * as Y from "yjs";
import { WIDGET_MIMETYPE } from "../../models/rendermime";
import type { Output } from "../../models/source";
import type { SavedModel } from "./source";

/** A cell of nbformat 4. */
export interface SavedCell {
  id: string;
  outputs?: Output[];
  [key: string]: unknown;
}

/** Widget packages whose classes are in the page. */
const BROUGHT = new Set([
  "@jupyter-widgets/base",
  "@jupyter-widgets/controls",
  "@jupyter-widgets/output",
  "anywidget",
]);

/** A document with these cells. */
export function documentOf(cells: readonly SavedCell[], models: Readonly<Record<string, SavedModel>>): Y.Doc {
  const doc = new Y.Doc();
  const maps = cells.map(
    (cell) =>
      new Y.Map(
        Object.entries({
          ...cell,
          metadata: { ...(cell.metadata as object), trusted: false },
          ...(cell.outputs && { outputs: cell.outputs.flatMap((output) => shown(output, models)) }),
        }),
      ),
  );
  doc.getArray("cells").push(maps);
  return doc;
}

/**
 * A widget that was not saved is shown by what else the output has; beside one whose package is not in the page, which says
 * its name, stands that, too.
 */
function shown(output: Output, models: Readonly<Record<string, SavedModel>>): Output[] {
  const data = output.data as Record<string, unknown> | undefined;
  if (data?.[WIDGET_MIMETYPE] === undefined) return [output];
  const { [WIDGET_MIMETYPE]: view, ...rest } = data;
  const model = models[(view as { model_id?: string } | null)?.model_id ?? ""];
  const other = Object.keys(rest).length > 0 ? rest : { "text/plain": "A widget that was not saved" };
  if (model === undefined) return [{ ...output, data: other }];
  const isBrought = BROUGHT.has(model.model_module);
  return isBrought || other !== rest
    ? [output]
    : [
        { ...output, data: { [WIDGET_MIMETYPE]: view } },
        { ...output, data: rest },
      ];
}
