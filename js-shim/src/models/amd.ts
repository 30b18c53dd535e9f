/**
 * Catches the factory of a package that is published as one AMD module: import this before the package, `taken` after.
 * The global `define` is there only while such a package's body runs.
 */

type Factory = (...dependencies: unknown[]) => unknown;

const scope = globalThis as { define?: unknown };
const before = scope.define;
let factory: Factory | undefined;

scope.define = (_dependencies: string[], made: Factory) => {
  factory = made;
};

/** The factory of the package that was imported since; puts the global back. */
export function taken(packageName: string): Factory {
  if (before === undefined) delete scope.define;
  else scope.define = before;
  if (factory === undefined) throw new Error(`${packageName} did not define an AMD module`);
  return factory;
}
