/** A page of a real room, for `tests/lab/test_conformance.py`: runs a case on a host, its comms made by the room's kernel. */

import {
  all,
  asSteps,
  type Driver,
  type Heard,
  judge,
  type RunningHost,
  type Verdict,
} from "../../conformance";
import { fromRoom } from "../../src/afm";
import { joinRoom, type Room } from "../../src/index";
import type { ModelSource } from "../../src/models/source";
import { afmHost, pageHost } from "./hosts";
import { PROBE, rest, Told } from "./rest";

declare global {
  interface Window {
    /** Does a step in the kernel; given by the test. */
    tellKernel(step: string): Promise<void>;
    judgeCase(name: string, host?: string): Promise<Verdict>;
    /** The room's. */
    link: string;
  }
}

type HostOf = (source: ModelSource, heard: Heard) => RunningHost;

function driver(name: string, room: Room, hostOf: HostOf): Driver {
  return {
    name,
    start(heard) {
      const told = new Told(heard);
      const host = hostOf(fromRoom(room), told);
      return {
        story: asSteps(window.tellKernel),
        host: {
          ...host,
          atRest: () => rest(window.tellKernel, listen, () => told.count),
          async dispose() {
            await window.tellKernel(JSON.stringify({ end: true }));
            await rest(window.tellKernel, listen, () => told.count);
            await host.dispose();
          },
        },
      };
    },
  };

  function listen(hear: (content: unknown) => void): () => void {
    return room.on("message", ({ commId, data }) => {
      if (commId === PROBE) hear((data as { content: unknown }).content);
    });
  }
}

const room = await joinRoom(window.link);
const hosts: Record<string, HostOf> = { afm: afmHost, page: pageHost };

window.judgeCase = async (name, host = "afm") => {
  const it = all.find((one) => one.name === name);
  const hostOf = hosts[host];
  if (it === undefined || hostOf === undefined) throw new Error(`no case ${name}, or no host ${host}`);
  const expected = host === "page" ? it.anywidget?.trace : undefined;
  return judge(it, driver(host, room, hostOf), expected);
};
