/** A box in a widget's place, for the reader of the page. */

/** Says what keeps a widget from being drawn. */
export function failureBox(commId: string, reason: string): HTMLElement {
  return messageBox(commId, "This widget failed", reason);
}

export function messageBox(commId: string, title: string, text: string): HTMLElement {
  const box = document.createElement("div");
  box.className = "commdoc-fallback";
  box.dataset.commdocFailed = commId;
  const head = document.createElement("strong");
  head.textContent = title;
  const why = document.createElement("span");
  why.textContent = text;
  box.append(head, why);
  return box;
}
