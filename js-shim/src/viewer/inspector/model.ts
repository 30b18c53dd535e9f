/**
 * What an inspector knows of a room: the comms of a document of its own, fed by the `Tap`, how often they change, who changed
 * them, how large they are. No DOM. It begins when it is made and ends with `stop`, and costs nothing before and after.
 */

import * as Y from "yjs";
import { type Change, type Comm, CommsMap } from "../../document";
import type { ChangedKeys } from "../../window/messages";
import { Authors } from "./authors";
import { Facts } from "./facts";
import { Rates } from "./rates";
import type { BlobPresence, Tap } from "./tap";
import { nameOf } from "./values";

export class Inspected {
  /** The document's comms; stays the same object. */
  readonly comms: CommsMap;
  readonly rates: Rates;
  readonly authors: Authors;
  readonly facts: Facts;
  /** Whether what is shown is what the room has now; else it is what it had. */
  isLive = false;
  private readonly tap: Tap;
  private readonly tell: (commIds: ReadonlySet<string>) => void;
  private readonly end: () => void;
  private next: Y.Doc | null = null;

  /** @param tell told what has changed, at once; without a comm something else did */
  constructor(tap: Tap, tell: (commIds: ReadonlySet<string>) => void, now?: () => number) {
    this.tap = tap;
    this.tell = tell;
    this.rates = new Rates(now);
    this.authors = new Authors(now);
    this.comms = new CommsMap(new Y.Doc(), { onProblem: () => undefined });
    this.facts = new Facts((commId) => this.comms.get(commId), now);
    this.comms.observe((changes) => this.changed(changes));
    this.end = tap.listen({
      began: () => {
        this.next = new Y.Doc();
        this.authors.clear();
      },
      document: (update) => this.arrived(update),
      update: (update) => Y.applyUpdate(this.next ?? this.comms.doc, update),
      changed: (changes) => this.author(changes),
      blobs: () => this.tell(NOTHING),
      lost: () => {
        this.isLive = false;
        this.next = null;
        this.tell(NOTHING);
      },
    });
  }

  stop(): void {
    this.end();
    this.comms.destroy();
  }

  /** As whom the room knows this window. */
  get peerId(): string {
    return this.tap.peerId;
  }

  get tellsAuthors(): boolean {
    return this.tap.tellsAuthors;
  }

  presence(hash: string): BlobPresence {
    return this.tap.presence(hash);
  }

  /** The comms whose name, id or one of whose keys has the text in it, in `seq` order. */
  matching(text: string): Comm[] {
    const all = [...this.comms.values()];
    const wanted = text.trim().toLowerCase();
    if (wanted === "") return all;
    const has = (word: string) => word.toLowerCase().includes(wanted);
    return all.filter((comm) => has(nameOf(comm)) || has(comm.commId) || comm.keys.some(has));
  }

  private arrived(update: Uint8Array): void {
    const { next } = this;
    this.isLive = true;
    if (next === null) {
      Y.applyUpdate(this.comms.doc, update);
      return;
    }
    // What came before the whole is in it, or waits for it.
    Y.applyUpdate(next, update);
    this.next = null;
    const old = this.comms.doc;
    this.comms.attach(next);
    old.destroy();
    this.rates.clear();
    this.authors.keep((commId) => this.comms.has(commId));
    this.tell(NOTHING);
  }

  private author(changes: readonly ChangedKeys[]): void {
    const told = new Set<string>();
    for (const change of changes) {
      // One that is closed by now has no place any more.
      if (this.next === null && !this.comms.has(change.comm_id)) continue;
      this.authors.take(change);
      told.add(change.comm_id);
    }
    this.tell(told);
  }

  private changed(changes: readonly Change[]): void {
    const told = new Set<string>();
    for (const { kind, commId } of changes) {
      told.add(commId);
      if (kind === "closed") {
        this.facts.closed(commId);
        this.authors.forget(commId);
      } else if (kind === "opened" || kind === "updated" || kind === "outputs") {
        this.facts.changed(commId);
        if (kind !== "opened") this.rates.count(commId);
      } else if (kind === "refused") this.facts.clear();
    }
    this.tell(told);
  }
}

const NOTHING: ReadonlySet<string> = new Set();
