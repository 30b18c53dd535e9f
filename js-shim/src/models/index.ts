/**
 * The ipywidgets host of a room, for a page of one's own:
 *
 *     const room = await joinRoom(link);
 *     const models = modelsOf(room);
 *     const view = await models.create_view(await models.get_model(commId));
 *     Widget.attach(view.luminoWidget, element);          // Widget of @lumino/widgets
 *
 * Their looks are `commdoc/style.css`, for elements within one of class `commdoc`. Whoever wants all that a room displays in one
 * element has `mountRoom` of `commdoc/viewer`.
 *
 * @module
 */

export { askHost, type FindModule, type ModulePlace } from "./ask-host";
export { fromRoom } from "./from-room";
export { type ManagerOptions, type Problem, RoomManager } from "./manager";
export type { Classes, ModuleLoader } from "./modules";
export { type ModelsOptions, modelsOf } from "./of-room";
export type { ImportModule, PageModule } from "./page-modules";
export type { ResolverOptions } from "./resolver";
export type {
  Change,
  Entry,
  MissingBlob,
  ModelSource,
  Output,
  OutputEdit,
  SourceListener,
  Values,
} from "./source";
