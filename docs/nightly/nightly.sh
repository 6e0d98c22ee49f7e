#!/bin/sh
# One night: ingest, check, reports. Call it from cron, a systemd timer or Airflow; it ends with 1 if anything went wrong.
#
#   PROJECT      the folder with params/ and reports/ (this one unless set)
#   CRMLIB       how crmlib is called (crmlib unless set)
#   CRMLIB_LAKE  the lake (.crmlib in the project unless set)
#   SOURCES      the sources file (params/sources.yml unless set)
#
# A source that fails holds up no other, and only the reports that need it: their pages of yesterday stay, the portal and
# a message say what they wait for. A lake that fails its check makes no page. Where nothing at all came in, no page is
# made either; what came in late is made by the next pass, because a slot that failed stays due.
set -u
cd "${PROJECT:-.}" || exit 1
crmlib=${CRMLIB:-crmlib}
lake=${CRMLIB_LAKE:-.crmlib}
sources=${SOURCES:-params/sources.yml}
ended=0

say() { printf '%s nightly: %s\n' "$(date -u +%FT%TZ)" "$1"; }

before=$(find "$lake" -path '*_delta_log*' -name '*.json' 2>/dev/null | wc -l)
if ! $crmlib ingest all --sources "$sources" --lake "$lake"; then
    ended=1
    say "a source failed; see above"
fi
after=$(find "$lake" -path '*_delta_log*' -name '*.json' 2>/dev/null | wc -l)
if [ "$ended" -ne 0 ] && [ "$after" -eq "$before" ]; then
    say "nothing came in: no page is made"
    exit 1
fi
if ! $crmlib check --lake "$lake"; then
    say "the lake is not whole: no page is made, yesterday's stay"
    exit 1
fi
if ! $crmlib schedule --lake "$lake"; then
    ended=1
    say "a report failed; the portal says which"
fi
exit "$ended"
