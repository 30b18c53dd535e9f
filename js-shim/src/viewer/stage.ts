/**
 * The displayed views of the room, in order, grouped by the cell that displayed them. A view whose model has not come yet
 * waits in its place. Nothing is drawn twice: a group, and a view in it, stay as long as the document has them.
 */

import type { WidgetModel, WidgetView } from "@jupyter-widgets/base";
import { Widget } from "@lumino/widgets";

/** A displayed view, as the document has it. */
export interface ShownView {
  comm_id: string;
  msg_id: string;
  cell_id?: string;
  execution_count?: number;
}

/** What makes models and views. */
export interface ViewMaker {
  get_model(commId: string): Promise<WidgetModel>;
  create_view(model: WidgetModel): Promise<WidgetView>;
}

interface Group {
  section: HTMLElement;
  heading: HTMLElement;
  body: HTMLElement;
  views: Map<string, Place>;
}

interface Place {
  box: HTMLElement;
  view: WidgetView | null;
  gone: boolean;
}

export class Stage {
  private readonly root: HTMLElement;
  private readonly maker: ViewMaker;
  private readonly failed: (commId: string, error: unknown) => void;
  private readonly groups = new Map<string, Group>();

  constructor(root: HTMLElement, maker: ViewMaker, failed: (commId: string, error: unknown) => void) {
    this.root = root;
    this.maker = maker;
    this.failed = failed;
  }

  /** Show exactly these views. */
  show(views: readonly ShownView[]): void {
    const wanted = groupViews(views);
    for (const [key, group] of this.groups) {
      if (wanted.has(key)) continue;
      for (const place of group.views.values()) take(place);
      group.section.remove();
      this.groups.delete(key);
    }
    for (const [key, list] of wanted) this.showGroup(key, list);
    const order = [...wanted.keys()].map((key) => (this.groups.get(key) as Group).section);
    order.forEach((section, index) => {
      if (this.root.children[index] !== section)
        this.root.insertBefore(section, this.root.children[index] ?? null);
    });
  }

  private showGroup(key: string, list: readonly ShownView[]): void {
    const group = this.groups.get(key) ?? this.makeGroup(key);
    const count = list.at(-1)?.execution_count;
    group.heading.textContent = count === undefined ? "Output" : `In [${count}]`;
    const ids = new Set(list.map((view) => view.comm_id));
    for (const [commId, place] of group.views) {
      if (ids.has(commId)) continue;
      take(place);
      group.views.delete(commId);
    }
    for (const { comm_id: commId } of list) {
      if (!group.views.has(commId)) group.views.set(commId, this.makePlace(group, commId));
    }
  }

  private makeGroup(key: string): Group {
    const section = document.createElement("section");
    section.className = "cell";
    section.dataset.cell = key;
    const heading = document.createElement("h2");
    const body = document.createElement("div");
    body.className = "views";
    section.append(heading, body);
    const group: Group = { section, heading, body, views: new Map() };
    this.groups.set(key, group);
    return group;
  }

  private makePlace(group: Group, commId: string): Place {
    const box = document.createElement("div");
    box.className = "view";
    box.dataset.view = commId;
    group.body.append(box);
    const place: Place = { box, view: null, gone: false };
    this.fillSafely(place, commId);
    return place;
  }

  private fillSafely(place: Place, commId: string): void {
    this.fill(place, commId).catch((error) => {
      if (place.gone) return;
      const reason = error instanceof Error ? error.message : String(error);
      place.box.textContent = `This widget can't be shown: ${reason}`;
      this.failed(commId, error);
    });
  }

  private async fill(place: Place, commId: string): Promise<void> {
    const view = await this.maker.create_view(await this.maker.get_model(commId));
    if (place.gone) {
      view.remove();
      return;
    }
    place.view = view;
    // A model that ended may come again under its id, with its view still displayed.
    view.once("remove", () => {
      if (place.gone || place.view !== view) return;
      place.view = null;
      place.box.replaceChildren();
      this.fillSafely(place, commId);
    });
    const { luminoWidget } = view as unknown as { luminoWidget?: Widget };
    if (luminoWidget === undefined) throw new Error("it has no view for a page");
    // A group is in the page before its first view is ready, except when it was taken away.
    if (place.box.isConnected) Widget.attach(luminoWidget, place.box);
  }
}

/** Views by cell, in the order of the first view of each. */
export function groupViews(views: readonly ShownView[]): Map<string, ShownView[]> {
  const groups = new Map<string, ShownView[]>();
  for (const view of views) {
    const key = view.cell_id ?? view.msg_id;
    const list = groups.get(key);
    if (list === undefined) groups.set(key, [view]);
    else list.push(view);
  }
  return groups;
}

function take(place: Place): void {
  place.gone = true;
  const { luminoWidget } = (place.view ?? {}) as { luminoWidget?: Widget };
  if (luminoWidget !== undefined && !luminoWidget.isDisposed) luminoWidget.dispose();
  place.box.remove();
}
