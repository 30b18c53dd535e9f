export { fromRoom } from "./from-room";
export { type ManagerOptions, type Problem, RoomManager } from "./manager";
export type { ModuleLoader } from "./modules";
export type { ModelSource, SourceListener, Values } from "./source";
