/**
 * A host of AFM modules as somebody may begin one: it draws, gives and takes values and messages. It knows no signals, no other
 * module in the place of the first, and no widgets in widgets; the suite has to say so.
 */

type State = Record<string, unknown>;
type Listener = (...args: unknown[]) => void;

export interface Kernel {
  update(commId: string, state: State): void;
  custom(commId: string, content: unknown, buffers: ArrayBuffer[]): void;
  failed(commId: string): void;
}

interface Module {
  initialize?(props: object): unknown;
  render?(props: object): unknown;
}

class SmallWidget {
  readonly loaded: Promise<Module>;
  private readonly listeners: { event: string; callback: Listener }[] = [];
  private unsaved: State = {};

  constructor(
    private readonly commId: string,
    private readonly state: State,
    private readonly kernel: Kernel,
  ) {
    this.loaded = this.load();
    this.loaded.catch(() => kernel.failed(commId));
  }

  readonly model = {
    get: (key: string) => this.state[key],
    set: (key: string, value: unknown) => {
      this.unsaved[key] = value;
      this.take({ [key]: value });
    },
    save_changes: () => {
      const state = this.unsaved;
      this.unsaved = {};
      if (Object.keys(state).length > 0) this.kernel.update(this.commId, state);
    },
    on: (event: string, callback: Listener) => void this.listeners.push({ event, callback }),
    off: () => void this.listeners.splice(0),
    send: (content: unknown) => this.kernel.custom(this.commId, content, []),
  };

  take(state: State): void {
    const changed = Object.keys(state).filter((key) => this.state[key] !== state[key]);
    Object.assign(this.state, state);
    for (const key of changed) this.emit(`change:${key}`);
    if (changed.length > 0) this.emit("change");
  }

  emit(event: string, ...args: unknown[]): void {
    for (const each of [...this.listeners]) if (each.event === event) each.callback(...args);
  }

  private async load(): Promise<Module> {
    const address = URL.createObjectURL(new Blob([String(this.state._esm)], { type: "text/javascript" }));
    const { default: main } = await import(/* @vite-ignore */ address);
    const module: Module = typeof main === "function" ? await main() : main;
    await module.initialize?.({ model: this.model });
    return module;
  }
}

export class SmallHost {
  private readonly widgets = new Map<string, SmallWidget>();

  constructor(private readonly kernel: Kernel) {}

  open(comms: Record<string, State>): void {
    for (const [commId, state] of Object.entries(comms))
      this.widgets.set(commId, new SmallWidget(commId, { ...state }, this.kernel));
  }

  update(commId: string, state: State): void {
    this.widgets.get(commId)?.take(state);
  }

  async message(commId: string, content: unknown, buffers: DataView[]): Promise<void> {
    const widget = this.widgets.get(commId);
    // Not awaited: a module that waits for the story would keep it waiting.
    widget?.loaded.then(() => widget.emit("msg:custom", content, buffers));
  }

  close(commId: string): void {
    this.widgets.delete(commId);
  }

  show(commId: string, el: HTMLElement): () => void {
    const widget = this.widgets.get(commId);
    widget?.loaded.then((module) => module.render?.({ model: widget.model, el })).catch(() => undefined);
    return () => el.replaceChildren();
  }

  dispose(): void {
    this.widgets.clear();
  }
}
