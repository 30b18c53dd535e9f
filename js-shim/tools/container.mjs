// Makes of one CommonJS script an extension that JupyterLab loads: a *container* of webpack's module federation, by hand.
//
// A container has two functions. `init` is given the scope of shared packages, `get` gives a module of the extension. JupyterLab
// calls `init` of all extensions before it asks any for a module, so what another one brings (`@jupyter-widgets/base`) is
// in the scope by then. All packages here are taken from the scope, and none is given: a single version of each, that which is loaded
// or else the newest, is what webpack does for singletons.

/**
 * @param {string} name the extension's name
 * @param {string[]} shared names of the packages that the script requires
 * @param {string} script CommonJS
 */
export function container(name, shared, script) {
  return `(() => {
const name = ${JSON.stringify(name)}, shared = ${JSON.stringify(shared)};
let scope, extension;
const order = (version) => version.split("+")[0].split("-")[0].split(".").map(Number);
const isNewer = (a, b) => {
  const [x, y] = [order(a), order(b)];
  for (let n = 0; n < 3; n++) if (x[n] !== y[n]) return x[n] > y[n];
  return false;
};
const take = async (wanted) => {
  const versions = Object.entries((scope && scope[wanted]) || {});
  const isLoaded = ([, entry]) => Boolean(entry.loaded || entry.lib);
  const candidates = versions.some(isLoaded) ? versions.filter(isLoaded) : versions;
  const best = candidates.reduce((one, other) => (!one || isNewer(other[0], one[0]) ? other : one), null);
  if (!best) return [wanted, null];
  const [, entry] = best;
  entry.loaded = entry.loaded || 1;
  const factory = entry.lib || (await entry.get());
  entry.lib = entry.lib || factory;
  return [wanted, factory()];
};
const load = async () => {
  const modules = new Map(await Promise.all(shared.map(take)));
  const missing = shared.filter((each) => modules.get(each) == null);
  if (missing.length > 0) {
    console.warn(name + ": this JupyterLab has no " + missing.join(", ") + ": the extension stays off");
    return { __esModule: true, default: [] };
  }
  const module = { exports: {} };
  body((each) => modules.get(each), module, module.exports);
  return module.exports;
};
(window._JUPYTERLAB = window._JUPYTERLAB || {})[name] = {
  init(given) { scope = given; },
  async get(wanted) {
    if (wanted !== "./extension") throw new Error(name + " has no module " + wanted);
    const exports = await (extension = extension || load());
    return () => exports;
  },
};
function body(require, module, exports) {
${script}
}
})();
`;
}
