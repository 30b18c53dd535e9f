/**
 * Text as a terminal leaves it: `\r` goes back to the line's begin, `\b` takes a character back, and what is written there
 * covers what stood there. Streams that a server wrote into a notebook's document have these; JupyterLab has them done.
 */

export function overwritten(text: string): string {
  if (!/[\r\b]/.test(text)) return text;
  return text.replace(/\r+\n/g, "\n").split("\n").map(line).join("\n");
}

function line(text: string): string {
  if (!/[\r\b]/.test(text)) return text;
  let shown = "";
  let at = 0;
  for (const part of text.split(/([\r\b])/)) {
    if (part === "\r") at = 0;
    else if (part === "\b") {
      if (at === 0) continue;
      shown = shown.slice(0, at - 1) + shown.slice(at);
      at -= 1;
    } else {
      shown = shown.slice(0, at) + part + shown.slice(at + part.length);
      at += part.length;
    }
  }
  return shown;
}
