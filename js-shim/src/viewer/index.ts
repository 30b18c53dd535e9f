/**
 * A room's widgets in a page of one's own, as the room's own page shows them:
 *
 *     import { mountRoom } from "commdoc/viewer";
 *     import "commdoc/style.css";
 *     const { room, remove } = await mountRoom(element, link);
 *
 * The page's light and dark are the reader's with `commdoc/style.css`; `commdoc/light.css` and `commdoc/dark.css` have one.
 *
 * @module
 */

export { type Mounted, type MountOptions, mountRoom } from "./mount";
