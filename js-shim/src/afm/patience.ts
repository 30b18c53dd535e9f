/** Waiting with an end. */

/** Resolves or rejects as `promise`, or rejects with `late` after `ms`. */
export async function within<T>(ms: number, promise: Promise<T>, late: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(late)), ms);
  });
  try {
    return await Promise.race([promise, end]);
  } finally {
    clearTimeout(timer);
  }
}
