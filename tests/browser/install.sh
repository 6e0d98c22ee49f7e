#!/bin/sh
# Install headless Chromium and a Chinese face where that is possible; otherwise say so: the browser tests skip,
# but fail in CI.
if command -v chromium >/dev/null 2>&1 && fc-list 2>/dev/null | grep -qi 'cjk'; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk fontconfig >/dev/null \
    && exit 0
fi
echo "no headless Chromium, and no right to install it: browser tests will skip" >&2
[ -z "${CI:-}" ]
