"""What is drawn of a widget: its elements as lines of text that say the same in whatever page they stand."""

from __future__ import annotations

import difflib
from typing import Final

from playwright.sync_api import ElementHandle, Locator

READ: Final = """
async root => {
  // Ids are made anew in each page. What refers to what stays: they are numbered as they come.
  const REFERENCES = /^(id|for|list|name|aria-labelledby|aria-controls|aria-describedby)$/;
  // A page's own marks on views.
  const OWN = /^data-(comm-id|model-name|jp-.*|commdoc-.*)$/;
  // The names that the room's page gives to controls which have none: test_accessibility has tests of them.
  const isNamed = element => element.hasAttribute("data-commdoc-named");
  const isGiven = (element, name, value) =>
    (isNamed(element) && /^(aria-label|aria-labelledby|alt)$/.test(name))
    || (name === "id" && value.startsWith("commdoc-"))
    || (name === "aria-hidden" && element.matches("i[class*='fa-']"));
  // Where the pointer and the focus are, and where they were; whether a readout was too long when it was measured:
  // JupyterLab measures the first one before it has a width.
  const PASSING = /^(overflow|noUi-active|noUi-state-.*|jp-mod-(hover|focused|active)|lm-mod-(hover|focused))$/;
  const numbers = new Map();
  const number = id => numbers.get(id) ?? numbers.set(id, `#${numbers.size + 1}`).get(id);

  const pixels = image => {
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight).getContext("2d");
    canvas.drawImage(image, 0, 0);
    const data = new Uint32Array(canvas.getImageData(0, 0, canvas.canvas.width, canvas.canvas.height).data.buffer);
    return `${image.naturalWidth}x${image.naturalHeight} ${data.reduce((sum, it) => (sum * 31 + it) >>> 0, 7)}`;
  };
  const loaded = (element, name, test) => test() ? undefined : new Promise(done => {
    for (const type of [name, "error"]) element.addEventListener(type, done, { once: true });
  });

  // What an address leads to: it is of this page only.
  const CONTENT = {
    img: async it => { await loaded(it, "load", () => it.complete); return it.naturalWidth ? pixels(it) : "broken"; },
    audio: async it => { await loaded(it, "loadedmetadata", () => it.readyState > 0); return `${it.duration} s`; },
    video: async it => {
      await loaded(it, "loadedmetadata", () => it.readyState > 0);
      return `${it.videoWidth}x${it.videoHeight}`;
    },
  };

  // A formula as MathML: JupyterLab typesets with MathJax, the page with KaTeX, and both keep that for who can't see.
  const FORMULA = ".katex, mjx-container";
  const mathml = element => [...element.querySelectorAll("math *")]
    .filter(it => !/^(semantics|annotation|mrow|mstyle|mpadded|math)$/.test(it.localName))
    .filter(it => it.textContent.trim() !== "")
    .map(it => it.children.length ? it.localName : `${it.localName} ${it.textContent}`).join(", ");

  // MathJax has an element for a formula, KaTeX some more around it.
  const isFrame = element => element.matches("span:not([class]), .katex-display") && element.childNodes.length === 1
    && element.firstElementChild?.matches(`.katex-display, ${FORMULA}`);
  const isBlock = formula => formula.matches(".katex-display *, [display=true]");

  // How an output is drawn is JupyterLab's own code in one page and held to it by tests of its own in the other; here
  // stands which outputs there are, and what is to be read in them.
  const outputs = area => [...area.querySelectorAll(":scope > .jp-OutputArea-child > .jp-OutputArea-output")];

  // What has no size of its own here. Formulas and outputs: see above. Radio buttons: ipywidgets measures them when it
  // makes them, JupyterLab puts them into the page a moment later, and a margin is another one until their next change.
  const UNMEASURED = `.widget-radio, .widget-radio-box, .jp-OutputArea, ${FORMULA}`;
  const size = element => element.matches(UNMEASURED) || element.querySelector(UNMEASURED)
    ? "" : `${element.offsetWidth ?? 0}x${element.offsetHeight ?? 0}`;

  const styles = element => {
    const computed = getComputedStyle(element);
    return [...element.style].sort().flatMap(name => {
      const asked = element.style.getPropertyValue(name);
      if (asked === "initial" || (name === "margin-bottom" && element.matches(UNMEASURED))) return [];
      // Shares and variables are the page's: the same was asked for.
      return `${name}: ${/%|auto|var[(]|calc[(]/.test(asked) ? asked : computed.getPropertyValue(name)}`;
    });
  };

  // What a control is now, and not what its markup said when it was made.
  const PROPERTIES = ["type", "value", "checked", "disabled", "min", "max", "step", "placeholder", "multiple", "size",
    "accept", "loop", "autoplay", "controls", "inert"];
  const SAID_OTHERWISE = new Set(["class", "style", "src", ...PROPERTIES]);

  const lines = [];
  const say = async (element, depth) => {
    if (isFrame(element)) return say(element.firstElementChild, depth);
    if (element.matches(FORMULA)) {
      lines.push(`${"  ".repeat(depth)}${isBlock(element) ? "block" : "formula"}: ${mathml(element)}`);
      return;
    }
    const said = [element.localName];
    const classes = [...element.classList].filter(it => !PASSING.test(it)).sort();
    if (classes.length) said.push(classes.map(it => `.${it}`).join(""));
    for (const { name, value } of [...element.attributes].sort((a, b) => a.name < b.name ? -1 : 1)) {
      if (OWN.test(name) || SAID_OTHERWISE.has(name) || isGiven(element, name, value)) continue;
      said.push(`${name}=${REFERENCES.test(name) ? value.split(" ").map(number).join(" ") : JSON.stringify(value)}`);
    }
    for (const name of PROPERTIES) {
      const value = element[name];
      if (value !== undefined && value !== "" && value !== false) said.push(`${name} ${JSON.stringify(value)}`);
    }
    if (element.selectedOptions) said.push(`selected ${[...element.selectedOptions].map(it => it.index).join(" ")}`);
    const content = await CONTENT[element.localName]?.(element);
    if (content) said.push(content);
    const inline = styles(element);
    if (inline.length) said.push(`{${inline.join("; ")}}`);
    said.push(size(element));
    lines.push("  ".repeat(depth) + said.join(" ").trim());
    if (element.matches(".jp-OutputArea")) {
      for (const output of outputs(element)) {
        const view = output.querySelector(":scope > .jupyter-widgets");
        const text = view ? "" : ` ${JSON.stringify(output.innerText.trimEnd())}`;
        lines.push("  ".repeat(depth + 1) + `output ${output.dataset.mimeType ?? ""}${text}`);
        if (view) await say(view, depth + 2);
      }
      return;
    }
    for (const node of element.childNodes) {
      if (node instanceof Element) await say(node, depth + 1);
      else if (node.nodeType === Node.TEXT_NODE && node.data !== "")
        lines.push("  ".repeat(depth + 1) + JSON.stringify(node.data));
    }
  };
  await say(root, 0);
  return lines;
}
"""


def read(drawn: Locator | ElementHandle) -> list[str]:
    """Return what is drawn, a line for each element."""
    lines: list[str] = drawn.evaluate(READ)
    return lines


def difference(one: list[str], other: list[str], names: tuple[str, str]) -> str:
    """Say where two readings differ."""
    return "\n".join(difflib.unified_diff(one, other, *names, lineterm="", n=1))
