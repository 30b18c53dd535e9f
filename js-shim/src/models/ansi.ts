/** The terminal colours that are on at the end of a text, for a text that is rendered in pieces. */

/** An escape sequence, as JupyterLab's renderer looks for them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what the sequences begin with
const SEQUENCE = /\x1b\[(.*?)([@-~])/g;

/** What a code switches, or null for all of it. */
function switched(code: number): string | null {
  if (code === 0) return null;
  if ((code >= 30 && code <= 39) || (code >= 90 && code <= 97)) return "text";
  if ((code >= 40 && code <= 49) || (code >= 100 && code <= 107)) return "ground";
  if (code === 1 || code === 5 || code === 21 || code === 22) return "weight";
  if (code === 4 || code === 24) return "line";
  return code === 7 || code === 27 ? "inverse" : "";
}

export class AnsiState {
  private readonly on = new Map<string, string>();

  /** The codes that switch on what is on now; empty when nothing is. */
  get codes(): string {
    return this.on.size === 0 ? "" : `\x1b[${[...this.on.values()].join(";")}m`;
  }

  /** Take in a text that ends no sequence in the middle. */
  feed(text: string): void {
    if (!text.includes("\x1b")) return;
    for (const [, list, kind] of text.matchAll(SEQUENCE)) {
      if (kind === "m" && /^[\d;]*$/.test(list as string)) this.take((list as string).split(";").map(Number));
    }
  }

  private take(codes: number[]): void {
    for (let at = 0; at < codes.length; at++) {
      const code = codes[at] as number;
      let length = 1;
      if (code === 38 || code === 48) {
        // One of 256 colours, or red, green and blue; what is neither ends the list.
        length = codes[at + 1] === 2 ? 5 : 3;
        const isColour = codes[at + 1] === 2 || codes[at + 1] === 5;
        const values = codes.slice(at + 2, at + length);
        if (!isColour || values.length < length - 2 || values.some((value) => value > 255)) return;
      }
      const what = switched(code);
      if (what === null) this.on.clear();
      else if (what !== "") this.on.set(what, codes.slice(at, at + length).join(";"));
      at += length - 1;
    }
  }
}
