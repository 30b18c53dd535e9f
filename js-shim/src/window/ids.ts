/** Ids unique over all windows. `crypto.randomUUID` is not there in every page. */
export function idSource(): () => string {
  const prefix = crypto.getRandomValues(new Uint32Array(4)).join("-");
  let count = 0;
  return () => `${prefix}-${++count}`;
}
