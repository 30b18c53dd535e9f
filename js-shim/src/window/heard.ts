/**
 * Which of the kernel's messages a window has had.
 *
 * The bridge numbers its messages. One that was on its way when the bridge lost its room is said again: a window that has
 * had it doesn't take it twice. When a window comes back the room says which was the last before it: what is between that
 * and the last that the window had, it has missed.
 */
export class Heard {
  #source: string | null = null;
  #number = 0;

  /** Notes a message. Returns how many were left out before it, null when it is one that was had before. */
  gap(source: string, number: number): number | null {
    const before = source === this.#source ? this.#number : number - 1;
    if (number <= before) return null;
    this.#source = source;
    this.#number = number;
    return number - before - 1;
  }

  /**
   * Notes that all messages behind this one will come. Returns how many were missed before; of another source nobody can
   * say: the kernel or commdoc in it was started anew.
   */
  joined(source: string, number: number): number {
    if (source === "") return 0;
    const before = source === this.#source ? this.#number : number;
    this.#source = source;
    this.#number = Math.max(before, number);
    return this.#number - before;
  }
}
