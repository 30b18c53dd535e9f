/** A page of one's own for the tests, which tell it what to do by `page.evaluate`. */

import { joinRoom } from "commdoc";
import { afmOf } from "commdoc/afm";
import { type Classes, modelsOf } from "commdoc/models";
import { type MountOptions, mountRoom } from "commdoc/viewer";
import { DOMWidgetModel, DOMWidgetView } from "@jupyter-widgets/base";
import "commdoc/style.css";

/** Classes M and V of a package that the page brings; V shows which one it is of. */
function classes(said: string): () => Promise<Classes> {
  class V extends DOMWidgetView {
    override render(): void {
      this.el.textContent = `${said} ${this.model.get("label")}`;
    }
  }
  return async () => ({ M: DOMWidgetModel, V });
}

const page = { joinRoom, afmOf, modelsOf, mountRoom, classes };
export type Page = typeof page;
export type { MountOptions };

Object.assign(globalThis, { page });
