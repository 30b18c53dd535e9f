/** Typesets math where ipywidgets and JupyterLab's renderers ask for it; the part that does it is loaded when needed. */

type Typeset = (element: HTMLElement) => void;

/** What `math.ts` puts there. */
const loaded = globalThis as { commdocMath?: Typeset };

let loading: Promise<void> | undefined;

export const typesetter = {
  typeset(element: HTMLElement): void {
    if (!/\$[^$]+\$|\\\(|\\\[|\\begin\{/.test(element.textContent ?? "")) return;
    loading ??= load();
    loading.then(
      () => loaded.commdocMath?.(element),
      () => undefined,
    );
  },
};

/** Adds the script and its style sheet, which stand beside the frame's own. */
function load(): Promise<void> {
  const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "math.css" });
  const script = Object.assign(document.createElement("script"), { src: "math.js" });
  const done = new Promise<void>((resolve, reject) => {
    script.onload = () => resolve();
    script.onerror = () => reject(new Error("math.js could not be loaded"));
  });
  document.head.append(style, script);
  return done;
}
