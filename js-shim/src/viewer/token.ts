/**
 * The page's token: it comes behind `#` in the link, is taken out of the address bar, and is kept for this tab only, so that
 * a reload works and neither the history nor a shared screen shows it.
 */

const KEY = "commdoc.token:";

/** The token of this page, or an empty text. */
export function takeToken(page: Window): string {
  const { location, history, sessionStorage } = page;
  const fresh = new URLSearchParams(location.hash.slice(1)).get("token");
  const key = KEY + location.pathname;
  if (fresh) {
    sessionStorage.setItem(key, fresh);
    history.replaceState(history.state, "", location.pathname + location.search);
    return fresh;
  }
  return sessionStorage.getItem(key) ?? "";
}
