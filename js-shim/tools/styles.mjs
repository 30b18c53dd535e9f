// The style sheets of a page that embeds widgets: `src/viewer/embed.css`, with what JupyterLab's sheets and ours say of the whole page
// (`:root`) said of `.commdoc`; and the same with one colour scheme, whatever the reader's system has.

const SCHEME = /\(prefers-color-scheme: ?(dark|light)\)/g;

/** The sheets by file name. Throws when one would style what isn't of a class, i.e. the page around. */
export function embedStyles(bundled) {
  // KaTeX counts equations in the body. Older forms of fonts are left out.
  const css = bundled
    .replace(/:root\b/g, ".commdoc")
    .replace(/\bbody \{(?=\s*counter-reset)/g, ".commdoc {")
    .replace(/,\s*url\((?:""|)\) format\("[^"]*"\)/g, "");
  const only = (scheme) =>
    css
      .replace(SCHEME, (_, its) => (its === scheme ? "all" : "not all"))
      .replace("color-scheme: light dark", `color-scheme: ${scheme}`);
  const sheets = { "style.css": css, "light.css": only("light"), "dark.css": only("dark") };
  for (const [name, text] of Object.entries(sheets)) {
    const strange = strangeSelectors(text);
    if (strange.length > 0) throw new Error(`${name} styles the page around: ${strange.join(", ")}`);
  }
  return sheets;
}

/** Selectors that name no class, so that they could mean something of the page around. */
export function strangeSelectors(css) {
  const plain = css.replace(/\/\*[\s\S]*?\*\//g, "").replace(/"[^"]*"|url\([^)]*\)/g, '""');
  const heads = [...plain.matchAll(/(?<=^|[{};])\s*([^{};]+)\{/g)].map(([, head]) => head.trim());
  const selectors = heads.filter((head) => !head.startsWith("@")).flatMap((head) => splitSelector(head));
  return selectors.filter((each) => !/[.#]/.test(each) && !/^(from|to|[\d.]+%)$/.test(each));
}

/** A list of selectors at its commas that aren't within brackets. */
function splitSelector(list) {
  let depth = 0;
  const parts = [""];
  for (const char of list) {
    if ("([".includes(char)) depth += 1;
    if (")]".includes(char)) depth -= 1;
    if (char === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += char;
  }
  return parts.map((part) => part.trim());
}
