/** Where math begins and ends in a text, for KaTeX. */

/** Environments that are typeset without dollars around them, as MathJax does in JupyterLab. */
const ENVIRONMENTS = ["equation", "align", "alignat", "gather", "CD"].flatMap((name) => [name, `${name}*`]);

export const DELIMITERS = [
  ...ENVIRONMENTS.map((name) => ({ left: `\\begin{${name}}`, right: `\\end{${name}}`, display: true })),
  { left: "$$", right: "$$", display: true },
  { left: "\\[", right: "\\]", display: true },
  { left: "\\(", right: "\\)", display: false },
  { left: "$", right: "$", display: false },
];
