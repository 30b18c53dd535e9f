/** Two hosts of AFM modules, on the same source in memory: this package's, and anywidget's own front end as the page has it. */

import { Widget } from "@lumino/widgets";
import type { Driver, Heard, Story } from "../../conformance";
import { AfmHost } from "../../src/afm";
import { RoomManager } from "../../src/models/manager";
import { MemorySource } from "../models/memory-source";

class Source extends MemorySource {
  constructor(private readonly heard: Heard) {
    super();
  }

  override request(commId: string, state: Record<string, unknown>): string {
    this.heard.requested(commId, state);
    return super.request(commId, state);
  }

  override send(commId: string, data: unknown, buffers: readonly ArrayBuffer[]): string {
    this.heard.sent(commId, (data as { content: unknown }).content, buffers);
    return super.send(commId, data, buffers);
  }
}

function storyOf(source: MemorySource): Story {
  return {
    open: (comms) => {
      const all = Object.entries(comms).map(([commId, state]) => [
        commId,
        { model: "AnyModel", module: "anywidget", ...state },
      ]);
      source.opened(Object.fromEntries(all));
    },
    set: (commId, state) => source.set(commId, state),
    message: (commId, content, buffers) => source.message(commId, { method: "custom", content }, buffers),
    close: (commId) => source.gone(commId),
  };
}

export const commdoc: Driver = {
  name: "commdoc",
  start(heard) {
    const source = new Source(heard);
    const host = new AfmHost(source, { onProblem: ({ commId }) => heard.problem(commId) });
    return {
      story: storyOf(source),
      host: {
        show: (commId, el) => host.widget(commId).render(el),
        dispose: () => host.dispose(),
      },
    };
  },
};

export const anywidget: Driver = {
  name: "anywidget",
  start(heard) {
    const source = new Source(heard);
    const manager = new RoomManager(source, {
      root: document,
      onProblem: ({ commId }) => heard.problem(commId),
    });
    return {
      story: storyOf(source),
      host: {
        show(commId, el) {
          const view = manager.get_model(commId).then((model) => manager.create_view(model));
          view.then((made) => Widget.attach((made as unknown as { luminoWidget: Widget }).luminoWidget, el));
          return () => void view.then((made) => made.remove());
        },
        dispose: () => manager.dispose(),
      },
    };
  },
};
