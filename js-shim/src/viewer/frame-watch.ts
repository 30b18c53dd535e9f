/**
 * Whether the frame is still what the page loaded. A widget may lead it to another address (`location = …`, a refreshing
 * `meta`), write over it (`document.write`), or keep it busy; nobody but the page can say so then.
 *
 *     page → frame   { commdoc: "well?" }     every two seconds, over a port of their own
 *     frame → page   { commdoc: "well", is }  `is`: its own elements are still in its document
 *     frame → page   { commdoc: "leaving" }   its document goes away
 *     page → frame   { commdoc: "look", … }   the colours that the user's settings ask for (`scheme.ts`)
 *
 * A frame that doesn't answer may only be busy: that is said, and taken back when it answers.
 */

import type { Look } from "./scheme";
import type { FrameTrouble } from "./words";

const ASK_MS = 2000;

/** Questions in a row without an answer, after which it is said: a module that computes may take a while. */
const PATIENCE = 4;

/** The frame's side; `isWhole` tells whether its own elements are still there, `take` takes how it is to look. */
export function answer(
  port: MessagePort,
  isWhole: () => boolean,
  take: (look: Look) => void = () => undefined,
): void {
  port.onmessage = ({ data }: MessageEvent) => {
    if (data?.commdoc === "look") take(data.look);
    else port.postMessage({ commdoc: "well", is: isWhole() });
  };
  window.addEventListener("pagehide", () => port.postMessage({ commdoc: "leaving" }));
}

export class FrameWatch {
  private readonly port: MessagePort;
  private readonly say: (trouble: FrameTrouble | null) => void;
  private readonly timer: ReturnType<typeof setInterval>;
  private unanswered = 0;

  constructor(port: MessagePort, say: (trouble: FrameTrouble | null) => void) {
    this.port = port;
    this.say = say;
    port.onmessage = ({ data }: MessageEvent) => {
      this.unanswered = 0;
      if (data?.commdoc === "leaving") say("left");
      else say(data?.is === true ? null : "overwritten");
    };
    this.timer = setInterval(() => this.ask(), ASK_MS);
  }

  /** Tells the frame how it is to look. */
  look(look: Look): void {
    this.port.postMessage({ commdoc: "look", look });
  }

  stop(): void {
    clearInterval(this.timer);
    this.port.close();
  }

  private ask(): void {
    // What nobody looks at may be slow. A computer that slept asks once, not for the time it slept.
    if (document.hidden) this.unanswered = 0;
    if (this.unanswered >= PATIENCE) this.say("silent");
    this.unanswered += 1;
    this.port.postMessage({ commdoc: "well?" });
  }
}
