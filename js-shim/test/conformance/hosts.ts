/** Two hosts of AFM modules on any source: this package's, and anywidget's own front end as the page has it. */

import { Widget } from "@lumino/widgets";
import type { Heard, RunningHost } from "../../conformance";
import { AfmHost } from "../../src/afm";
import { RoomManager } from "../../src/models/manager";
import type { ModelSource } from "../../src/models/source";

/** A source that tells what is asked of it. */
export function told(source: ModelSource, heard: Heard): ModelSource {
  const own: Pick<ModelSource, "request" | "send"> = {
    request(commId, state) {
      heard.requested(commId, state);
      return source.request(commId, state);
    },
    send(commId, data, buffers, ended) {
      heard.sent(commId, (data as { content: unknown }).content, buffers);
      return source.send(commId, data, buffers, ended);
    },
  };
  return Object.assign(Object.create(source) as ModelSource, own);
}

/** This package's host. */
export function afmHost(source: ModelSource, heard: Heard): RunningHost {
  const host = new AfmHost(told(source, heard), { onProblem: ({ commId }) => heard.problem(commId) });
  return {
    show: (commId, el) => host.widget(commId).render(el),
    drawn: withoutWords,
    dispose: () => host.dispose(),
  };
}

/** anywidget's own front end in the page's manager. */
export function pageHost(source: ModelSource, heard: Heard): RunningHost {
  const manager = new RoomManager(told(source, heard), {
    root: document,
    onProblem: ({ commId }) => heard.problem(commId),
  });
  return {
    show(commId, el) {
      const view = manager.get_model(commId).then((model) => manager.create_view(model));
      view.then((made) => Widget.attach((made as unknown as { luminoWidget: Widget }).luminoWidget, el));
      return () => void view.then((made) => made.remove());
    },
    drawn: withoutWords,
    dispose: () => manager.dispose(),
  };
}

/** Without what these hosts say themselves of a failure. */
function withoutWords(el: HTMLElement): string {
  const copy = el.cloneNode(true) as HTMLElement;
  for (const words of copy.querySelectorAll("[data-commdoc-failed]")) words.remove();
  return copy.textContent ?? "";
}
