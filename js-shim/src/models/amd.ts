/**
 * AMD modules, as widget packages are published for pages that aren't JupyterLab: a classic script that calls `define`.
 *
 * The global `define` is seen by such a script and by no other: a library that an author's module loads meanwhile would
 * otherwise find an AMD loader and define itself there instead of in its own way.
 */

type Factory = (...dependencies: unknown[]) => unknown;

/** Gives the module that another one names; `from` is the address of the one that asks. */
export type Resolve = (name: string, from: string) => Promise<unknown>;

interface Definition {
  name: string | undefined;
  /** Undefined when the script gave none. */
  dependencies: string[] | undefined;
  made: unknown;
}

const scope = globalThis as { define?: unknown };

// --- a package whose body is a part of this script -------------------------------------------------------------------

const before = scope.define;
let factory: Factory | undefined;

scope.define = (_dependencies: string[], made: Factory) => {
  factory = made;
};

/** The factory of the package that was imported since this module was; puts the global back. */
export function taken(packageName: string): Factory {
  if (before === undefined) delete scope.define;
  else scope.define = before;
  if (factory === undefined) throw new Error(`${packageName} did not define an AMD module`);
  return factory;
}

// --- a package that is loaded ----------------------------------------------------------------------------------------

/** What the scripts that run now have defined. */
const running = new Map<Element, Definition[]>();

/** Loads a script and makes the module of that name, or the one without a name, that it defines. */
export async function loadAmd(url: string, name: string, resolve: Resolve): Promise<unknown> {
  const definitions = await runScript(url);
  const named = new Map(definitions.map((definition) => [definition.name, definition]));
  const main = named.get(name) ?? named.get(undefined) ?? definitions.at(-1);
  if (main === undefined) throw new Error(`${url} is no AMD module`);
  const made = new Map<Definition, Promise<unknown>>();
  const within: Resolve = (wanted, from) => {
    const definition = named.get(wanted);
    if (definition === undefined || definition === main) return resolve(wanted, from);
    const promise = made.get(definition) ?? make(definition, wanted, url, within);
    made.set(definition, promise);
    return promise;
  };
  return make(main, name, url, within);
}

function runScript(url: string): Promise<Definition[]> {
  showDefine();
  const script = document.createElement("script");
  const definitions: Definition[] = [];
  running.set(script, definitions);
  // Without it the reason of an error that the script throws is kept from this page.
  script.crossOrigin = "anonymous";
  script.src = url;
  return new Promise<Definition[]>((done, fail) => {
    script.onload = () => done(definitions);
    script.onerror = () => fail(new Error(`${url} could not be had`));
    document.head.append(script);
  }).finally(() => {
    running.delete(script);
    script.remove();
    if (running.size === 0) hideDefine();
  });
}

/** What the page itself has there, while scripts run. */
let others: { define: unknown } | undefined;

/** Makes `define` appear to the scripts that `runScript` runs. */
function showDefine(): void {
  if (others !== undefined) return;
  const its = { define: scope.define };
  others = its;
  Object.defineProperty(scope, "define", {
    configurable: true,
    get() {
      const definitions = document.currentScript && running.get(document.currentScript);
      return definitions ? definer(definitions) : its.define;
    },
    set(value) {
      its.define = value;
    },
  });
}

/** Nothing global stays when no script runs any more. */
function hideDefine(): void {
  const its = others;
  others = undefined;
  delete scope.define;
  if (its?.define !== undefined) scope.define = its.define;
}

function definer(definitions: Definition[]): unknown {
  const define = (...given: unknown[]): void => {
    const name = typeof given[0] === "string" ? (given.shift() as string) : undefined;
    const dependencies = Array.isArray(given[0]) ? (given.shift() as string[]) : undefined;
    definitions.push({ name, dependencies, made: given[0] });
  };
  return Object.assign(define, { amd: {} });
}

async function make(definition: Definition, name: string, url: string, resolve: Resolve): Promise<unknown> {
  const { made } = definition;
  if (typeof made !== "function") return made;
  const there = new Map<string, unknown>();
  const module = { id: name, uri: new URL(url, document.baseURI).href, exports: {} as unknown };
  const require = (wanted: string): unknown => {
    if (!there.has(wanted)) throw new Error(`${name} requires ${wanted} and didn't say so before`);
    return there.get(wanted);
  };
  const own: Record<string, unknown> = { require, module, exports: module.exports };
  const names = definition.dependencies ?? (made.length > 0 ? ["require", "exports", "module"] : []);
  const needed = definition.dependencies ?? required(made.toString());
  const wanted = needed.filter((each) => !(each in own));
  const values = await Promise.all(wanted.map((each) => resolve(each, url)));
  wanted.forEach((each, index) => {
    there.set(each, values[index]);
  });
  const result = (made as Factory)(...names.map((each) => (each in own ? own[each] : there.get(each))));
  return result ?? module.exports;
}

/** What a factory in the CommonJS form requires. */
function required(source: string): string[] {
  return [...source.matchAll(/\brequire\s*\(\s*(["'])([^"']+)\1\s*\)/g)].map(([, , name]) => name as string);
}
