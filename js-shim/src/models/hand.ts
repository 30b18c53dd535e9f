/**
 * Which models are under the user's hand.
 *
 * While a pointer is down in a view of a model, or keys drive it, values that come from elsewhere for the keys that this
 * window itself has just set would pull the hand back: a slider would jump away from under the pointer, a caret to the end
 * of its text. The document comm holds them until the hand is off, and then reads the document again.
 *
 * Views are found by `data-comm-id` on an element around the event's target.
 */

/** A key that was not pressed for this long drives nothing any more. Key repeat is faster than 100 ms, typing than 600. */
const KEYS_REST_MS = 600;

export class Hand {
  private readonly pointers = new Map<number, Set<string>>();
  private keys: Set<string> = new Set();
  private keysTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly released: (commIds: Iterable<string>) => void;
  private readonly stop = new AbortController();

  /**
   * @param root the document or element whose events are watched
   * @param released called with the comm ids that the hand has just left
   */
  constructor(root: Document | HTMLElement, released: (commIds: Iterable<string>) => void) {
    this.released = released;
    const options = { capture: true, passive: true, signal: this.stop.signal };
    const listen = <E extends Event>(type: string, listener: (event: E) => void, on: EventTarget = root) =>
      on.addEventListener(type, listener as EventListener, options);
    listen<PointerEvent>("pointerdown", (event) => this.pointerDown(event));
    // The pointer may be let go outside of the window: the events of the window are needed, too.
    const view = (root.ownerDocument ?? (root as Document)).defaultView ?? root;
    listen<PointerEvent>("pointerup", (event) => this.pointerUp(event), view);
    listen<PointerEvent>("pointercancel", (event) => this.pointerUp(event), view);
    // An element that loses the focus to what is pressed says so after the press, on its way through the window.
    listen("blur", ({ target }) => target === view && this.allUp(), view);
    for (const type of ["keydown", "input", "wheel"]) listen(type, (event) => this.keyDown(event));
    listen("focusout", () => this.keysUp());
  }

  /** Is a view of this comm under the hand? */
  on(commId: string): boolean {
    if (this.keys.has(commId)) return true;
    for (const ids of this.pointers.values()) if (ids.has(commId)) return true;
    return false;
  }

  dispose(): void {
    this.stop.abort();
    clearTimeout(this.keysTimer);
  }

  private pointerDown(event: PointerEvent): void {
    const ids = commIdsAt(event);
    if (ids.size > 0) this.pointers.set(event.pointerId, ids);
  }

  private pointerUp(event: PointerEvent): void {
    const ids = this.pointers.get(event.pointerId);
    if (ids === undefined) return;
    this.pointers.delete(event.pointerId);
    this.leave(ids);
  }

  private keyDown(event: Event): void {
    const ids = commIdsAt(event);
    if (ids.size === 0) return;
    const before = this.keys;
    this.keys = ids;
    clearTimeout(this.keysTimer);
    this.keysTimer = setTimeout(() => this.keysUp(), KEYS_REST_MS);
    this.leave([...before].filter((id) => !ids.has(id)));
  }

  private keysUp(): void {
    clearTimeout(this.keysTimer);
    const ids = this.keys;
    this.keys = new Set();
    this.leave(ids);
  }

  private allUp(): void {
    const ids = new Set([...this.pointers.values()].flatMap((set) => [...set]));
    this.pointers.clear();
    this.leave(ids);
    this.keysUp();
  }

  private leave(ids: Iterable<string>): void {
    const off = [...ids].filter((id) => !this.on(id));
    // The views' own listeners of the same event come first: a drag's last value is set on pointerup.
    if (off.length > 0) setTimeout(() => this.released(off.filter((id) => !this.on(id))));
  }
}

/** The comm ids of all views around an event's target. */
function commIdsAt(event: Event): Set<string> {
  const ids = new Set<string>();
  for (const node of event.composedPath()) {
    const id = node instanceof Element ? node.getAttribute("data-comm-id") : null;
    if (id !== null) ids.add(id);
  }
  return ids;
}
