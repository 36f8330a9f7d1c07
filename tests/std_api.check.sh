#!/bin/sh
# std_api.check.sh - the packages of stdlib/ have the names that Go's have: those of Go 1.19, where
# Debian's golang-1.19-src has the lists, and what later versions added, tests/api/go1.25.txt.
# tests/api/except.txt holds what is missing.
set -u
out=$BUILD/std_api.go
lists=tests/api/go1.25.txt
[ -d /usr/share/go-1.19/api ] && lists="$lists $(echo /usr/share/go-1.19/api/go*.txt)"
# shellcheck disable=SC2086
"$GOL" tests/api/testdata/apicheck.gol stdlib tests/api/except.txt $lists >"$out" || exit 1
[ "$(wc -l <"$out")" -gt 200 ] || { echo "std_api: no names found"; exit 1; }
"$GOL" check "$out"
