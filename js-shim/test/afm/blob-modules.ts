/**
 * Lets a test import what a page would import from a blob: Node imports no `blob:`, but it does `data:`. As with blobs, each
 * is a module of its own, whatever its text. (Of one that ends in `.mjs` vitest doesn't mix default and named exports.)
 */

import { vi } from "vitest";

let made = 0;

class TextBlob {
  readonly text: string;

  constructor(parts: readonly string[]) {
    this.text = parts.join("");
  }
}

export function importBlobs(): void {
  vi.stubGlobal("Blob", TextBlob);
  URL.createObjectURL = (blob) => {
    made += 1;
    return `data:text/javascript,${encodeURIComponent(`${(blob as unknown as TextBlob).text}\n// ${made}.mjs`)}`;
  };
  URL.revokeObjectURL = () => undefined;
}
