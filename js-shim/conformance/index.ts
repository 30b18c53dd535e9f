export { composition } from "./cases/composition";
export { lifecycle } from "./cases/lifecycle";
export { messages } from "./cases/messages";
export { modules } from "./cases/modules";
export { values } from "./cases/values";
export type { Bytes, Case, Driver, Heard, RunningHost, State, Step, Story } from "./contract";
export { run } from "./run";
