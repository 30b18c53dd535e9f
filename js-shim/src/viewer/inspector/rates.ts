/** Updates per second, by comm and in total, over the last few seconds. Costs one count for each update. */

const SLOT_MS = 250;
const SLOTS = 12;

interface Slot {
  number: number;
  total: number;
  counts: Map<string, number>;
}

export class Rates {
  private readonly now: () => number;
  /** The newest last; none is older than the window. */
  private slots: Slot[] = [];

  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  count(commId: string): void {
    const slot = this.newest();
    slot.total += 1;
    slot.counts.set(commId, (slot.counts.get(commId) ?? 0) + 1);
  }

  of(commId: string): number {
    this.drop();
    return perSecond(this.slots.reduce((sum, { counts }) => sum + (counts.get(commId) ?? 0), 0));
  }

  get total(): number {
    this.drop();
    return perSecond(this.slots.reduce((sum, { total }) => sum + total, 0));
  }

  clear(): void {
    this.slots = [];
  }

  private newest(): Slot {
    const number = Math.floor(this.now() / SLOT_MS);
    const last = this.slots.at(-1);
    if (last?.number === number) return last;
    this.drop();
    const slot = { number, total: 0, counts: new Map() };
    this.slots.push(slot);
    return slot;
  }

  private drop(): void {
    const oldest = Math.floor(this.now() / SLOT_MS) - SLOTS;
    while (this.slots[0] !== undefined && this.slots[0].number <= oldest) this.slots.shift();
  }
}

function perSecond(count: number): number {
  return count / ((SLOT_MS * SLOTS) / 1000);
}
