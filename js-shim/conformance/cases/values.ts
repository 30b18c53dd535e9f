/** What a model gives, takes and tells of its values. */

import type { Case } from "../contract";

const value = (script: string) => `export default { async initialize({ model }) { ${script} } }`;

/** Writes down which events come, and with how many arguments. */
const told = (...events: string[]) =>
  events.map((event) => `model.on("${event}", (...args) => trace("${event} " + args.length));`).join(" ");

const ARGUMENTS = "Backbone's arguments come with it, which the specification says are not part of it";

export const values: Case[] = [
  {
    name: "get gives JSON as it is, bytes as a DataView at any depth, a reference as its text",
    steps: [
      {
        open: {
          a: {
            _esm: value(
              `for (const key of ["text", "list", "raw", "deep", "child", "absent"]) trace(show(model.get(key)));`,
            ),
            text: "é",
            list: [1, null, { x: 2.5 }],
            raw: { bytes: [1, 2] },
            deep: { inner: [{ bytes: [3] }] },
            child: "anywidget:b",
          },
        },
      },
    ],
    trace: [
      '"é"',
      '[1,null,{"x":2.5}]',
      "DataView[1,2]",
      '{"inner":[DataView[3]]}',
      '"anywidget:b"',
      "undefined",
    ],
  },
  {
    name: "set is there at once; save_changes sends what was changed, and no more",
    steps: [
      {
        open: {
          a: {
            _esm: value(
              `model.set("x", 5); model.set("y", 1); model.set("y", 2); model.set("same", [1]); trace(show(model.get("x")));
               model.save_changes(); model.save_changes(); model.set("z", 3); model.save_changes();`,
            ),
            x: 1,
            y: 0,
            z: 0,
            same: [1],
          },
        },
      },
    ],
    trace: ["5", 'kernel ← a {"x":5,"y":2}', 'kernel ← a {"z":3}'],
  },
  {
    name: "a module's own set is told: change:key, then change; without arguments",
    steps: [
      {
        open: {
          a: { _esm: value(`${told("change:x", "change")} model.set("x", 5); model.set("x", 5);`), x: 1 },
        },
      },
    ],
    trace: ["change:x 0", "change 0"],
    anywidget: { trace: ["change:x 3", "change 2"], because: ARGUMENTS },
  },
  {
    name: "several keys set at once: all are there when the first is told, change comes once",
    steps: [
      {
        open: {
          a: {
            _esm: value(
              `for (const event of ["change:x", "change:y", "change"]) model.on(event, () => trace(event + show([model.get("x"), model.get("y")])));
               model.set({ x: 5, y: 6 });`,
            ),
            x: 1,
            y: 1,
          },
        },
      },
    ],
    trace: ["change:x[5,6]", "change:y[5,6]", "change[5,6]"],
  },
  {
    name: "what the kernel sets is told, and not sent back",
    steps: [
      {
        open: {
          a: {
            _esm: value(`model.on("change:x", () => { trace(show(model.get("x"))); model.save_changes(); });
               model.on("change:y", () => trace("y")); trace("listens");`),
            x: 1,
            y: 1,
          },
        },
      },
      { wait: "listens" },
      { set: { a: { x: 7, y: 1 } } },
    ],
    trace: ["listens", "7"],
  },
  {
    name: "a set inside of a listener is told, too",
    steps: [
      {
        open: {
          a: {
            _esm: value(`model.on("change:x", () => model.set("y", model.get("x") + 1));
               model.on("change:y", () => trace("y " + model.get("y"))); model.set("x", 5); model.save_changes();`),
            x: 1,
            y: 1,
          },
        },
      },
    ],
    trace: ["y 6", 'kernel ← a {"x":5,"y":6}'],
  },
  {
    name: "save_changes inside of a listener sends what was just set, once",
    steps: [
      {
        open: {
          a: {
            _esm: value(
              `model.on("change:x", () => model.save_changes()); model.set("x", 5); model.save_changes();`,
            ),
            x: 1,
          },
        },
      },
    ],
    trace: ['kernel ← a {"x":5}'],
    anywidget: {
      trace: ['kernel ← a {"x":5}', 'kernel ← a {"x":5}'],
      because: "ipywidgets forgets inside of a listener what it has just sent, and sends it again",
    },
  },
  {
    name: "what was set and not saved is shown until the kernel says otherwise, and is the module's again when it is saved",
    steps: [
      {
        open: {
          a: {
            _esm: value(`model.set("x", 5); model.on("change:x", () => trace(show(model.get("x"))));
               model.on("msg:custom", () => model.save_changes()); trace("listens");`),
            x: 1,
          },
        },
      },
      { wait: "listens" },
      { set: { a: { x: 7 } } },
      { wait: "7" },
      { message: "a", content: "save" },
    ],
    trace: ["listens", "7", "5", 'kernel ← a {"x":5}'],
  },
  {
    name: "bytes that a module sets are what it gets, and go to the kernel",
    steps: [
      {
        open: {
          a: {
            _esm: value(
              `model.set("raw", new Uint8Array([9, 1, 2]).subarray(1)); trace(show(model.get("raw"))); model.save_changes();`,
            ),
            raw: { bytes: [] },
          },
        },
      },
    ],
    trace: ["Uint8Array[1,2]", 'kernel ← a {"raw":Uint8Array[1,2]}'],
    anywidget: {
      trace: ["Uint8Array[1,2]", 'kernel ← a {"raw":ArrayBuffer[9,1,2]}'],
      because: "ipywidgets sends the whole buffer behind a view of it",
    },
  },
  {
    name: "off ends what this object was told: of an event, of a callback, all",
    steps: [
      {
        open: {
          a: {
            _esm: value(`const f = () => trace("f"), g = () => trace("g"); let n = 1;
               const round = (name) => { trace(name); model.set("x", n += 1); model.set("y", n); };
               const listen = () => { model.off(); model.on("change:x", f); model.on("change:x", g); model.on("change:y", f); };
               listen(); model.off("change:x", f); round("event and callback");
               listen(); model.off("change:x"); round("event");
               listen(); model.off(null, f); round("callback");
               listen(); model.off(); round("all");`),
            x: 0,
            y: 0,
          },
        },
      },
    ],
    trace: ["event and callback", "g", "f", "event", "f", "callback", "g", "all"],
  },
  {
    name: "off of one view leaves the other's listeners alone",
    steps: [
      {
        open: {
          a: {
            _esm: `let views = 0; export default { render({ model }) {
              const name = "view " + (views += 1);
              model.on("change:x", () => { trace(name); if (name === "view 1") model.off(); });
              trace(name + " listens");
            } }`,
            x: 0,
          },
        },
      },
      { show: "a", as: "one" },
      { wait: "view 1 listens" },
      { show: "a", as: "two" },
      { wait: "view 2 listens" },
      { set: { a: { x: 1 } } },
      { wait: "view 2" },
      { set: { a: { x: 2 } } },
    ],
    trace: ["view 1 listens", "view 2 listens", "view 1", "view 2", "view 2", "one: ", "two: "],
  },
  {
    name: "several events in one name",
    steps: [
      {
        open: {
          a: {
            _esm: value(
              `model.on("change:x change:y", () => trace("told")); model.set("x", 1); model.set("y", 1);`,
            ),
            x: 0,
            y: 0,
          },
        },
      },
    ],
    trace: ["told", "told"],
  },
];
