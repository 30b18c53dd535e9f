/** Renders outputs in a page: JupyterLab's own renderers, sanitised, and widget views from the room's models. */

import type { WidgetModel, WidgetView } from "@jupyter-widgets/base";
import { type IRenderMime, RenderMimeRegistry, standardRendererFactories } from "@jupyterlab/rendermime";
import { Widget } from "@lumino/widgets";

export const WIDGET_MIMETYPE = "application/vnd.jupyter.widget-view+json";

interface Models {
  get_model(id: string): Promise<WidgetModel>;
  create_view(model: WidgetModel): Promise<WidgetView>;
}

export function makeRenderMime(
  models: Models,
  typesetter?: IRenderMime.ILatexTypesetter,
): RenderMimeRegistry {
  const registry = new RenderMimeRegistry({
    initialFactories: standardRendererFactories,
    ...(typesetter === undefined ? {} : { latexTypesetter: typesetter }),
  });
  registry.addFactory(
    {
      // The data is only a name; what it names came from the room.
      safe: true,
      mimeTypes: [WIDGET_MIMETYPE],
      createRenderer: (options) => new ViewRenderer(options.mimeType, models),
    },
    0,
  );
  return registry;
}

class ViewRenderer extends Widget implements IRenderMime.IRenderer {
  private readonly mimeType: string;
  private readonly models: Models;

  constructor(mimeType: string, models: Models) {
    super();
    this.mimeType = mimeType;
    this.models = models;
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const { model_id: id } = model.data[this.mimeType] as unknown as { model_id: string };
    try {
      const view = await this.models.create_view(await this.models.get_model(id));
      const { luminoWidget } = view as unknown as { luminoWidget: Widget };
      if (!this.isDisposed) Widget.attach(luminoWidget, this.node);
    } catch (error) {
      this.node.textContent = `This widget can't be shown: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}
