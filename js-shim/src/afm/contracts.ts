/** What the parts of the host ask of each other. */

import type { ModelSource } from "../models/source";
import type { AfmComm } from "./comm";
import type { Styles } from "./styles";

/** What a comm asks of the host that it belongs to. */
export interface Registry {
  readonly source: ModelSource;
  readonly styles: Styles;
  /** The comm of an id, read; waits 10 s for one that is not there, then rejects with its id. */
  get(commId: string): Promise<AfmComm>;
  /** May the comm's module run in this page? */
  trusts(commId: string): boolean;
  /** Is a view of this comm under the user's hand? */
  handOn(commId: string): boolean;
  /** Is a value being taken from the document? */
  readonly applying: boolean;
  /** Takes values that came from the document. */
  apply(take: () => void): void;
  /** A listener set and saved these values because others came in. */
  reacted(commId: string, state: Record<string, unknown>): void;
  /** This window asks for values of these keys. */
  asks(commId: string, keys: readonly string[]): void;
  /** Something failed for a comm; the rest goes on. */
  failed(commId: string, doing: string, error: unknown): void;
}

/** Where a widget is shown. */
export interface Place {
  readonly el: HTMLElement;
  /** Aborts when it is to be shown there no longer. */
  readonly signal: AbortSignal;
  /** Whose content it has; another's is left alone. */
  content?: object;
}

/** How long a widget, or a model, is waited for before whoever asks is told that it doesn't come. */
export const PATIENCE_MS = 10_000;
