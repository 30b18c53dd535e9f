/** Typesets math with KaTeX, which is loaded with the first formula; its style sheet is a part of `commdoc/style.css`. */

import { DELIMITERS } from "./delimiters";

const loading: { katex?: Promise<typeof import("katex/contrib/auto-render")> } = {};

/** As JupyterLab's renderers and ipywidgets' labels ask for a typesetter. */
export const katexTypesetter = {
  typeset(element: HTMLElement): void {
    if (!/\$[^$]+\$|\\\(|\\\[|\\begin\{/.test(element.textContent ?? "")) return;
    loading.katex ??= import("katex/contrib/auto-render");
    loading.katex.then(
      ({ default: render }) => render(element, { delimiters: DELIMITERS, throwOnError: false, trust: false }),
      () => delete loading.katex,
    );
  },
};
