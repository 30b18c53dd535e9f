/**
 * Math in labels, HTML and outputs, as a script of its own: it is as large as all of ipywidgets' controls, and few pages
 * have math. `typesetter.ts` loads it when the first formula is drawn.
 */

import renderMathInElement from "katex/contrib/auto-render";
import "katex/dist/katex.min.css";
import { DELIMITERS } from "./delimiters";

(globalThis as { commdocMath?: (element: HTMLElement) => void }).commdocMath = (element) =>
  renderMathInElement(element, { delimiters: DELIMITERS, throwOnError: false, trust: false });
