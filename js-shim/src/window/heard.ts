/**
 * Which of the kernel's messages a window has had.
 *
 * The bridge numbers its messages. One that was on its way when the bridge lost its room is said again: a window that has
 * had it doesn't take it twice. When a window comes back the room says which was the last before it: what is between that
 * and the last that the window had, it has missed.
 */
export class Heard {
  #source = "";
  #number: number | null = null;

  /** Notes a message. Returns how many were left out before it, null when it is one that was had before. */
  gap(source: string, number: number): number | null {
    const before = source === this.#source ? this.#number : null;
    if (before !== null && number <= before) return null;
    this.#source = source;
    this.#number = number;
    return before === null ? 0 : number - before - 1;
  }

  /**
   * Notes that all messages behind this one will come. Returns how many were missed before; of another source nobody can
   * say: the kernel or commdoc in it was started anew.
   */
  joined(source: string, number: number): number {
    if (source === "") return 0;
    if (source === this.#source && this.#number !== null) {
      const missed = Math.max(0, number - this.#number);
      this.#number += missed;
      return missed;
    }
    this.#source = source;
    this.#number = number;
    return 0;
  }
}
