/**
 * References between models: `"IPY_MODEL_<comm id>"` in a state.
 *
 * A model may be delivered before the one it refers to, and two may refer to each other. Neither may stop the rest, and
 * one rejected reference would poison an ipywidgets model for good. So a key is delivered with what can be resolved now:
 *
 * - a list of references goes without the missing ones (a box with one missing child shows the others);
 * - any other value that holds a missing reference is left out, the key is *parked*;
 * - when the target registers, the keys that wait for it are read again from the document.
 *
 * This module only keeps account; reading and delivering is the manager's.
 */

const PREFIX = "IPY_MODEL_";

/** A key of a comm's state. */
export interface Slot {
  commId: string;
  key: string;
}

/** What of a state can be delivered now, and which keys wait for whom. */
export interface Resolved {
  state: Record<string, unknown>;
  waiting: { key: string; target: string }[];
}

/** The comm id that a string refers to, or null. */
export function referenceTarget(value: unknown): string | null {
  return typeof value === "string" && value.startsWith(PREFIX) ? value.slice(PREFIX.length) : null;
}

/** Every comm id that a value refers to, at any depth. */
export function referenceTargets(value: unknown, into: Set<string> = new Set()): Set<string> {
  const target = referenceTarget(value);
  if (target !== null) into.add(target);
  else if (Array.isArray(value)) for (const item of value) referenceTargets(item, into);
  else if (isPlain(value)) for (const item of Object.values(value)) referenceTargets(item, into);
  return into;
}

/**
 * Split a state into what can be delivered and what has to wait.
 *
 * @param state serialised values by key
 * @param refers whether the model class reads references in this key (a text that only looks like one is a text)
 * @param available whether a comm id can be resolved now
 */
export function resolveReferences(
  state: Record<string, unknown>,
  refers: (key: string) => boolean,
  available: (commId: string) => boolean,
): Resolved {
  const resolved: Resolved = { state: {}, waiting: [] };
  for (const [key, value] of Object.entries(state)) {
    const missing = refers(key) ? [...referenceTargets(value)].filter((target) => !available(target)) : [];
    for (const target of missing) resolved.waiting.push({ key, target });
    if (missing.length === 0) resolved.state[key] = value;
    else if (isReferenceList(value)) resolved.state[key] = without(value, new Set(missing));
  }
  return resolved;
}

/** Who refers to whom, and which models in creation wait for which. */
export class References {
  /** target → slots whose value was delivered without it */
  private readonly parked = new Map<string, Map<string, Slot>>();
  /** target → slots that were delivered with it: parked when the target closes, since it may open again */
  private readonly users = new Map<string, Map<string, Slot>>();
  /** comm → the targets under which its slots are kept above */
  private readonly targets = new Map<string, Set<string>>();
  /** model in creation → models in creation that it waits for */
  private readonly waits = new Map<string, Set<string>>();

  /** A slot was delivered with references to `targets`. */
  used(slot: Slot, targets: Iterable<string>): void {
    for (const target of targets) this.put(this.users, target, slot);
  }

  /** A slot was delivered without its reference to `target`. */
  park(slot: Slot, target: string): void {
    this.put(this.parked, target, slot);
  }

  /** The target is there: the slots that have to be read again. */
  registered(target: string): Slot[] {
    const slots = [...(this.parked.get(target)?.values() ?? [])];
    this.parked.delete(target);
    return slots;
  }

  /** The comm closed: its own slots are forgotten, and who referred to it waits for it to open again. */
  closed(commId: string): void {
    for (const target of this.targets.get(commId) ?? []) {
      remove(this.parked, target, commId);
      remove(this.users, target, commId);
    }
    this.targets.delete(commId);
    for (const slot of this.users.get(commId)?.values() ?? []) this.park(slot, commId);
    this.users.delete(commId);
    this.waits.delete(commId);
  }

  /** The targets that slots wait for. */
  missing(): string[] {
    return [...this.parked.keys()];
  }

  /**
   * May `commId`, in creation, wait for `target`, in creation too? Not when that one waits for it, by any way round:
   * then the reference is parked, and the circle closes when the target is there.
   */
  mayWait(commId: string, target: string): boolean {
    if (target === commId || this.reaches(target, commId)) return false;
    entry(this.waits, commId, () => new Set<string>()).add(target);
    return true;
  }

  /** The model was created: it waits for nobody any more. */
  created(commId: string): void {
    this.waits.delete(commId);
  }

  private put(map: Map<string, Map<string, Slot>>, target: string, slot: Slot): void {
    entry(map, target, () => new Map()).set(`${slot.commId} ${slot.key}`, slot);
    entry(this.targets, slot.commId, () => new Set()).add(target);
  }

  private reaches(from: string, to: string): boolean {
    const seen = new Set<string>();
    const next = [from];
    for (let at = next.pop(); at !== undefined; at = next.pop()) {
      if (at === to) return true;
      if (seen.has(at)) continue;
      seen.add(at);
      next.push(...(this.waits.get(at) ?? []));
    }
    return false;
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

function remove(map: Map<string, Map<string, Slot>>, target: string, commId: string): void {
  const slots = map.get(target);
  if (slots === undefined) return;
  for (const [id, slot] of slots) if (slot.commId === commId) slots.delete(id);
  if (slots.size === 0) map.delete(target);
}

function isReferenceList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => referenceTarget(item) !== null);
}

function without(list: string[], missing: Set<string>): string[] {
  return list.filter((item) => !missing.has(referenceTarget(item) ?? ""));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
