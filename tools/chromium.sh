#!/usr/bin/env sh
# Finds Chromium for the browser tests and the demo; as root on Debian or Ubuntu it installs it. Never fails: what needs a
# browser says so itself.
for name in "${COMMDOC_CHROMIUM:-}" chromium chromium-browser google-chrome; do
  if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then
    exit 0
  fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null && exit 0
fi
cat >&2 <<'TEXT'
commdoc: no Chromium found. The browser tests and the two browser windows of `make demo` need one:
  - install it with the system's package manager (Debian, Ubuntu: apt-get install chromium), or
  - .venv/bin/playwright install chromium, or
  - name one: COMMDOC_CHROMIUM=/path/to/chrome
TEXT
exit 0
