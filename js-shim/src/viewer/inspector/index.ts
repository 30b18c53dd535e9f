/** The inspector, a script of its own that the page loads when it is opened first. */

import { Drawer } from "./drawer";
import type { Tap } from "./tap";

/**
 * Opens the drawer in `place`.
 *
 * @param closed told when a person closed it from inside; `stop` is still to be called
 */
export function openDrawer(place: HTMLElement, tap: Tap, closed: () => void): { stop(): void } {
  return new Drawer(place, tap, closed);
}
