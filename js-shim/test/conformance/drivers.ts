/** The hosts on a source in memory. */

import type { Driver, Heard, RunningHost, Story } from "../../conformance";
import type { ModelSource } from "../../src/models/source";
import { MemorySource } from "../models/memory-source";
import { afmHost, pageHost } from "./hosts";

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

function inMemory(name: string, hostOf: (source: ModelSource, heard: Heard) => RunningHost): Driver {
  return {
    name,
    start(heard) {
      const source = new MemorySource();
      return { story: storyOf(source), host: hostOf(source, heard) };
    },
  };
}

export const commdoc = inMemory("commdoc", afmHost);
export const anywidget = inMemory("anywidget", pageHost);
