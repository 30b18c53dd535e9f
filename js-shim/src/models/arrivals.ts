/** Those who wait for something that has not come yet, by its id, each with an end to its patience. */

interface Waiter<T> {
  resolve(value: T | PromiseLike<T>): void;
  timer: ReturnType<typeof setTimeout>;
}

export class Arrivals<T> {
  private readonly waiters = new Map<string, Set<Waiter<T>>>();

  /** Resolves with what arrives under this id, or rejects with `late` after `patienceMs`. */
  wait(id: string, patienceMs: number, late: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const all = this.waiters.get(id) ?? new Set();
      this.waiters.set(id, all);
      const timer = setTimeout(() => {
        all.delete(waiter);
        if (all.size === 0 && this.waiters.get(id) === all) this.waiters.delete(id);
        reject(new Error(late));
      }, patienceMs);
      const waiter: Waiter<T> = { resolve, timer };
      all.add(waiter);
    });
  }

  arrived(id: string, value: T | PromiseLike<T>): void {
    for (const { resolve, timer } of this.waiters.get(id) ?? []) {
      clearTimeout(timer);
      resolve(value);
    }
    this.waiters.delete(id);
  }
}
