#!/bin/sh
# check.sh DIR... - unit tests, then scripts under these folders with 2 and with 8 Ps; last line
# "N passed, N failed". Called by make, which sets GOL, BUILD and SAN.
set -u
pass=0 fail=0
log=$BUILD/check.log
: >"$log"
count() { if [ "$1" = 0 ]; then pass=$((pass + 1)); else fail=$((fail + 1)); echo "FAIL $2"; fi; }

for t in "$BUILD"/tests/test_*; do
    case $t in *.d) continue ;; esac
    [ -x "$t" ] || continue
    timeout 300 "$t" >"$log.one" 2>&1
    status=$?
    [ $status = 0 ] || tail -n 20 "$log.one"
    count $status "$t"
done
for t in tests/*.check.sh; do
    [ -e "$t" ] || continue
    sh "$t" >"$log.one" 2>&1
    status=$?
    [ $status = 0 ] || tail -n 20 "$log.one"
    count $status "$t"
done

tags="-tag $(uname -m)"
[ -n "${SAN:-}" ] && tags="$tags -tag $SAN -tag sanitizer"
case $BUILD in *stress) tags="$tags -tag stress" ;; esac
files=$(find "$@" -path tests/unit -prune -o -path tests/bench -prune -o -path tests/diff -prune -o -path '*/testdata/*' -prune -o -name '*.gol' -print | sort)
for procs in 2 8; do
    # shellcheck disable=SC2086
    GOMAXPROCS=$procs "$BUILD/tests/run" "$GOL" -j2 $tags $files >"$log.scripts" 2>&1
    tail -n 1 "$log.scripts" | sed "s/^/scripts with $procs Ps: /"
    grep -v ' passed, ' "$log.scripts"
    p=$(tail -n 1 "$log.scripts" | sed -n 's/^\([0-9]*\) passed.*/\1/p')
    f=$(tail -n 1 "$log.scripts" | sed -n 's/.* \([0-9]*\) failed.*/\1/p')
    pass=$((pass + ${p:-0}))
    fail=$((fail + ${f:-1}))
done
echo "$pass passed, $fail failed"
[ "$fail" = 0 ]
