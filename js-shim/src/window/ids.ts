/** Ids unique over all windows. `crypto.randomUUID` is not there in every page. */
export function idSource(): () => string {
  const random = crypto.getRandomValues(new Uint32Array(4));
  const prefix = [...random].map((part) => part.toString(16).padStart(8, "0")).join("");
  let count = 0;
  return () => `${prefix}-${++count}`;
}
