/** Checked by `tsc`, never run: the public types have no `any`, and modules typed for anywidget fit them. */

import type * as anywidget from "@anywidget/types";
import type { Room } from "../../src";
import type * as afm from "../../src/afm";

/** Is `any` the type, or somewhere in it, to some depth? */
type IsAny<T> = 0 extends 1 & T ? true : false;
type Depth = [never, 0, 1, 2, 3, 4];
type Plain = string | number | boolean | symbol | null | undefined;
type Platform = Node | AbortSignal | ArrayBuffer | ArrayBufferView | Error;
type HasAny<T, D extends number = 4> =
  IsAny<T> extends true
    ? true
    : [D] extends [0]
      ? false
      : T extends Plain | Platform
        ? false
        : T extends readonly (infer Item)[]
          ? HasAny<Item, Depth[D]>
          : T extends Promise<infer Result>
            ? HasAny<Result, Depth[D]>
            : T extends (...args: infer Args) => infer Result
              ? HasAny<Args[number], Depth[D]> | HasAny<Result, Depth[D]>
              : T extends object
                ? Extract<{ [Key in keyof T]-?: HasAny<T[Key], Depth[D]> }[keyof T], boolean>
                : false;

/** Fails to compile for anything but `false`. */
type None<T extends false> = T;

export type Checked = [
  None<HasAny<afm.AfmModel>>,
  None<HasAny<afm.AfmWidget>>,
  None<HasAny<afm.AfmOptions>>,
  None<HasAny<afm.AfmProblem>>,
  None<HasAny<afm.Experimental>>,
  None<HasAny<afm.Host>>,
  None<HasAny<afm.InitializeProps>>,
  None<HasAny<afm.RenderProps>>,
  None<HasAny<afm.ResolvedWidget>>,
  None<HasAny<afm.WidgetDefinition>>,
  None<HasAny<Pick<afm.AfmHost, "model" | "widget" | "check" | "dispose" | "disposed">>>,
  None<HasAny<Parameters<typeof afm.afmOf>[1]>>,
];

/** `JSON.parse` gives an `any`. */
type Untyped = ReturnType<typeof JSON.parse>;

// @ts-expect-error: the check finds it
export type Found = None<HasAny<{ deep: (value: string) => Promise<{ inner: Untyped }> }>>;

/** What a module that is typed for anywidget is given. */
export function forModules(
  model: afm.AfmModel,
  host: afm.Host,
  experimental: afm.Experimental,
): [anywidget.AnyModel, anywidget.Host, anywidget.Experimental] {
  return [model, host as anywidget.Host, experimental];
}

/** A value's type is that of the state that the page names. */
export async function named(room: Room, afmOf: typeof afm.afmOf): Promise<number> {
  const model = await afmOf(room).model<{ value: number }>("a");
  // @ts-expect-error: no such key
  model.get("other");
  // @ts-expect-error: not a number
  model.set("value", "5");
  model.on("msg:custom", (content, buffers) => void [content satisfies unknown, buffers[0]?.byteLength]);
  const exports = await afmOf(room).widget<{ double(): number }>("a").exports();
  return model.get("value") + exports.double();
}
