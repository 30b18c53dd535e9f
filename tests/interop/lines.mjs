// A program that is driven by JSON lines: `{"id": 1, "do": "name", …}` comes in, `{"id": 1, "ok": result}` or
// `{"id": 1, "error": {name, message, code?}}` goes out. Commands begin in order and may overlap.

import { createInterface } from "node:readline";

/** @param commands name to function of the line; may return a promise */
export function serve(commands) {
  const answer = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
  const run = async ({ id, do: name, ...line }) => {
    try {
      if (!commands[name]) throw new Error(`no command ${name}`);
      answer({ id, ok: (await commands[name](line)) ?? null });
    } catch (error) {
      answer({ id, error: { name: error.name, message: error.message, code: error.code ?? null } });
    }
  };
  const input = createInterface({ input: process.stdin });
  input.on("line", (line) => run(JSON.parse(line)));
  // Whoever drives us is gone: nothing is left behind.
  input.on("close", () => process.exit(0));
  process.stderr.on("error", () => process.exit(1));
}

/** Waits until `holds()` gives something true; `watch(check)` has `check` called at each change and returns its end. */
export function until(holds, watch, timeout, what) {
  return new Promise((resolve, reject) => {
    let end = () => {};
    let timer;
    const check = () => {
      let result;
      try {
        result = holds();
      } catch (error) {
        finish(() => reject(error));
        return;
      }
      if (result) finish(() => resolve(result));
    };
    const finish = (then) => {
      clearTimeout(timer);
      end();
      then();
    };
    timer = setTimeout(() => finish(() => reject(new Error(`not within ${timeout} s: ${what}`))), timeout * 1000);
    end = watch(check);
    check();
  });
}
