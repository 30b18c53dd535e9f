/**
 * The colours of a document, page or frame: what the browser prefers, or what the user's settings say. The build puts what
 * is for dark or light alone into sheets of their own (`tools/schemes.mjs`), whose links are marked `data-scheme`.
 */

/** The settings that a page goes by; what a room doesn't tell is as the browser has it. */
export interface Look {
  theme?: string;
  motion?: string;
}

export class Scheme {
  private readonly page: Document;
  private readonly dark: MediaQueryList;
  private look: Look = {};
  private readonly told: (isDark: boolean) => void;

  /** @param told is called with the scheme, now and whenever it is another */
  constructor(page: Document, window: Window, told: (isDark: boolean) => void = () => undefined) {
    this.page = page;
    this.dark = window.matchMedia("(prefers-color-scheme: dark)");
    this.told = told;
    this.dark.addEventListener("change", () => this.show());
    this.show();
  }

  set(look: Look): void {
    this.look = { ...this.look, ...look };
    this.show();
  }

  private show(): void {
    const { theme, motion } = this.look;
    const forced = theme === "dark" || theme === "light" ? theme : null;
    for (const link of this.page.querySelectorAll<HTMLLinkElement>("link[data-scheme]")) {
      const scheme = link.dataset.scheme as string;
      const media =
        forced === null ? `(prefers-color-scheme: ${scheme})` : forced === scheme ? "all" : "not all";
      if (link.media !== media) link.media = media;
    }
    const root = this.page.documentElement;
    // Controls, scroll bars and the canvas of the browser's own.
    root.style.colorScheme = forced ?? "";
    root.dataset.motion = motion === "reduced" ? "reduced" : "auto";
    this.told(forced === null ? this.dark.matches : forced === "dark");
  }
}

/** Reads the settings out of a room's message. */
export function lookOf(settings: Readonly<Record<string, unknown>>): Look {
  const look: Look = {};
  const { "page.theme": theme, "page.motion": motion } = settings;
  if (typeof theme === "string") look.theme = theme;
  if (typeof motion === "string") look.motion = motion;
  return look;
}
