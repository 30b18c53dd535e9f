/**
 * Where a person is in a page: the focus, the caret or selection, text that is typed and not yet told, what was scrolled.
 *
 * Views write into their elements whenever their model changes. A browser then puts the caret to the end, a list to its top;
 * a tag input takes its field out of the page and puts it in again, and an ipywidgets box makes its children again behind the
 * first one that changed. `keep` runs such a change, and the person stays where they are:
 *
 * - Text that was typed and that its model has not sent is theirs: what a view writes over it waits, and is written when they
 *   leave the field and have told nothing.
 * - Otherwise caret and selection stay at the same characters; who is at the end stays there.
 * - What a change scrolls to its beginning is put back. Where it scrolls to otherwise is the author's: a log follows its end.
 *
 * It costs a look at the focused element, and no search. Views are found by `data-comm-id` on their elements, as in `hand.ts`.
 */

import { type Field, isField, type Selected, select, selectionOf, textKey, textOf, write } from "./field";

/** How many frames a view that is made again may take. */
const FRAMES = 60;

/** How long a list may take to scroll to what is chosen: it does so in a task of its own, late where much is to be done. */
const LIST_MS = 1000;

const AXES = ["scrollTop", "scrollLeft"] as const;

type Scroll = Record<(typeof AXES)[number], number>;

export class Place {
  private readonly root: Document | HTMLElement;
  private readonly stop = new AbortController();
  /** Fields with text that was typed and not sent, and what was to be written over it. */
  private readonly typed = new Map<Field, { waiting?: string; moved?: boolean }>();
  /** What was scrolled, by the comm whose view it is in. */
  private readonly scrolled = new Map<string, Set<Element>>();
  /** Lists whose options have changed, and where they stay while nobody scrolls them. */
  private readonly lists = new Map<Element, Scroll>();
  /** The field that a change may take out of the page for a moment: nobody has left it. */
  private held: Element | undefined;

  /** @param root the document or element whose views these are */
  constructor(root: Document | HTMLElement) {
    this.root = root;
    const options = { capture: true, passive: true, signal: this.stop.signal };
    const listen = (type: string, listener: (target: Element) => void) =>
      root.addEventListener(
        type,
        (event) => {
          if (event.target === this.held) event.stopImmediatePropagation();
          else if (event.target instanceof Element) listener(event.target);
        },
        options,
      );
    listen("input", (target) => {
      if (isField(target) && !this.typed.has(target)) this.typed.set(target, {});
    });
    listen("focusout", (target) => isField(target) && this.left(target));
    listen("scroll", (target) => this.wasScrolled(target));
    for (const type of ["wheel", "pointerdown", "keydown"])
      listen(type, (target) => this.lists.delete(target.closest("select") ?? target));
    for (const type of ["change", "blur"]) listen(type, () => undefined);
  }

  /** A model sends values or a message: what was typed into its view is told. */
  told(commId: string): void {
    for (const field of this.typed.keys()) if (commIdOf(field) === commId) this.typed.delete(field);
  }

  /** The comm is gone, and its views with it. */
  forget(commId: string): void {
    this.told(commId);
    this.scrolled.delete(commId);
  }

  /** Run a change of a model; whoever is in one of its views stays where they are. */
  keep<T>(commId: string, change: () => T): T {
    const active = (this.root.ownerDocument ?? (this.root as Document)).activeElement;
    const scrolls = this.scrollsOf(commId, active);
    const view = active && this.protectedView(active, commId);
    const before = active && view ? new Standing(active, view, this.isTypedInto(active)) : undefined;
    const { held } = this;
    try {
      this.held = before?.element ?? held;
      return this.withTyped(before?.field, change);
    } finally {
      try {
        for (const back of scrolls) back();
        before?.restore();
      } finally {
        this.held = held;
      }
      // A box takes its old views out a moment later, and has the new ones later still.
      if (before !== undefined && active !== view)
        queueMicrotask(() => before.isGone && this.follow(before, FRAMES));
    }
  }

  dispose(): void {
    this.stop.abort();
    this.typed.clear();
    this.scrolled.clear();
    this.lists.clear();
  }

  /** The view whose focused element a change may touch. Typed text is at risk from any comm: a link writes into others' views. */
  private protectedView(active: Element, commId: string): Element | null {
    const around = viewAround(active, commId);
    return around ?? (this.isTypedInto(active) ? active.closest("[data-comm-id]") : null);
  }

  /** What is written into a field with typed text waits. */
  private withTyped<T>(field: Field | undefined, change: () => T): T {
    const typed = field && this.typed.get(field);
    if (!typed) return change();
    const text = textOf(field);
    const key = textKey(field);
    // A framework's own, or that of a change around this one.
    const own = Object.getOwnPropertyDescriptor(field, key);
    const set = (value: unknown) => {
      typed.waiting = String(value);
    };
    Object.defineProperty(field, key, { configurable: true, get: () => text, set });
    try {
      return change();
    } finally {
      if (own) Object.defineProperty(field, key, own);
      else Reflect.deleteProperty(field, key);
    }
  }

  /** A browser's `change` comes before this, and what that told is not here any more. */
  private left(field: Field): void {
    const typed = this.typed.get(field);
    this.typed.delete(field);
    if (typed?.moved) field.dispatchEvent(new Event("change", { bubbles: true }));
    else if (typed?.waiting !== undefined) write(field, typed.waiting);
  }

  private isTypedInto(element: Element): boolean {
    return isField(element) && this.typed.has(element);
  }

  private wasScrolled(element: Element): void {
    // The event comes before the frame is painted: nobody sees the list elsewhere.
    const stays = this.lists.get(element);
    if (stays) scrollBack(element, stays);
    const commId = commIdOf(element);
    if (commId === null) return;
    const elements = this.scrolled.get(commId) ?? new Set();
    this.scrolled.set(commId, elements.add(element));
  }

  /**
   * What puts back the scroll that a change takes. A list scrolls to what is chosen by itself, a moment later: it stays where
   * it was, unless nobody is there and another one is chosen.
   */
  private scrollsOf(commId: string, active: Element | null): (() => void)[] {
    const elements = this.scrolled.get(commId);
    if (elements === undefined) return [];
    for (const element of elements) if (!element.isConnected) elements.delete(element);
    if (elements.size === 0) this.scrolled.delete(commId);
    return [...elements].map((element) => {
      const was = scrollOf(element);
      if (!(element instanceof HTMLSelectElement)) {
        const atEnd = endsOf(element);
        return () => scrollBack(element, unlessMoved(element, was, atEnd));
      }
      const chosen = element.selectedIndex;
      return () => {
        if (element === active || element.selectedIndex === chosen) this.keepList(element, was);
        else this.lists.delete(element);
      };
    });
  }

  private keepList(list: Element, scroll: Scroll): void {
    this.lists.set(list, scroll);
    setTimeout(() => this.lists.get(list) === scroll && this.lists.delete(list), LIST_MS);
  }

  private follow(before: Standing, frames: number): void {
    if (frames === 0 || before.isOver) return;
    const again = before.madeAgain();
    if (again === undefined) {
      requestAnimationFrame(() => this.follow(before, frames - 1));
      return;
    }
    before.settle(again);
    if (before.isTyping && isField(again)) this.typed.set(again, { moved: true });
  }
}

/** What a person had under the hand when a change came. */
class Standing {
  readonly field: Field | undefined;
  private readonly text: string;
  private readonly selected: Selected | undefined;
  private readonly scroll: Scroll;
  /** How the elements around it are shown. */
  private readonly shown: [HTMLElement, string][] = [];
  /** Where it is in the innermost view. */
  private readonly commId: string;
  private readonly path: number[] = [];

  constructor(
    readonly element: Element,
    private readonly view: Element,
    readonly isTyping: boolean,
  ) {
    this.scroll = scrollOf(element);
    this.field = isField(element) ? element : undefined;
    this.text = this.field ? textOf(this.field) : "";
    this.selected = this.field && selectionOf(this.field);
    const inner = element.closest("[data-comm-id]") ?? view;
    this.commId = commIdOf(inner) ?? "";
    for (let at: Element | null = element; at && at !== inner; at = at.parentElement) {
      this.path.unshift([...(at.parentElement?.children ?? [])].indexOf(at));
      if (at instanceof HTMLElement) this.shown.push([at, at.style.display]);
    }
  }

  get isGone(): boolean {
    return !this.element.isConnected;
  }

  /** The person is somewhere else by now. */
  get isOver(): boolean {
    const { activeElement, body } = this.view.ownerDocument;
    return activeElement !== null && activeElement !== body && activeElement !== this.element;
  }

  /** Give back what the change took. */
  restore(): void {
    const { element } = this;
    if (this.isGone) return;
    if (element.ownerDocument.activeElement !== element)
      for (const [around, display] of this.shown) around.style.display = display;
    this.settle(element);
  }

  /** The element in the view that was made instead, once it is there. */
  madeAgain(): Element | undefined {
    const inner = this.view.querySelector(`[data-comm-id="${CSS.escape(this.commId)}"]`);
    let found: Element | undefined = inner ?? undefined;
    for (const index of this.path) found = found?.children[index];
    return found?.localName === this.element.localName ? found : undefined;
  }

  /** Put the person into an element: the same, or the one made instead. */
  settle(element: Element): void {
    // A browser may scroll to what is written and selected here.
    const scroll = element === this.element ? unlessMoved(element, this.scroll) : this.scroll;
    if (element.ownerDocument.activeElement !== element)
      (element as HTMLElement).focus({ preventScroll: true });
    if (isField(element)) {
      if (this.isTyping && textOf(element) !== this.text) write(element, this.text);
      // Writing the same text into an element loses the selection, too.
      const isKept =
        element === this.element && textOf(element) === this.text && textKey(element) === "value";
      if (this.selected && !isKept) {
        const [start, end, direction] = this.selected;
        const moved = mapping(this.text, textOf(element));
        select(element, [moved(start), moved(end), direction]);
      }
    }
    scrollBack(element, scroll);
  }
}

/** Where a position in a text is when it has become another one: what is the same before or behind it stays so. */
export function mapping(text: string, became: string): (position: number) => number {
  const most = Math.min(text.length, became.length);
  let same = 0;
  while (same < most && text[same] === became[same]) same++;
  let end = 0;
  while (end < most - same && text.at(-1 - end) === became.at(-1 - end)) end++;
  return (position) => {
    if (position >= text.length - end) return position + became.length - text.length;
    return Math.min(position, Math.max(same, became.length - end));
  };
}

function scrollOf({ scrollTop, scrollLeft }: Element): Scroll {
  return { scrollTop, scrollLeft };
}

/** The axes on which an element is scrolled to its end, up to a fraction of a pixel. */
function endsOf(element: Element): Set<keyof Scroll> {
  const ends = new Set<keyof Scroll>();
  const { scrollTop, scrollHeight, clientHeight, scrollLeft, scrollWidth, clientWidth } = element;
  if (Math.abs(scrollTop) + clientHeight >= scrollHeight - 1) ends.add("scrollTop");
  if (Math.abs(scrollLeft) + clientWidth >= scrollWidth - 1) ends.add("scrollLeft");
  return ends;
}

/** Where it was, by axis, if it lost that; otherwise where it is now. */
function unlessMoved(element: Element, was: Scroll, leave?: ReadonlySet<keyof Scroll>): Scroll {
  const scroll = scrollOf(element);
  for (const axis of AXES) if (scroll[axis] === 0 && !leave?.has(axis)) scroll[axis] = was[axis];
  return scroll;
}

/** Writing what is there already would end a smooth scroll. */
function scrollBack(element: Element, scroll: Scroll): void {
  for (const axis of AXES) if (element[axis] !== scroll[axis]) element[axis] = scroll[axis];
}

function viewAround(element: Element, commId: string): Element | null {
  for (let at: Element | null = element; at; at = at.parentElement?.closest("[data-comm-id]") ?? null)
    if (at.getAttribute("data-comm-id") === commId) return at;
  return null;
}

function commIdOf(element: Element): string | null {
  return element.closest("[data-comm-id]")?.getAttribute("data-comm-id") ?? null;
}
