/**
 * JupyterLab as it is, with the anywidget that is installed, for `tests/lab/test_conformance.py`: runs a case on the widgets of
 * the notebook that is open, its comms made by the notebook's kernel.
 *
 * What the front end sends is heard where it gives it to the comm, what fails where it says so: on the console.
 */

import { all, asSteps, type Driver, type Heard, judge, type State, type Verdict } from "../../conformance";
import { PROBE, rest, Told } from "./rest";

/** What is used of ipywidgets and JupyterLab, which are the page's own. */
interface View {
  remove(): void;
  readonly luminoWidget: { readonly constructor: unknown };
}

interface Model {
  on(event: string, callback: (content: unknown) => void): void;
  off(event: string, callback: (content: unknown) => void): void;
}

interface Comm {
  readonly comm_id: string;
  send(data: unknown, callbacks?: unknown, metadata?: unknown, buffers?: ArrayBuffer[]): unknown;
}

interface Manager {
  get_model(id: string): Promise<Model>;
  has_model(id: string): boolean;
  create_view(model: Model): Promise<View>;
  handle_comm_open(comm: Comm, message: unknown): Promise<unknown>;
}

interface Update {
  method: string;
  state?: State;
  buffer_paths?: (string | number)[][];
  content?: unknown;
}

declare global {
  interface Window {
    judgeCase(name: string, host?: string): Promise<Verdict>;
    /** Does a step in the kernel; given by the test. A module that takes its time keeps all that comes on the page's own way waiting. */
    tellKernel(step: string): Promise<void>;
    lab: { manager(): Promise<Manager> };
  }
}

/** Who hears of what comms send. */
let ears: Heard | undefined;

const manager = window.lab.manager().then((it) => {
  const opened = it.handle_comm_open;
  it.handle_comm_open = (comm, message) => {
    const send = comm.send;
    comm.send = (data, callbacks, metadata, buffers) => {
      const sent = send.call(comm, data, callbacks, metadata, buffers); // throws when it can't be sent
      hear(comm.comm_id, data as Update, buffers ?? []);
      return sent;
    };
    return opened.call(it, comm, message);
  };
  return it;
});

function hear(commId: string, data: Update, given: readonly (ArrayBuffer | ArrayBufferView)[]): void {
  const buffers = given.map((each) => (ArrayBuffer.isView(each) ? (each.buffer as ArrayBuffer) : each));
  if (data.method === "update")
    ears?.requested(commId, put(data.state ?? {}, data.buffer_paths ?? [], buffers));
  else if (data.method === "custom") ears?.sent(commId, JSON.parse(JSON.stringify(data)).content, buffers);
}

function put(state: State, paths: (string | number)[][], buffers: readonly ArrayBuffer[]): State {
  const whole = structuredClone(state);
  for (const [n, path] of paths.entries()) {
    let at: Record<string | number, unknown> = whole;
    for (const key of path.slice(0, -1)) at = at[key] as typeof at;
    at[path.at(-1) as string | number] = buffers[n];
  }
  return whole;
}

const driver: Driver = {
  name: "anywidget in JupyterLab",
  async start(heard) {
    const its = await manager;
    const opened = new Set<string>();
    const problems = new Problems(heard);
    const probe = await its.get_model(PROBE);
    const listen = (hear: (content: unknown) => void) => {
      probe.on("msg:custom", hear);
      return () => probe.off("msg:custom", hear);
    };
    const told = new Told(heard);
    ears = told;
    const story = asSteps(window.tellKernel);
    return {
      story: {
        ...story,
        async open(comms) {
          await story.open(comms);
          for (const commId of Object.keys(comms)) opened.add(commId);
          for (const commId of opened) await its.get_model(commId);
        },
      },
      host: {
        show(commId, el) {
          problems.shown = commId;
          const view = its.get_model(commId).then((model) => its.create_view(model));
          view.then(({ luminoWidget }) => {
            const { attach } = luminoWidget.constructor as { attach(widget: unknown, el: HTMLElement): void };
            attach(luminoWidget, el);
          });
          return () => void view.then((made) => made.remove());
        },
        drawn(el) {
          const copy = el.cloneNode(true) as HTMLElement;
          for (const words of copy.querySelectorAll(".jupyter-widgets-error-widget, .widget-error"))
            words.remove();
          return copy.textContent ?? "";
        },
        atRest: () => rest(window.tellKernel, listen, () => told.count),
        async dispose() {
          await window.tellKernel(JSON.stringify({ end: true }));
          await rest(window.tellKernel, listen, () => told.count);
          ears = undefined;
          problems.end();
        },
      },
    };
  },
};

/** anywidget says on the console what fails, and not of which comm: it is the one that was shown last. */
class Problems {
  shown = "";
  private readonly told = new WeakSet<Error>();
  private readonly before = console.error;

  constructor(heard: Heard) {
    console.error = (...said: unknown[]) => {
      const [error] = said;
      if (error instanceof Error && !this.told.has(error)) {
        this.told.add(error);
        heard.problem(this.shown);
      } else this.before.apply(console, said);
    };
  }

  end(): void {
    console.error = this.before;
  }
}

window.judgeCase = async (name) => {
  const it = all.find((one) => one.name === name);
  if (it === undefined) throw new Error(`no case ${name}`);
  return judge(it, driver, (it.jupyterlab ?? it.anywidget)?.trace);
};
