/** What jsdom lacks of a browser and the widget packages touch when they load. Import it first. */

const scope = globalThis as Record<string, unknown>;

scope.DragEvent ??= class DragEvent extends Event {};
scope.PointerEvent ??= MouseEvent;
scope.CSS ??= { supports: () => false, escape: (text: string) => text };
scope.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
scope.matchMedia ??= () => ({ matches: false, addEventListener() {}, addListener() {} });
document.queryCommandSupported ??= () => false;
