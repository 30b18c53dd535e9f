/** Waits until nothing is on its way any more between a page and the kernel of `conformance/kernel.py`. */

import type { Heard } from "../../conformance";

/** The comm that answers, see there. */
export const PROBE = "probe";

const TRIES = 50;

/** What was told to the kernel in one story. */
export class Told implements Heard {
  count = 0;

  constructor(private readonly heard: Heard) {}

  requested(...said: Parameters<Heard["requested"]>): void {
    this.count += 1;
    this.heard.requested(...said);
  }

  sent(...said: Parameters<Heard["sent"]>): void {
    this.count += 1;
    this.heard.sent(...said);
  }

  problem(commId: string): void {
    this.heard.problem(commId);
  }
}

let probes = 0;

/**
 * @param tell does a step in the kernel
 * @param listen calls back with what the probe sends; returns what ends it
 * @param wanted how many messages the kernel has to have; fewer, after some tries, is for the test to say
 */
export async function rest(
  tell: (step: string) => Promise<void>,
  listen: (hear: (content: unknown) => void) => () => void,
  wanted: () => number,
): Promise<void> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    probes += 1;
    const mine = probes;
    let end = () => {};
    const answered = new Promise<number>((resolve) => {
      end = listen((content) => {
        const [n, heard] = content as [number, number];
        if (n === mine) resolve(heard);
      });
    });
    await tell(JSON.stringify({ rest: mine }));
    const heard = await answered;
    end();
    if (heard >= wanted()) return;
  }
}
