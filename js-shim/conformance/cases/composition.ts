/** Widgets in widgets. */

import type { Case } from "../contract";

const parent = (script: string) =>
  `export default { async render({ model, el, signal, host }) { ${script} } }`;

const CHILD = `export default {
  initialize({ model }) { trace("child initialize"); return { double: () => model.get("x") * 2 }; },
  render({ el, model, signal }) {
    el.textContent = "child " + model.get("x"); trace("child render");
    signal.addEventListener("abort", () => trace("child signal"));
    return () => trace("child cleanup");
  },
};`;

export const composition: Case[] = [
  {
    name: "getWidget gives a child's exports, and draws it until the parent's view ends",
    steps: [
      {
        open: {
          a: {
            _esm: parent(`const child = await host.getWidget(model.get("child"));
              trace("exports " + child.exports.double()); await child.render({ el });`),
            child: "anywidget:b",
          },
          b: { _esm: CHILD, x: 4 },
        },
      },
      { show: "a", as: "one" },
      { wait: "child render" },
      { remove: "one" },
    ],
    trace: ["child initialize", "exports 8", "child render", "child signal", "child cleanup", "one: "],
  },
  {
    name: "a child ends with the signal that it was drawn with",
    steps: [
      {
        open: {
          a: {
            _esm: parent(`const controller = new AbortController();
              const child = await host.getWidget("anywidget:b");
              await child.render({ el, signal: controller.signal }); controller.abort(); trace("parent " + signal.aborted);`),
          },
          b: { _esm: CHILD, x: 4 },
        },
      },
      { show: "a", as: "one" },
    ],
    trace: [
      "child initialize",
      "child render",
      "child signal",
      "parent false",
      "child cleanup",
      "one: child 4",
    ],
  },
  {
    name: "exports are undefined when initialize returns nothing, or what cleans up",
    steps: [
      {
        open: {
          a: {
            _esm: parent(`for (const ref of ["anywidget:b", "anywidget:c"])
              trace(show((await host.getWidget(ref)).exports));`),
          },
          b: { _esm: "export default { initialize() {} }" },
          c: { _esm: "export default { initialize() { return () => {}; } }" },
        },
      },
      { show: "a", as: "one" },
    ],
    trace: ["undefined", "undefined", "one: "],
  },
  {
    name: "getModel gives another model: its values, its events, and saving; its listeners end with the view",
    steps: [
      {
        open: {
          a: {
            _esm: parent(`const other = await host.getModel("anywidget:b");
              trace(show(other.get("x"))); other.on("change:x", () => trace("x " + other.get("x")));
              other.set("x", 5); other.save_changes();`),
          },
          b: { _esm: "export default {}", x: 1 },
        },
      },
      { show: "a", as: "one" },
      { wait: 'kernel ← b {"x":5}' },
      { set: { b: { x: 7 } } },
      { wait: "x 7" },
      { remove: "one" },
      { set: { b: { x: 8 } } },
    ],
    trace: ["1", "x 5", 'kernel ← b {"x":5}', "x 7", "one: "],
  },
  {
    name: "what is no reference is rejected, with what it was",
    steps: [
      {
        open: {
          a: {
            _esm: parent(`for (const ref of ["b", 5]) for (const get of [host.getModel, host.getWidget])
              await get(ref).catch((error) => trace(show(error.message.includes(JSON.stringify(ref)))));`),
          },
          b: { _esm: "export default {}" },
        },
      },
      { show: "a", as: "one" },
    ],
    trace: ["true", "true", "true", "true", "one: "],
  },
  {
    name: "getWidget of a comm without a module is rejected",
    steps: [
      {
        open: {
          a: {
            _esm: parent(
              `await host.getWidget("anywidget:b").catch((error) => trace("rejected " + error.message.includes("b")));`,
            ),
          },
          b: { model: "IntSliderModel", module: "@jupyter-widgets/controls", value: 5 },
        },
      },
      { show: "a", as: "one" },
    ],
    trace: ["rejected true", "one: "],
  },
  {
    name: "widget_manager.get_model gives another model",
    steps: [
      {
        open: {
          a: {
            _esm: parent(
              `const other = await model.widget_manager.get_model("b"); trace(show(other.get("x")));`,
            ),
          },
          b: { _esm: "export default {}", x: 1 },
        },
      },
      { show: "a", as: "one" },
    ],
    trace: ["1", "one: "],
  },
  {
    name: "a child whose module is replaced is drawn again where its parent put it",
    steps: [
      {
        open: {
          a: {
            _esm: parent(`const child = await host.getWidget("anywidget:b"); await child.render({ el });`),
          },
          b: { _esm: CHILD, x: 4 },
        },
      },
      { show: "a", as: "one" },
      { wait: "child render" },
      {
        set: {
          b: { _esm: `export default { render({ el }) { el.textContent = "new"; trace("new render"); } }` },
        },
      },
    ],
    trace: ["child initialize", "child render", "child signal", "child cleanup", "new render", "one: new"],
    anywidget: {
      trace: ["child initialize", "child render", "one: child 4"],
      because:
        "it leaves what a parent has drawn of the old module; the specification has every active view drawn again",
    },
  },
];
