#!/bin/sh
# check.sh DIR... - unit tests, then scripts under these folders with 1, 2 and 8 Ps; last line
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
files=$(find "$@" -path tests/unit -prune -o -path tests/bench -prune -o -path tests/soak -prune -o -path tests/diff -prune -o -path '*/testdata/*' -prune -o -name '*.gol' -print | sort)
# With one P nobody writes a map in the middle of somebody else's operation.
files1=$(grep -L 'fatal error: concurrent map' $files)
case ${SAN:-} in
*address*) stress=gcstress=50,clobberfree=1,stackstress=1,schedstress=1 ;; # the moved stacks' old places are checked
*) stress= ;;
esac
for procs in 1 2 8; do
    case $procs in 1) now=$files1 debug= ;; 2) now=$files debug= ;; *) now=$files debug=$stress ;; esac
    [ "$procs${SAN:-}" = 1thread ] && continue
    # shellcheck disable=SC2086
    GODEBUG=$debug GOMAXPROCS=$procs "$BUILD/tests/run" "$GOL" -j2 $tags $now >"$log.scripts" 2>&1
    tail -n 1 "$log.scripts" | sed "s/^/scripts with $procs Ps: /"
    grep -v ' passed, ' "$log.scripts"
    p=$(tail -n 1 "$log.scripts" | sed -n 's/^\([0-9]*\) passed.*/\1/p')
    f=$(tail -n 1 "$log.scripts" | sed -n 's/.* \([0-9]*\) failed.*/\1/p')
    pass=$((pass + ${p:-0}))
    fail=$((fail + ${f:-1}))
done
echo "$pass passed, $fail failed"
[ "$fail" = 0 ]
