/**
 * Lets nobody use the widgets while everything in them can be read: text is selected and scrolled, Tab goes through the
 * controls, links lead where they lead. (`inert` would take all of it from screen readers, from search and from selection.)
 *
 * Events of pointer and keys end here, before a widget hears of them, and do nothing by themselves where they would change
 * a control. Nothing depends on it for safety: a model that isn't live sends nothing, and the room refuses a reader.
 */

/** What begins or does something. */
const ACTS = [
  ..."pointerdown pointermove pointerover pointerout pointerenter pointerleave".split(" "),
  ..."mousedown mousemove mouseover mouseout mouseenter mouseleave touchstart touchmove".split(" "),
  ..."click dblclick auxclick contextmenu wheel keydown keypress beforeinput input change".split(" "),
  ..."paste cut drop dragstart dragenter dragover compositionstart submit".split(" "),
];

/** What ends something; a drag that began before may end. */
const ENDS = "pointerup pointercancel mouseup touchend touchcancel keyup".split(" ");

/** Where the pointer alone changes something. */
const CONTROLS = "button, select, label, option, input, [role], [draggable=true], canvas";

/** Where text is selected with the pointer, and can't be changed: keys that write do nothing. */
const TEXTS =
  "textarea, [contenteditable], input:is([type=text], [type=number], [type=password], :not([type]))";

/** Reading, too. */
const FREE = "a[href], summary, audio, video";

const SCROLLING = new Set([
  "PageUp",
  "PageDown",
  "Home",
  "End",
  "ArrowUp",
  "ArrowDown",
  "ArrowLeft",
  "ArrowRight",
  " ",
]);

export class Still {
  private isStill = false;
  /** Something is under way that began while the widgets could be used. */
  private pressed = false;

  /** @param root events in views below it are meant; @param page whose window hears of events first */
  constructor(
    private readonly root: HTMLElement,
    private readonly page: Window,
  ) {
    // Before all listeners of authors' modules: these come later, and are further in.
    for (const type of ACTS) page.addEventListener(type, this.act, { capture: true, passive: false });
    for (const type of ENDS) page.addEventListener(type, this.end, { capture: true });
  }

  set(still: boolean): void {
    this.isStill = still;
  }

  /** Leaves the page as it was. */
  remove(): void {
    for (const type of ACTS) this.page.removeEventListener(type, this.act, { capture: true });
    for (const type of ENDS) this.page.removeEventListener(type, this.end, { capture: true });
  }

  private readonly act = (event: Event): void => {
    if (!this.isStill) {
      if (event.type === "pointerdown" || event.type === "keydown") this.pressed = true;
      return;
    }
    const [inner] = event.composedPath();
    if (!this.isIn(event.target) || !(inner instanceof Element)) return;
    event.stopImmediatePropagation();
    if (event.type === "compositionstart") (inner as HTMLElement).blur();
    if (changes(event, inner)) event.preventDefault();
  };

  private readonly end = (event: Event): void => {
    if (this.isStill && !this.pressed && this.isIn(event.target)) event.stopImmediatePropagation();
    this.pressed = false;
  };

  private isIn(target: EventTarget | null): boolean {
    return (
      target instanceof Element && this.root.contains(target) && target.closest("[data-comm-id]") !== null
    );
  }
}

/** Whether what a browser does by itself would change something. */
function changes(event: Event, inner: Element): boolean {
  if (event instanceof KeyboardEvent) return !isReading(event, inner);
  if (inner.closest(FREE) !== null) return false;
  if (event.type === "contextmenu") return false;
  if (event.type === "wheel") return inner.matches("input[type=number]");
  if (/^(pointer|mouse|touch)/.test(event.type))
    return inner.closest(TEXTS) === null && inner.closest(CONTROLS) !== null;
  return true;
}

function isReading(event: KeyboardEvent, inner: Element): boolean {
  const { key, ctrlKey, metaKey } = event;
  if (key === "Tab" || key === "Escape" || /^F\d+$/.test(key)) return true;
  if (ctrlKey || metaKey) return /^[acf]$/i.test(key);
  if (inner.closest(FREE) !== null) return true;
  return (
    SCROLLING.has(key) && (inner.closest(TEXTS) !== null ? key !== " " : inner.closest(CONTROLS) === null)
  );
}
