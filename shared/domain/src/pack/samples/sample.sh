#!/usr/bin/env bash
# Signs a file and posts it to the webhook endpoint of @source@.
#
# @usage@
#
# With --print nothing is sent: the headers that name and prove the body are printed.
# For trying things out: openssl and curl take secrets as arguments, which others on the same machine can read.
set -euo pipefail

url=@url@
secret=${WEBHOOK_SECRET:?set it}
@strip@
@timestamp@
@given@
body=$1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
hex() { od -An -v -tx1 | tr -d ' \n'; }

@key@
{
    @message@
} >"$work/message"
@signature@

headers=(
    @headers@
)
if [ "${2:-}" = --print ]; then
    printf '%s\n' "${headers[@]}"
    exit
fi

options=()
for header in "${headers[@]}" 'content-type: application/json'; do options+=(--header "$header"); done
@basic@
status=$(curl --silent --show-error --max-time @answer_seconds_max@ --output "$work/answer" --write-out '%{http_code}' \
    --data-binary "@$body" "${options[@]}" "$url")
printf '%s ' "$status"
cat "$work/answer"
[ "$status" -lt 300 ]
