/**
 * A saved page (`commdoc export`): a notebook's cells, outputs and widgets in one file, without a kernel, a room or a network.
 * The data lies in the page, in scripts that are none. What tests read are the attributes of the live page's frame.
 */

import "../frame.css";
import "./saved.css";
import { NotInstalledError } from "../../models/fallback";
import { RoomManager } from "../../models/manager";
import { Notebook } from "../cells/notebook";
import { LogPanel } from "../log-panel";
import { NotebookView } from "../notebook-view";
import { withoutAddresses } from "./images";
import { documentOf, type SavedCell } from "./notebook";
import { type SavedModel, savedSource } from "./source";

/** What `math.ts` puts there, of a page that has math. */
const math = globalThis as { commdocMath?: (element: HTMLElement) => void };

const NOT_BROUGHT =
  "a saved page has ipywidgets' own widgets and anywidgets. JupyterLab shows it when its extension is installed.";

function main(): void {
  const log = new LogPanel(at<HTMLDetailsElement>("log"));
  const problem = (text: string, error?: unknown) => {
    console.error(`[commdoc] ${text}`, error ?? "");
    log.add("error", text);
  };
  const { cells } = read<{ cells: SavedCell[] }>("notebook", { cells: [] });
  const { state: models } = read<{ state: Record<string, SavedModel> }>("widgets", { state: {} });
  const colored = read<Record<string, string>>("colored", {});
  const told = new Set<string>();
  const source = savedSource(models, (commId, reason) => {
    if (told.has(commId)) return;
    told.add(commId);
    log.add("stdout", `${models[commId]?.model_name ?? commId}: ${reason}`);
  });
  const manager = new RoomManager(source, {
    root: document,
    typesetter: { typeset: (element) => math.commdocMath?.(element) },
    loader: () => Promise.reject(new NotInstalledError(NOT_BROUGHT)),
    onProblem: ({ text }) => log.add("error", text),
  });
  const { renderMime } = manager;
  Object.assign(renderMime, { sanitizer: withoutAddresses(renderMime.sanitizer) });
  const notebook = new Notebook(documentOf(cells, models), problem);
  new NotebookView(at("cells"), notebook, renderMime, () => undefined);
  for (const cell of document.querySelectorAll<HTMLElement>("#cells > .cell")) {
    const html = colored[cell.dataset.cell ?? ""];
    const code = cell.querySelector(".source > code");
    // Made by the exporter of the text that is shown already.
    if (html !== undefined && code !== null) code.innerHTML = html;
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    document.body.dataset.jpThemeLight = String(!dark.matches);
  };
  dark.addEventListener("change", follow);
  follow();
  document.body.dataset.live = "false";
}

function read<T>(id: string, otherwise: T): T {
  const text = document.getElementById(id)?.textContent;
  return text ? (JSON.parse(text) as T) : otherwise;
}

function at<E extends HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

main();
