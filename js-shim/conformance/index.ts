/**
 * The AFM conformance suite: cases as data, and what runs them on a host. It needs a page, and no package.
 *
 *     const driver = { name: "mine", start: (heard) => ({ host: …, story: … }) };
 *     console.log(table(driver.name, await judgeAll(driver, all)));
 */

import { composition } from "./cases/composition";
import { lifecycle } from "./cases/lifecycle";
import { messages } from "./cases/messages";
import { modules } from "./cases/modules";
import { values } from "./cases/values";
import type { Case } from "./contract";

/** Every case. */
export const all: readonly Case[] = [...modules, ...values, ...messages, ...lifecycle, ...composition];

export type {
  Bytes,
  Case,
  Difference,
  Driver,
  Heard,
  Running,
  RunningHost,
  State,
  Step,
  Story,
} from "./contract";
export { judge, judgeAll, table, type Verdict } from "./judge";
export { type Options, run } from "./run";
export { asSteps } from "./steps";
export { composition, lifecycle, messages, modules, values };
