// What the page changes in anywidget's own code when it is bundled: `experimental.invoke` hands on how its promise is
// rejected, as a fourth argument of `model.send`. Without it a call that can't be answered any more, since the kernel is
// gone or the command raised, would be silent until its time is over. Another release of anywidget: the build ends here.

import { readFileSync } from "node:fs";

const SENDS = 'model.send({ id, kind: "anywidget-command", name, msg }, void 0, options.buffers ?? []);';
const TELLS = SENDS.replace(/\);$/, ', (error) => { model.off("msg:custom", handler); reject(error); });');

export const toldInvoke = {
  name: "anywidget's invoke",
  setup(its) {
    its.onLoad({ filter: /[\\/]anywidget[\\/]dist[\\/]index\.js$/ }, ({ path }) => {
      const [before, after, more] = readFileSync(path, "utf8").split(SENDS);
      if (after === undefined || more !== undefined) throw new Error(`${path}: invoke is not as it was`);
      return { contents: before + TELLS + after, loader: "js" };
    });
  },
};
