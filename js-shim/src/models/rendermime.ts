/**
 * Renders outputs in a page: JupyterLab's own renderers, text that grows, Markdown by the parser that JupyterLab has, JSON
 * as a tree, scripts, and widget views from the room's models.
 */

import {
  type IRenderMime,
  RenderedCommon,
  RenderMimeRegistry,
  standardRendererFactories,
} from "@jupyterlab/rendermime";
import { Marked } from "marked";
import { JsonTree } from "./json-tree";
import { StreamText } from "./stream-text";
import { type Models, ViewRenderer } from "./view-renderer";

export const WIDGET_MIMETYPE = "application/vnd.jupyter.widget-view+json";

/** The ranks that these have in JupyterLab. */
const FIRST = 0;
const ERROR = 110;
const TEXT = 120;

export function makeRenderMime(
  models: Models,
  typesetter?: IRenderMime.ILatexTypesetter,
): RenderMimeRegistry {
  const registry = new RenderMimeRegistry({
    initialFactories: standardRendererFactories,
    markdownParser,
    resolver: noFiles,
    ...(typesetter === undefined ? {} : { latexTypesetter: typesetter }),
  });
  const add = (
    rank: number,
    safe: boolean,
    mimeTypes: string[],
    createRenderer: (options: IRenderMime.IRendererOptions) => IRenderMime.IRenderer,
  ) => registry.addFactory({ safe, mimeTypes, createRenderer }, rank);
  // The data is only a name; what it names came from the room.
  add(FIRST, true, [WIDGET_MIMETYPE], ({ mimeType }) => new ViewRenderer(mimeType, models));
  add(FIRST, true, ["application/json"], (options) => new JsonTree(options));
  add(FIRST, false, ["text/javascript", "application/javascript"], (options) => new ScriptRenderer(options));
  add(ERROR, true, ["application/vnd.jupyter.stderr"], (options) => new StreamText(options));
  add(TEXT, true, ["application/vnd.jupyter.stdout"], (options) => new StreamText(options));
  return registry;
}

const marked = new Marked({ gfm: true });

const markdownParser: IRenderMime.IMarkdownParser = {
  render: async (source) => marked.parse(source),
};

/** The page has no files: links lead where they say, and beside the page; only `#…` stays in it. */
const noFiles: IRenderMime.IResolver = {
  resolveUrl: async (url) => url,
  getDownloadUrl: async (url) => url,
  isLocal: () => false,
};

/** A script of a trusted output, as JupyterLab runs it: `element` is its place. */
class ScriptRenderer extends RenderedCommon {
  override async render(model: IRenderMime.IMimeModel): Promise<void> {
    const source = String(model.data[this.mimeType]);
    new Function("element", "document", "window", source)(this.node, document, window);
  }
}
