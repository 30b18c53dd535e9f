/**
 * What a person writes text into: inputs and text areas, and elements of plain text that may be edited, as the number beside a
 * slider is. An editor with elements in it looks after its text itself, and is none.
 */

export type Field = HTMLInputElement | HTMLTextAreaElement | PlainText;

type PlainText = HTMLElement & { readonly contentEditable: "true" };

/** Where a selection begins and ends, in UTF-16 units. */
export type Selected = readonly [start: number, end: number, direction: "forward" | "backward" | "none"];

export function isField(element: Element): element is Field {
  return (
    isInput(element) || (element.getAttribute("contenteditable") === "true" && !element.childElementCount)
  );
}

/** The property that has a field's text. */
export function textKey(field: Field): "value" | "textContent" {
  return isInput(field) ? "value" : "textContent";
}

export function textOf(field: Field): string {
  return isInput(field) ? field.value : (field.textContent ?? "");
}

export function write(field: Field, text: string): void {
  if (isInput(field)) field.value = text;
  else field.textContent = text;
}

/** What is selected in the field that has the focus; only fields for text have a selection. */
export function selectionOf(field: Field): Selected | undefined {
  if (isInput(field)) {
    const { selectionStart: start, selectionEnd: end, selectionDirection: direction } = field;
    return start === null || end === null ? undefined : [start, end, direction ?? "none"];
  }
  const { anchorNode, anchorOffset, focusNode, focusOffset } = field.ownerDocument.getSelection() ?? {};
  const [anchor, focus] = [
    offsetIn(field, anchorNode, anchorOffset),
    offsetIn(field, focusNode, focusOffset),
  ];
  if (anchor === undefined || focus === undefined) return undefined;
  return anchor <= focus ? [anchor, focus, "forward"] : [focus, anchor, "backward"];
}

export function select(field: Field, [start, end, direction]: Selected): void {
  if (isInput(field)) {
    field.setSelectionRange(start, end, direction);
    return;
  }
  const node = field.firstChild ?? field;
  const [anchor, focus] = direction === "backward" ? [end, start] : [start, end];
  field.ownerDocument.getSelection()?.setBaseAndExtent(node, anchor, node, focus);
}

/** The position in a field's text of a place in its nodes. */
function offsetIn(field: PlainText, node: Node | null | undefined, offset = 0): number | undefined {
  if (!node || !field.contains(node)) return undefined;
  const before = field.ownerDocument.createRange();
  before.selectNodeContents(field);
  before.setEnd(node, offset);
  return before.toString().length;
}

function isInput(element: Element): element is HTMLInputElement | HTMLTextAreaElement {
  return element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement;
}
