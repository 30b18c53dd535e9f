/** Cells as JupyterLab makes them. */

import type { Output } from "../../../src/models/source";

export const code = (id: string, source = "", outputs: Output[] = []) => ({
  cell_type: "code" as const,
  id,
  source,
  metadata: {},
  outputs: outputs as never,
  execution_count: null,
});
