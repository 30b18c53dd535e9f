/** Custom messages, both ways, and commands. */

import type { Case } from "../contract";

export const messages: Case[] = [
  {
    name: "a message comes as its content and its buffers",
    steps: [
      {
        open: {
          a: {
            _esm: `export default { initialize({ model }) {
              model.on("msg:custom", (content, buffers) => trace(show(content) + show(buffers))); trace("listens");
            } }`,
          },
        },
      },
      { wait: "listens" },
      { message: "a", content: { n: 1 }, buffers: [{ bytes: [1, 2] }] },
      { message: "a", content: null },
    ],
    trace: ["listens", '{"n":1}[DataView[1,2]]', "null[]"],
  },
  {
    name: "send sends content and buffers",
    steps: [
      {
        open: {
          a: {
            _esm: `export default { initialize({ model }) {
              model.send({ n: 1 }); model.send("two", undefined, [new Uint8Array([9, 8]).subarray(1)]);
            } }`,
          },
        },
      },
    ],
    trace: ['kernel ← a custom {"n":1}', 'kernel ← a custom "two" ArrayBuffer[8]'],
    jupyterlab: {
      trace: ['kernel ← a custom {"n":1}'],
      because: "JupyterLab's messages take no view of a part of a buffer: `send` throws",
    },
  },
  {
    name: "content that is sent is JSON, a typed array in it an object of its items",
    steps: [
      {
        open: {
          a: {
            _esm: `export default { initialize({ model }) {
              model.send({ at: new Float32Array([0.5, 2]), not: NaN, absent: undefined });
            } }`,
          },
        },
      },
    ],
    trace: ['kernel ← a custom {"at":{"0":0.5,"1":2},"not":null}'],
  },
  {
    name: "messages wait for an initialize that takes its time, in order",
    steps: [
      {
        open: {
          a: {
            _esm: `export default { async initialize({ model }) {
              trace("begins"); await gate("go"); model.on("msg:custom", (content) => trace(show(content)));
            } }`,
          },
        },
      },
      { wait: "begins" },
      { message: "a", content: 1 },
      { message: "a", content: 2 },
      { release: "go" },
    ],
    trace: ["begins", "1", "2"],
  },
  {
    name: "what was set before a message is there when the message comes",
    steps: [
      {
        open: {
          a: {
            _esm: `export default { initialize({ model }) {
              model.on("change:x", () => trace("x")); model.on("msg:custom", () => trace("message " + model.get("x")));
              trace("listens");
            } }`,
            x: 0,
          },
        },
      },
      { wait: "listens" },
      { set: { a: { x: 1 } } },
      { message: "a", content: "m" },
    ],
    trace: ["listens", "x", "message 1"],
  },
  {
    name: "every view hears a message",
    steps: [
      {
        open: {
          a: {
            _esm: `let views = 0; export default { render({ model }) {
              const name = "view " + (views += 1); model.on("msg:custom", () => trace(name)); trace(name + " listens");
            } }`,
          },
        },
      },
      { show: "a", as: "one" },
      { wait: "view 1 listens" },
      { show: "a", as: "two" },
      { wait: "view 2 listens" },
      { message: "a", content: 1 },
    ],
    trace: ["view 1 listens", "view 2 listens", "view 1", "view 2", "one: ", "two: "],
  },
  {
    name: "invoke sends a command, and ends with its signal",
    steps: [
      {
        open: {
          a: {
            _esm: `export default { render({ experimental }) {
              const controller = new AbortController();
              experimental.invoke("work", { x: 1 }, { buffers: [new DataView(new ArrayBuffer(1))], signal: controller.signal })
                .catch((error) => trace("rejected: " + error));
              controller.abort("enough");
            } }`,
          },
        },
      },
      { show: "a", as: "one" },
    ],
    trace: [
      'kernel ← a custom {"id":"…","kind":"anywidget-command","name":"work","msg":{"x":1}} ArrayBuffer[0]',
      "rejected: enough",
      "one: ",
    ],
  },
];
