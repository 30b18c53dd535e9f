/** What a module may be, and what its hooks are given. */

import type { Case } from "../contract";

export const modules: Case[] = [
  {
    name: "a default object: initialize once, then render for each view",
    steps: [
      {
        open: {
          a: {
            _esm: `export default {
              initialize(props) { trace("initialize " + Object.keys(props).sort()); },
              render(props) { trace("render " + Object.keys(props).sort()); props.el.textContent = "drawn"; },
            }`,
          },
        },
      },
      { show: "a", as: "one" },
      { wait: "render el,experimental,host,model,signal" },
      { show: "a", as: "two" },
    ],
    trace: [
      "initialize experimental,model,signal",
      "render el,experimental,host,model,signal",
      "render el,experimental,host,model,signal",
      "one: drawn",
      "two: drawn",
    ],
  },
  {
    name: "a default function, called once for each widget; what it closes over is the widget's own",
    steps: [
      {
        open: {
          a: {
            _esm: `export default async () => {
              let count = 0;
              trace("called");
              return { initialize() { count += 1; }, render({ el }) { el.textContent = count += 1; trace("rendered"); } };
            }`,
          },
        },
      },
      { show: "a", as: "one" },
      { wait: "rendered" },
      { show: "a", as: "two" },
    ],
    trace: ["called", "rendered", "rendered", "one: 2", "two: 3"],
  },
  {
    name: "an export named render, as before anywidget 0.9, comes before a default",
    steps: [
      {
        open: {
          a: {
            _esm: `export function render({ el }) { trace("named"); el.textContent = "named"; }
              export default { initialize() { trace("default"); }, render() { trace("default"); } }`,
          },
        },
      },
      { show: "a", as: "one" },
    ],
    trace: ["named", "one: named"],
  },
  {
    name: "a module without render draws nothing",
    steps: [
      { open: { a: { _esm: `export default { initialize() { trace("initialize"); } }` } } },
      { show: "a", as: "one" },
    ],
    trace: ["initialize", "one: "],
  },
  {
    name: "render waits for an initialize that takes its time",
    steps: [
      {
        open: {
          a: {
            _esm: `export default {
              async initialize() { trace("begins"); await gate("go"); trace("ends"); },
              render() { trace("render"); },
            }`,
          },
        },
      },
      { show: "a", as: "one" },
      { wait: "begins" },
      { release: "go" },
    ],
    trace: ["begins", "ends", "render", "one: "],
  },
  {
    name: "a module without a default export is a failure that is told; others go on",
    steps: [
      {
        open: {
          a: { _esm: "export const nothing = 1;" },
          b: { _esm: `export default { render({ el }) { trace("b"); el.textContent = "drawn"; } }` },
        },
      },
      { show: "a", as: "one" },
      { wait: "problem a" },
      { show: "b", as: "other" },
    ],
    trace: ["problem a", "b", "one: ", "other: drawn"],
  },
];
