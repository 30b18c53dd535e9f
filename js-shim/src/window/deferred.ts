/** A promise that is kept from outside. */
export class Deferred<T> {
  resolve!: (value: T) => void;
  reject!: (error: Error) => void;
  readonly promise: Promise<T>;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Who doesn't ask how it ended must not see an unhandled rejection.
    this.promise.catch(() => {});
  }
}
