/**
 * What screen readers are told of controls beyond what ipywidgets says: a name where it gives none (handles of sliders, buttons
 * with an icon only, colours, images), and that none can be used while the widgets are only to be read.
 */

/** An author's own elements are the author's. */
const FOREIGN = new Set(["AnyModel"]);

/** Glyphs of a font, which would be read as part of a name. */
const ICON = "i[class*='fa-']:not([aria-hidden])";
const NAMED = "[role=slider], button, input, select, textarea, [contenteditable], img:not([alt])";
const USED = "[role=slider], [role=tab], button, input, select, textarea, [contenteditable]";

/** How long elements are gathered. */
const GATHER_MS = 50;

const ICONS: Record<string, string> = {
  "fa-play": "Play",
  "fa-pause": "Pause",
  "fa-stop": "Stop",
  "fa-retweet": "Repeat",
};

/** Of elements that were given an id, in the whole page. */
let count = 0;

export class Controls {
  private readonly fresh = new Set<Element>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isStill = false;

  private readonly observer = new MutationObserver((records) => this.changed(records));

  constructor(private readonly root: HTMLElement) {
    this.observer.observe(root, { childList: true, subtree: true });
  }

  /** Looks at nothing more. */
  remove(): void {
    this.observer.disconnect();
    clearTimeout(this.timer);
  }

  /** Whether they can be read only. */
  set(still: boolean): void {
    if (still === this.isStill) return;
    this.isStill = still;
    for (const control of this.root.querySelectorAll(USED)) this.mark(control);
  }

  private changed(records: readonly MutationRecord[]): void {
    for (const { target, addedNodes } of records) {
      if (target instanceof HTMLButtonElement) this.fresh.add(target);
      for (const node of addedNodes) if (node instanceof Element) this.fresh.add(node);
    }
    if (this.fresh.size > 0) this.timer ??= setTimeout(() => this.look(), GATHER_MS);
  }

  private look(): void {
    this.timer = undefined;
    const all = [...this.fresh].filter((element) => element.isConnected);
    this.fresh.clear();
    for (const element of all) {
      for (const icon of element.querySelectorAll(ICON)) icon.setAttribute("aria-hidden", "true");
      for (const control of [element, ...element.querySelectorAll(`${NAMED}, ${USED}`)]) {
        if (control.matches(NAMED)) this.name(control);
        if (control.matches(USED)) this.mark(control);
      }
    }
  }

  private name(control: Element): void {
    const view = control.closest<HTMLElement>("[data-comm-id]");
    const model = view?.dataset.modelName ?? "";
    if (control instanceof HTMLImageElement) {
      control.alt = "Image";
      control.dataset.commdocNamed = "";
      return;
    }
    if (view === null || FOREIGN.has(model)) return;
    if (control instanceof HTMLButtonElement && control.dataset.commdocNamed !== undefined) {
      // It has words by now, or another icon.
      control.removeAttribute("aria-label");
      delete control.dataset.commdocNamed;
    }
    if (hasName(control)) return;
    control.setAttribute("aria-label", words(control, model));
    (control as HTMLElement).dataset.commdocNamed = "";
    if (control instanceof HTMLButtonElement) return;
    const label = view.querySelector(":scope > .widget-label");
    if (label === null) return;
    // By reference: a description may become another. Of two handles each says which it is, too.
    const ids = [label, ...(isOneOfTwo(control) ? [control] : [])].map((element) => this.idOf(element));
    control.setAttribute("aria-labelledby", ids.join(" "));
  }

  private mark(control: Element): void {
    const marked = (control as HTMLElement).dataset;
    if (
      this.isStill &&
      control.closest("[data-comm-id]") !== null &&
      !control.hasAttribute("aria-disabled")
    ) {
      control.setAttribute("aria-disabled", "true");
      marked.commdocStill = "";
    } else if (!this.isStill && marked.commdocStill !== undefined) {
      control.removeAttribute("aria-disabled");
      delete marked.commdocStill;
    }
  }

  private idOf(element: Element): string {
    if (element.id === "") element.id = `commdoc-${++count}`;
    return element.id;
  }
}

function hasName(control: Element): boolean {
  if (["aria-label", "aria-labelledby", "title"].some((name) => control.getAttribute(name)?.trim()))
    return true;
  if (control instanceof HTMLButtonElement) return control.textContent?.trim() !== "";
  const { labels, type } = control as HTMLInputElement;
  if (type === "hidden" || type === "submit" || type === "button") return true;
  return [...(labels ?? [])].some((label) => label.textContent?.trim() !== "");
}

/** What it is, where it has no description. */
function words(control: Element, model: string): string {
  if (isOneOfTwo(control)) return control.classList.contains("noUi-handle-upper") ? "to" : "from";
  const icon = [...(control.querySelector("i")?.classList ?? [])].find((name) => /^fa-/.test(name));
  if (icon !== undefined) return ICONS[icon] ?? icon.slice("fa-".length).replaceAll("-", " ");
  return model.replace(/Model$/, "").replace(/(?<=[a-z])(?=[A-Z])/g, " ");
}

function isOneOfTwo(control: Element): boolean {
  return (control.closest(".noUi-base")?.querySelectorAll(".noUi-handle").length ?? 0) > 1;
}
