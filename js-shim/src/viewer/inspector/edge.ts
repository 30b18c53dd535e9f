/** The drawer's upper edge: dragged with the pointer or moved with keys, and remembered for this tab. */

const KEY = "commdoc-inspector-height";
const STEP = 5;
const LEAST = 20;
const MOST = 85;
const FIRST = 45;

/** @param edge role `separator` @param drawer what it makes higher, in percent of the page */
export function movable(edge: HTMLElement, drawer: HTMLElement, moved: () => void): void {
  const set = (percent: number) => {
    const height = Math.round(Math.min(MOST, Math.max(LEAST, percent)));
    drawer.style.height = `${height}vh`;
    edge.setAttribute("aria-valuenow", String(height));
    remember(String(height));
    moved();
  };
  const now = () => Number(edge.getAttribute("aria-valuenow"));
  edge.setAttribute("aria-valuemin", String(LEAST));
  edge.setAttribute("aria-valuemax", String(MOST));
  set(Number(remembered()) || FIRST);
  edge.addEventListener("keydown", (event) => {
    const to = { ArrowUp: now() + STEP, ArrowDown: now() - STEP, Home: LEAST, End: MOST }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    set(to);
  });
  edge.addEventListener("pointerdown", (event) => {
    // The frame would have the pointer as soon as it is over it, in some browsers in spite of the capture.
    document.body.dataset.moving = "edge";
    edge.setPointerCapture(event.pointerId);
    event.preventDefault();
    edge.focus();
  });
  edge.addEventListener("pointermove", (event) => {
    if (edge.hasPointerCapture(event.pointerId)) set(100 * (1 - event.clientY / window.innerHeight));
  });
  edge.addEventListener("lostpointercapture", () => {
    delete document.body.dataset.moving;
  });
}

function remembered(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function remember(height: string): void {
  try {
    sessionStorage.setItem(KEY, height);
  } catch {
    // It is forgotten, then.
  }
}
