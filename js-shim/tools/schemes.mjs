// What a style sheet says for dark or for light alone, taken out of it: as sheets of their own, a page can turn them on and
// off by the `media` of their links, whatever the browser prefers.

const QUERY = /@media\s*\(prefers-color-scheme:\s*(dark|light)\)\s*\{/g;

/** @returns {{rest: string, dark: string, light: string}} */
export function byScheme(sheet) {
  const parts = { rest: "", dark: "", light: "" };
  let from = 0;
  for (const found of sheet.matchAll(QUERY)) {
    if (found.index < from) continue;
    const begin = found.index + found[0].length;
    const end = closing(sheet, begin);
    parts.rest += sheet.slice(from, found.index);
    parts[found[1]] += `${sheet.slice(begin, end).trim()}\n`;
    from = end + 1;
  }
  parts.rest += sheet.slice(from);
  return parts;
}

/** Where the brace ends that was opened before `at`; braces in strings don't count. */
function closing(sheet, at) {
  let depth = 1;
  let quote = "";
  for (let i = at; i < sheet.length; i++) {
    const char = sheet[i];
    if (char === "\\") i++;
    else if (quote) quote = char === quote ? "" : quote;
    else if (char === '"' || char === "'") quote = char;
    else if (char === "{") depth++;
    else if (char === "}" && --depth === 0) return i;
  }
  throw new Error("a style sheet has an @media (prefers-color-scheme) without an end");
}
