/** Signals, cleanups, failures, and a module that is replaced. */

import type { Case } from "../contract";

/** A module that writes down each step of its life. */
const told = (name: string) => `export default {
  initialize({ model, signal }) {
    trace("${name} initialize");
    signal.addEventListener("abort", () => trace("${name} signal"));
    model.on("change:x", () => trace("${name} x"));
    return () => trace("${name} cleanup");
  },
  render({ el, model, signal }) {
    trace("${name} render");
    el.append("${name}");
    signal.addEventListener("abort", () => trace("${name} view signal"));
    model.on("change:x", () => trace("${name} view x"));
    return () => trace("${name} view cleanup");
  },
};`;

export const lifecycle: Case[] = [
  {
    name: "a view that is removed: its signal aborts, then its cleanup runs, and it hears nothing any more",
    steps: [
      { open: { a: { _esm: told("A"), x: 0 } } },
      { show: "a", as: "one" },
      { wait: "A render" },
      { remove: "one" },
      { wait: "A view cleanup" },
      { set: { a: { x: 1 } } },
    ],
    trace: ["A initialize", "A render", "A view signal", "A view cleanup", "A x", "one: "],
  },
  {
    name: "a comm that is closed: its view ends, then the widget",
    steps: [
      { open: { a: { _esm: told("A") } } },
      { show: "a", as: "one" },
      { wait: "A render" },
      { close: "a" },
    ],
    trace: ["A initialize", "A render", "A view signal", "A signal", "A view cleanup", "A cleanup", "one: "],
  },
  {
    name: "a view that is removed while it is drawn is cleaned up when it is drawn",
    steps: [
      {
        open: {
          a: {
            _esm: `export default { async render({ model, signal }) {
              trace("begins"); await gate("go"); trace("aborted " + signal.aborted);
              model.on("change:x", () => trace("heard")); return () => trace("cleanup");
            } }`,
          },
        },
      },
      { show: "a", as: "one" },
      { wait: "begins" },
      { remove: "one" },
      { release: "go" },
      { wait: "cleanup" },
      { set: { a: { x: 1 } } },
    ],
    trace: ["begins", "aborted true", "cleanup", "one: "],
  },
  {
    name: "an initialize that throws: its signal aborts, nothing is rendered, others go on",
    steps: [
      {
        open: {
          a: {
            _esm: `export default {
              initialize({ signal }) {
                signal.addEventListener("abort", () => trace("signal")); trace("initialize"); throw new Error("no luck");
              },
              render() { trace("render"); },
            }`,
          },
          b: { _esm: `export default { render({ el }) { trace("b"); el.textContent = "drawn"; } }` },
        },
      },
      { show: "a", as: "one" },
      { wait: "problem a" },
      { show: "b", as: "other" },
    ],
    trace: ["initialize", "signal", "problem a", "b", "one: ", "other: drawn"],
    anywidget: {
      trace: ["initialize", "problem a", "b", "one: ", "other: drawn"],
      because: "it doesn't abort the signal of a hook that throws, which the specification asks for",
    },
  },
  {
    name: "a render that rejects: its signal aborts, another view is drawn",
    steps: [
      {
        open: {
          a: {
            _esm: `let views = 0; export default {
              async render({ el, signal }) {
                if ((views += 1) > 1) { trace("second"); el.textContent = "drawn"; return; }
                signal.addEventListener("abort", () => trace("signal")); throw new Error("no luck");
              },
            }`,
          },
        },
      },
      { show: "a", as: "one" },
      { wait: "problem a" },
      { show: "a", as: "two" },
    ],
    trace: ["signal", "problem a", "second", "one: ", "two: drawn"],
    anywidget: {
      trace: ["problem a", "second", "one: ", "two: drawn"],
      because: "it doesn't abort the signal of a hook that throws, which the specification asks for",
    },
  },
  {
    name: "another module: the old one is aborted and cleaned up before the new one is run, which is drawn in the same place",
    steps: [
      { open: { a: { _esm: told("A"), x: 0 } } },
      { show: "a", as: "one" },
      { wait: "A render" },
      { set: { a: { _esm: told("B") } } },
      { wait: "B render" },
      { set: { a: { x: 1 } } },
    ],
    trace: [
      "A initialize",
      "A render",
      "A signal",
      "A view signal",
      "A cleanup",
      "A view cleanup",
      "B initialize",
      "B render",
      "B x",
      "B view x",
      "one: B",
    ],
    anywidget: {
      trace: [
        "A initialize",
        "A render",
        "A signal",
        "B initialize",
        "A cleanup",
        "A view signal",
        "A view cleanup",
        "B render",
        "B x",
        "B view x",
        "one: B",
      ],
      because:
        "it runs the new initialize before the old one's cleanup, and ends the old view after it; the specification has all of the old one end first",
    },
  },
  {
    name: "another module: values that were set stay",
    steps: [
      {
        open: {
          a: {
            _esm: `export default { initialize({ model }) { model.set("x", 5); trace("A"); } }`,
            x: 0,
          },
        },
      },
      { wait: "A" },
      {
        set: {
          a: {
            _esm: `export default { initialize({ model }) { trace("B " + model.get("x")); model.save_changes(); } }`,
          },
        },
      },
    ],
    trace: ["A", "B 5", 'kernel ← a {"x":5}'],
  },
  {
    name: "a module that is broken and then mended",
    steps: [
      { open: { a: { _esm: "export default {" } } },
      { show: "a", as: "one" },
      { wait: "problem a" },
      { set: { a: { _esm: `export default { render({ el }) { trace("render"); el.append("mended"); } }` } } },
    ],
    trace: ["problem a", "render", "one: mended"],
    jupyterlab: {
      trace: ["problem a", "one: "],
      because:
        "what the kernel sends waits for the module to be initialised, the mended one, too, and is given up after 2 s",
    },
  },
];
