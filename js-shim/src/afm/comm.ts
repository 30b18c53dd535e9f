/**
 * One comm of the room, as this host has it: its values, who listens to them, its module, and its way to the room.
 *
 * The way is that of the page's models (`document-comm.ts`): one inbox, in which state comes before the message that followed
 * it, and a throttled way out. Messages wait here until it is known whether the module works.
 */

import { DocumentComm } from "../models/document-comm";
import type { Ended } from "../models/source";
import { Attributes } from "./attributes";
import type { Registry } from "./contracts";
import { Instance } from "./instance";
import { Invocations } from "./invocations";
import { Listeners } from "./listeners";
import { modelOf } from "./model";
import type { AfmModel, Binary, WidgetManager } from "./types";

/** What may wait for a module: one that doesn't load would fill the page's memory. */
const MOST_HELD_BYTES = 64 * 1024 * 1024;

/** What a message costs beside its buffers. */
const MESSAGE_BYTES = 1024;

const TOO_MANY = "its module is still loading; from here on some are left out";

interface Incoming {
  content: { data: { method?: string; state?: Record<string, unknown>; content?: unknown } };
  buffers: DataView[];
}

export class AfmComm {
  readonly attributes: Attributes;
  readonly listeners: Listeners;
  readonly invocations: Invocations;
  readonly instance: Instance;
  readonly wire: DocumentComm;
  /** The model that the page has, and authors by `widget_manager`. */
  readonly model: AfmModel;
  /** Resolves when the first values are there. */
  readonly ready: Promise<this>;
  private readonly missing = new Map<string, string>();
  private held: { content: unknown; buffers: DataView[] }[] = [];
  private heldBytes = 0;
  private isBehind = false;
  private isClosed = false;

  constructor(
    readonly commId: string,
    private readonly registry: Registry,
  ) {
    const failed = (doing: string, error: unknown) => registry.failed(commId, doing, error);
    this.listeners = new Listeners((event, error) => failed(`a listener of ${event}`, error));
    this.attributes = new Attributes(this.listeners);
    this.invocations = new Invocations((content, buffers, ended) => this.send(content, buffers, ended));
    this.instance = new Instance(this, registry);
    this.model = modelOf(this, this);
    this.ready = this.create();
    this.wire = new DocumentComm(commId, "jupyter.widget", this.door(), this.ready);
    this.wire.on_msg((message) => this.received(message as Incoming));
  }

  get widgetManager(): WidgetManager {
    const { registry } = this;
    return {
      get_model: async <State extends object>(modelId: string) =>
        (await registry.get(modelId)).model as unknown as AfmModel<State>,
    };
  }

  /** Why a key's value could not be had, when its blob is missing. */
  lacking(key: string): string | undefined {
    return this.missing.get(key);
  }

  save(): void {
    if (this.isClosed) return;
    const state = this.attributes.save();
    if (Object.keys(state).length > 0) this.wire.send({ method: "update", state });
  }

  send(content: unknown, buffers: readonly Binary[] = [], ended?: Ended): void {
    if (this.isClosed) ended?.(new Error(`comm ${this.commId}: it was closed`));
    else this.wire.send({ method: "custom", content }, { ended }, {}, buffers);
  }

  /** Somebody may vouch now for what was withheld. */
  check(): void {
    if (this.instance.stage !== "withheld" || !this.registry.trusts(this.commId)) return;
    if (this.attributes.get("_css")) this.style();
    this.instance.start();
  }

  /** It is known whether the module works: what waited for that is told. */
  moduleDecided(): void {
    const { held } = this;
    this.held = [];
    this.heldBytes = 0;
    this.isBehind = false;
    for (const { content, buffers } of held) this.listeners.emit("msg:custom", content, buffers);
  }

  /** The comm is gone from the document. */
  close(): void {
    this.isClosed = true;
    this.held = [];
    this.instance.close();
  }

  private async create(): Promise<this> {
    const { commId, registry } = this;
    try {
      this.attributes.begin(await this.read(registry.source.entry(commId)?.keys ?? []));
      if (this.isClosed) return this;
      this.listeners.on("change:_esm", () => this.instance.start(), this.instance);
      this.listeners.on("change:_css", () => this.style(), this.instance);
      if (this.attributes.get("_css")) this.style();
      this.instance.start();
    } catch (error) {
      this.instance.fail(error);
    }
    return this;
  }

  private style(): void {
    const [id, css] = [this.attributes.get("_anywidget_id"), this.attributes.get("_css")];
    if (typeof id !== "string" || id === "" || !this.registry.trusts(this.commId)) return;
    this.registry.styles.set(id, typeof css === "string" ? css : "");
  }

  private received({ content: { data }, buffers }: Incoming): void {
    if (this.isClosed) return;
    if (data.method === "update") {
      const state = this.wire.withoutHeld(data.state ?? {});
      this.registry.apply(() => this.attributes.take(state));
    } else if (data.method === "custom") {
      this.invocations.heard(data.content, buffers);
      if (this.instance.isNew) this.hold(data.content, buffers);
      else this.listeners.emit("msg:custom", data.content, buffers);
    }
  }

  private hold(content: unknown, buffers: DataView[]): void {
    const bytes = buffers.reduce((sum, { byteLength }) => sum + byteLength, MESSAGE_BYTES);
    if (this.held.length > 0 && this.heldBytes + bytes > MOST_HELD_BYTES) {
      if (!this.isBehind) this.registry.failed(this.commId, "taking all messages", new Error(TOO_MANY));
      this.isBehind = true;
      return;
    }
    this.heldBytes += bytes;
    this.held.push({ content, buffers });
  }

  private async read(keys: readonly string[]): Promise<Record<string, unknown>> {
    const { state, missing } = await this.registry.source.read(this.commId, keys);
    for (const key of keys) this.missing.delete(key);
    for (const { key, reason } of missing) this.missing.set(key, reason);
    return state;
  }

  private door(): ConstructorParameters<typeof DocumentComm>[2] {
    const { registry } = this;
    return {
      source: registry.source,
      get applying() {
        return registry.applying;
      },
      handOn: (commId) => registry.handOn(commId),
      reacted: (commId, state) => registry.reacted(commId, state),
      asks: (commId, keys) => registry.asks(commId, keys),
      readResolved: (_, keys) => this.read(keys),
      failed: (commId, doing, error) => registry.failed(commId, doing, error),
    };
  }
}
