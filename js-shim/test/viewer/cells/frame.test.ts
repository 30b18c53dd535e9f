// @vitest-environment jsdom
// biome-ignore-start assist/source/organizeImports: the packages touch the DOM when they load
import "../../models/dom";
// biome-ignore-end assist/source/organizeImports: see above
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import * as Y from "yjs";
import type { Change } from "../../../src/document";
import type { ModelSource } from "../../../src/models/source";
import type { ShownView } from "../../../src/viewer/stage";
import { MemorySource } from "../../models/memory-source";

const source = new MemorySource();
const listeners: ((changes: Change[]) => void)[] = [];
const room = {
  doc: new Y.Doc(),
  comms: { views: [] as ShownView[] },
  kernel: { status: "idle", live: true, epoch: "e1", kernel_id: "k1" },
  status: "synced",
  role: "window",
  schemaError: null,
  on(name: string, listener: (changes: Change[]) => void) {
    if (name === "change") listeners.push(listener);
    return () => undefined;
  },
};

vi.mock("../../../src/window/room", () => ({ joinRoom: async () => room }));
vi.mock("../../../src/models/from-room", () => ({
  PAGE_SUFFIX: "",
  fromRoom: (): ModelSource =>
    new Proxy(source, {
      // The life spreads it: what it has must be its own.
      ownKeys: () => METHODS,
      getOwnPropertyDescriptor: (target, key) => ({
        configurable: true,
        enumerable: true,
        value: Reflect.get(target, key),
      }),
      get: (target, key) => (Reflect.get(target, key) as () => unknown).bind(target),
    }),
}));

// Loading it takes most of the time here, and no math is shown.
vi.mock("../../../src/viewer/typesetter", () => ({ typesetter: undefined }));

const METHODS = [
  ..."commIds entry read follow trusted requested request send open close rank listen".split(" "),
];

const drawn = () =>
  [...document.querySelectorAll<HTMLElement>("#cells [data-comm-id]")].map((it) => it.dataset.commId);

it("S09: a restart leaves the last life's views in the cells whose outputs are kept elsewhere", async () => {
  const html = readFileSync(join(process.cwd(), "src/viewer/frame.html"), "utf8");
  document.documentElement.innerHTML = html.replace(/<script[\s\S]*?<\/script>|<link[\s\S]*?>/g, "");
  const outputs = Y.Array.from([{ output_type: "display_data", metadata: { url: "/api/outputs/0" } }]);
  const cell = new Y.Map<unknown>([
    ["id", "a"],
    ["cell_type", "code"],
    ["outputs", outputs],
  ]);
  room.doc.getArray("cells").push([cell]);
  source.opened({ old: { model: "HTMLModel", value: "old" } });
  room.comms.views = [{ comm_id: "old", msg_id: "m1", cell_id: "a" }];
  await import("../../../src/viewer/frame");
  const port = new MessageEvent("message", { source: window, data: { commdoc: "port" } });
  Object.defineProperty(port, "ports", { value: [{}] });
  window.dispatchEvent(port);
  await vi.waitFor(() => expect(drawn()).toEqual(["old"]));

  room.comms.views = [];
  const ended: Change[] = [
    { kind: "closed", commId: "old", keys: [] },
    { kind: "kernel", commId: "k1", keys: [] },
  ];
  listeners[0]?.(ended);
  source.gone("old");
  for (const listener of listeners.slice(1)) listener(ended);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(drawn()).toEqual(["old"]);

  const opened: Change[] = [{ kind: "opened", commId: "new", keys: [] }];
  room.comms.views = [{ comm_id: "new", msg_id: "m2", cell_id: "a" }];
  listeners[0]?.(opened);
  source.opened({ new: { model: "HTMLModel", value: "new" } });
  for (const listener of listeners.slice(1)) listener(opened);
  await vi.waitFor(() => expect(drawn()).toEqual(["new"]));
}, 60_000);
