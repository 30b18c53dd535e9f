/**
 * The outputs of an Output widget as JupyterLab's renderers take them, following the document's edits: an output that is
 * added, replaced or cut touches no other, and text that is written to a stream is added to what stands there.
 */

import type { IOutput } from "@jupyterlab/nbformat";
import { OutputArea, OutputAreaModel } from "@jupyterlab/outputarea";
import {
  type IOutputModel,
  type IRenderMime,
  type IRenderMimeRegistry,
  OutputModel,
} from "@jupyterlab/rendermime";
import { type Panel, Widget } from "@lumino/widgets";
import type { Output, OutputEdit } from "./source";
import { StreamText } from "./stream-text";

/** A stream's text lost `cut` UTF-16 units at its end, and got `text`. */
interface Growth {
  at: number;
  cut: number;
  text: string;
}

/** An output's place; `shown` counts the edits of it that took effect, for those whose blobs come late. */
interface Place {
  edits: number;
  shown: number;
}

/** A stream whose text grows in silence: who listens to JupyterLab's own text draws all of it again. */
class StreamItem extends OutputModel {
  private written: string;

  constructor(options: IOutputModel.IOptions, text: string) {
    super({ ...options, value: { ...options.value, text: "" } });
    this.written = text;
  }

  override toJSON(): IOutput {
    return { ...super.toJSON(), text: this.written } as IOutput;
  }

  write(cut: number, text: string): void {
    this.written = this.written.slice(0, this.written.length - cut) + text;
  }
}

const contentFactory = {
  createOutputModel(options: IOutputModel.IOptions): IOutputModel {
    const { output_type: type, text } = options.value;
    const whole = Array.isArray(text) ? text.join("") : String(text ?? "");
    // JupyterLab's own class doesn't fit its interface where optional is taken exactly.
    return (type === "stream" ? new StreamItem(options, whole) : new OutputModel(options)) as IOutputModel;
  },
};

export class OutputList extends OutputAreaModel {
  /** Told of text that was written to a stream. */
  readonly watchers = new Set<(growth: Growth) => void>();
  private readonly places: Place[] = [];

  constructor(options: { trusted: boolean }) {
    super({ ...options, contentFactory });
  }

  edit(edit: OutputEdit): void {
    if (edit.what === "cut") this.cut(edit.at);
    else if (edit.what === "stream") this.grow(edit);
    else this.put(edit.at, edit.output);
  }

  override toJSON(): IOutput[] {
    return [...this.list].map((item) => item.toJSON());
  }

  private cut(at: number): void {
    if (at >= this.length) return;
    this.places.length = at;
    const gone = [...this.list].slice(at);
    if (at === 0) this.list.clear();
    else this.list.removeRange(at, this.length);
    for (const item of gone) item.dispose();
  }

  private grow(growth: Growth): void {
    const item = growth.at < this.length ? this.list.get(growth.at) : undefined;
    if (!(item instanceof StreamItem)) return;
    item.write(growth.cut, growth.text);
    for (const watcher of this.watchers) watcher(growth);
  }

  private put(at: number, output: Output | Promise<Output>): void {
    this.places[at] ??= { edits: 0, shown: 0 };
    const place = this.places[at];
    place.edits += 1;
    const number = place.edits;
    const show = (whole: Output) => {
      if (this.isDisposed || this.places[at] !== place || number <= place.shown) return;
      place.shown = number;
      this.setItem(at, this.item(whole));
    };
    if (!(output instanceof Promise)) {
      show(output);
      return;
    }
    // Its place is kept, so that what comes behind it can be shown.
    if (at >= this.length)
      this.setItem(at, this.item({ output_type: "display_data", data: {}, metadata: {} }));
    output.then(show);
  }

  private setItem(at: number, item: IOutputModel): void {
    if (at >= this.length) {
      this.list.push(item);
      return;
    }
    const before = this.list.get(at);
    this.list.set(at, item);
    before.dispose();
  }

  private item(output: Output): IOutputModel {
    const make = (value: Output, trusted: boolean) =>
      this.contentFactory.createOutputModel({ value: value as IOutput, trusted });
    try {
      return make(output, this.trusted);
    } catch (error) {
      // A list may hold anything: a user set it.
      const text = `This output can't be shown: ${(error as Error).message}\n`;
      return make({ output_type: "stream", name: "stderr", text }, false);
    }
  }
}

/** A view of an `OutputList`. */
export class OutputListArea extends OutputArea {
  private readonly grown = ({ at, cut, text }: Growth): void => {
    const panel = this.widgets[at] as (Widget & Partial<Panel>) | undefined;
    panel?.widgets?.find((widget) => widget instanceof StreamText)?.grow(cut, text);
  };

  constructor(
    rendermime: IRenderMimeRegistry,
    private readonly list: OutputList,
  ) {
    super({ rendermime, model: list });
    list.watchers.add(this.grown);
  }

  override dispose(): void {
    this.list.watchers.delete(this.grown);
    super.dispose();
  }

  protected override createRenderedMimetype(model: IOutputModel): Widget | null {
    const mimeType = this.rendermime.preferredMimeType(model.data, model.trusted ? "any" : "ensure");
    if (!mimeType || !OutputArea.isIsolated(mimeType, model.metadata))
      return super.createRenderedMimetype(model);
    const isolated = new Isolated(this.rendermime.createRenderer(mimeType));
    void isolated.renderModel(model);
    return isolated;
  }
}

/**
 * An output that asked to be alone with its styles and ids. JupyterLab puts it into a frame whose document it writes, which
 * a page of opaque origin may not; a shadow tree does the same for styles and ids.
 */
class Isolated extends Widget implements IRenderMime.IRenderer {
  constructor(private readonly renderer: IRenderMime.IRenderer) {
    super();
    this.addClass("jp-mod-isolated");
    this.node.attachShadow({ mode: "open" }).append(renderer.node);
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    return this.renderer.renderModel(model);
  }

  override dispose(): void {
    this.renderer.dispose();
    super.dispose();
  }
}
