/**
 * Where the frame learns the addresses of widget packages: it has no token to ask the host with, the page around it does.
 *
 *     frame → page   { commdoc: "module", id, name }
 *     page → frame   { commdoc: "module", id, place }      null: not installed
 *                    { commdoc: "module", id, problem }    in words
 *
 * An address is good for the files of one package, and only as long as a live widget of the room asks for that package.
 */

import { askHost, type FindModule, type ModulePlace } from "../models/ask-host";
import type { RoomAddress } from "../window/transport";

/** Questions that wait while one is with the host: a page has a few packages; more is a widget that means harm. */
const MOST_WAITING = 64;

type Answer = { place: ModulePlace | null } | { problem: string };

/** In the page: answers the frame, one question after the other. */
export function serveModules(page: Window, frame: HTMLIFrameElement, address: RoomAddress): void {
  const find = askHost(address);
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  page.addEventListener("message", ({ source, data }) => {
    if (source !== frame.contentWindow || data?.commdoc !== "module") return;
    const { id, name } = data;
    const answer = (words: Answer) =>
      frame.contentWindow?.postMessage({ commdoc: "module", id, ...words }, "*");
    if (typeof name !== "string" || waiting >= MOST_WAITING) {
      answer({ problem: "too many questions at once" });
      return;
    }
    waiting += 1;
    last = last
      .then(() => lookUp(name, find))
      .then(answer)
      .catch(() => undefined)
      .finally(() => {
        waiting -= 1;
      });
  });
}

function lookUp(name: string, find: FindModule): Promise<Answer> {
  return find(name).then(
    (place) => ({ place }),
    (error) => ({ problem: error instanceof Error ? error.message : String(error) }),
  );
}

/** In the frame: asks the page around. */
export function askForModules(frame: Window): FindModule {
  const waiting = new Map<number, (answer: Answer) => void>();
  let count = 0;
  frame.addEventListener("message", ({ source, data }) => {
    if (source !== frame.parent || data?.commdoc !== "module") return;
    waiting.get(data.id)?.(data);
    waiting.delete(data.id);
  });
  return async (name) => {
    const id = ++count;
    const answer = await new Promise<Answer>((resolve) => {
      waiting.set(id, resolve);
      frame.parent.postMessage({ commdoc: "module", id, name }, "*");
    });
    if ("problem" in answer) throw new Error(answer.problem);
    return answer.place;
  };
}
