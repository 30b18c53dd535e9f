/**
 * The page's token: it comes behind `#` in the link, is taken out of the address bar, and is kept for this tab only, so that
 * a reload works and neither the history nor a shared screen shows it.
 */

const KEY = "commdoc.token:";

/** The token of this page, or an empty text. */
export function takeToken(page: Window): string {
  const { location, history } = page;
  const fresh = new URLSearchParams(location.hash.slice(1)).get("token");
  const key = KEY + location.pathname;
  if (fresh) {
    storageOf(page)?.setItem(key, fresh);
    history.replaceState(history.state, "", location.pathname + location.search);
    return fresh;
  }
  return storageOf(page)?.getItem(key) ?? "";
}

/** A browser may keep no storage for a page in a frame of another site's page. */
function storageOf(page: Window): Storage | undefined {
  try {
    return page.sessionStorage;
  } catch {
    return undefined;
  }
}
