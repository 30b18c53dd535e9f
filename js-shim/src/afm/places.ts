/** What stands in a widget's place when the widget doesn't. */

import { failureBox, messageBox } from "../models/failure-box";
import type { Place } from "./contracts";

export const WITHHELD = "is withheld: no kernel of this host has made it";

export function emptyPlace({ el }: Place): void {
  el.replaceChildren();
}

/** Says in the widget's place what keeps it from being drawn; what it has drawn so far stays. */
export function sayFailed({ el }: Place, commId: string, reason: string): void {
  el.append(failureBox(commId, reason));
}

export function sayWithheld({ el }: Place, commId: string): void {
  el.append(messageBox(commId, "This widget is withheld", "No kernel of this host has made it."));
}
