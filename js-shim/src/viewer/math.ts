/**
 * Math in labels, HTML and outputs, as a script of its own: it is as large as all of ipywidgets' controls, and few pages
 * have math. `typesetter.ts` loads it when the first formula is drawn.
 */

import renderMathInElement from "katex/contrib/auto-render";
import "katex/dist/katex.min.css";

/** Environments that are typeset without dollars around them, as MathJax does in JupyterLab. */
const ENVIRONMENTS = ["equation", "align", "alignat", "gather", "CD"].flatMap((name) => [name, `${name}*`]);

const DELIMITERS = [
  ...ENVIRONMENTS.map((name) => ({ left: `\\begin{${name}}`, right: `\\end{${name}}`, display: true })),
  { left: "$$", right: "$$", display: true },
  { left: "\\[", right: "\\]", display: true },
  { left: "\\(", right: "\\)", display: false },
  { left: "$", right: "$", display: false },
];

(globalThis as { commdocMath?: (element: HTMLElement) => void }).commdocMath = (element) =>
  renderMathInElement(element, { delimiters: DELIMITERS, throwOnError: false, trust: false });
