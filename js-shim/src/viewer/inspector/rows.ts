/**
 * Rows of a grid of which only those that can be seen are in the page: 5,000 comms, or 10,000 keys, cost what 30 do.
 *
 * The box is the grid (`grid`, or `treegrid`): it scrolls, has the focus, and names its active row
 * (`aria-activedescendant`). A row's cells are written only where they differ.
 */

export const ROW_PX = 26;

/** Rows above and below the visible ones, so that scrolling shows no holes. */
const SPARE = 4;

export interface Column {
  name: string;
  /** Of its cells; what a narrow page leaves out is the style sheet's matter. */
  className: string;
}

export interface RowSource {
  readonly count: number;
  /** The active row, -1 without one. */
  readonly active: number;
  /** Write one row's cells and attributes. */
  write(row: Row, index: number): void;
  /** Another row is to be the active one. */
  activate(index: number): void;
  /** A key that moves no row; returns whether it was of use. */
  key?(event: KeyboardEvent): boolean;
  /** A row was clicked, in the element. */
  click?(index: number, element: HTMLElement): void;
}

/** One row in the page. */
export class Row {
  readonly element: HTMLElement;
  readonly cells: HTMLElement[];
  index = -1;

  constructor(id: string, columns: readonly Column[]) {
    this.element = element("div", "row", { role: "row", id });
    this.cells = columns.map(({ className }) =>
      element("div", `cell ${className}`, { role: "gridcell", dir: "auto" }),
    );
    this.element.append(...this.cells);
  }

  text(at: number, text: string): void {
    const cell = this.cells[at];
    if (cell !== undefined && cell.textContent !== text) cell.textContent = text;
  }

  /** Set an attribute, or with null take it away. */
  set(name: string, value: string | null): void {
    setAttribute(this.element, name, value);
  }
}

export class RowWindow {
  readonly box: HTMLElement;
  private readonly columns: readonly Column[];
  private readonly source: RowSource;
  private readonly body: HTMLElement;
  private readonly rows: Row[] = [];
  private shownHeight = "";

  /** @param id begins the ids of the rows */
  constructor(
    box: HTMLElement,
    id: string,
    role: "grid" | "treegrid",
    columns: readonly Column[],
    source: RowSource,
  ) {
    this.box = box;
    this.columns = columns;
    this.source = source;
    this.body = element("div", "rows", { role: "rowgroup" });
    const heads = element("div", "row head", { role: "row", "aria-rowindex": "1" });
    heads.append(
      ...columns.map(({ name, className }) => {
        const head = element("div", `cell ${className}`, { role: "columnheader" });
        head.textContent = name;
        return head;
      }),
    );
    const top = element("div", "heads", { role: "rowgroup" });
    top.append(heads);
    for (const [name, value] of Object.entries({ role, tabindex: "0", id })) box.setAttribute(name, value);
    box.replaceChildren(top, this.body);
    box.addEventListener("scroll", () => this.draw());
    box.addEventListener("keydown", (event) => this.onKey(event));
    box.addEventListener("click", ({ target }) => this.onClick(target as HTMLElement));
  }

  draw(): void {
    const { count, active } = this.source;
    setAttribute(this.box, "aria-rowcount", String(count + 1));
    const height = `${count * ROW_PX}px`;
    if (height !== this.shownHeight) {
      this.shownHeight = height;
      this.body.style.height = height;
    }
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW_PX) - SPARE);
    const shown = Math.ceil((this.box.clientHeight || 20 * ROW_PX) / ROW_PX) + 2 * SPARE;
    const last = Math.min(count, first + shown);
    while (this.rows.length < shown)
      this.rows.push(new Row(`${this.box.id}-${this.rows.length}`, this.columns));
    let activeId: string | null = null;
    const used = new Set<Row>();
    for (let index = first; index < last; index++) {
      // A row keeps its place in the page while it is scrolled.
      const row = this.rows[index % this.rows.length] as Row;
      used.add(row);
      if (row.index !== index) {
        row.index = index;
        row.set("aria-rowindex", String(index + 2));
        row.element.style.top = `${index * ROW_PX}px`;
      }
      row.set("aria-selected", String(index === active));
      this.source.write(row, index);
      if (!row.element.isConnected) this.body.append(row.element);
      if (index === active) activeId = row.element.id;
    }
    for (const row of this.rows) {
      if (used.has(row)) continue;
      row.index = -1;
      row.element.remove();
    }
    setAttribute(this.box, "aria-activedescendant", activeId);
  }

  /** Bring a row into view. */
  reveal(index: number): void {
    if (index < 0) return;
    const top = index * ROW_PX;
    // The heads lie over the first row's height.
    const room = this.box.clientHeight - ROW_PX;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + ROW_PX > this.box.scrollTop + room) this.box.scrollTop = top + ROW_PX - room;
  }

  private onKey(event: KeyboardEvent): void {
    const { count, active } = this.source;
    if (event.altKey || event.ctrlKey || event.metaKey || event.target !== this.box) return;
    const page = Math.max(1, Math.floor(this.box.clientHeight / ROW_PX) - 2);
    const to = {
      ArrowDown: active + 1,
      ArrowUp: Math.max(0, active - 1),
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: count - 1,
    }[event.key];
    if (to === undefined) {
      if (this.source.key?.(event)) event.preventDefault();
      return;
    }
    event.preventDefault();
    if (count === 0) return;
    this.source.activate(Math.min(count - 1, Math.max(0, to)));
  }

  private onClick(target: HTMLElement): void {
    const row = this.rows.find(({ element }) => element.contains(target));
    if (row === undefined || row.index < 0) return;
    this.source.activate(row.index);
    this.source.click?.(row.index, target);
  }
}

export function element(name: string, className = "", attributes: Record<string, string> = {}): HTMLElement {
  const made = document.createElement(name);
  if (className !== "") made.className = className;
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}

export function setAttribute(its: HTMLElement, name: string, value: string | null): void {
  if (its.getAttribute(name) === value) return;
  if (value === null) its.removeAttribute(name);
  else its.setAttribute(name, value);
}
