// What the page changes in anywidget's own code when it is bundled. Another release of anywidget: the build ends here.
//
// - `experimental.invoke` hands on how its promise is rejected, as a fourth argument of `model.send`. Without it a call that
//   can't be answered any more, since the kernel is gone or the command raised, would be silent until its time is over.
// - A module that can't be loaded, or fails in `initialize` or `render`, is told to its model and view. Without it that is an
//   empty place, with a line on the browser's console.

import { readFileSync } from "node:fs";

const CHANGES = [
  [
    'model.send({ id, kind: "anywidget-command", name, msg }, void 0, options.buffers ?? []);',
    'model.send({ id, kind: "anywidget-command", name, msg }, void 0, options.buffers ?? [], (error) => { model.off("msg:custom", handler); reject(error); });',
  ],
  [
    'setWidgetResult({ status: "error", error });',
    'setWidgetResult({ status: "error", error }); typedModel.moduleFailed(error);',
  ],
  ["throwAnywidgetError(result.error);", "view.showFailure(result.error);"],
  [
    ".catch((error) => throwAnywidgetError(error));",
    ".catch((error) => controller.signal.aborted || view.renderFailed(error));",
  ],
];

/** anywidget's code with these changes. */
export function changed(text, path) {
  return CHANGES.reduce((soFar, [was, is]) => {
    const [before, after, more] = soFar.split(was);
    if (after === undefined || more !== undefined) throw new Error(`${path}: not as it was: ${was}`);
    return before + is + after;
  }, text);
}

export const tellingAnywidget = {
  name: "anywidget that tells",
  setup(its) {
    its.onLoad({ filter: /[\\/]anywidget[\\/]dist[\\/]index\.js$/ }, ({ path }) => {
      return { contents: changed(readFileSync(path, "utf8"), path), loader: "js" };
    });
  },
};
