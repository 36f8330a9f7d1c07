#!/bin/sh
# run.sh [SEED [COUNT]] - COUNT random programs (tests/diff/gen) from SEED on, run by gol and compiled by
# go: standard output, standard error up to the first traceback and the exit status must agree. Says
# which seeds differ; their batches stay in $OUT. Last line "N passed, N failed".
#
# GOL is the gol to test, BATCH how many programs one go build compiles. With REF=FILE another gol stands
# in for go (a sanitizer build against the plain one). One seed alone: run.sh SEED 1; what of a batch's
# programs to run, and how many lines of each: $OUT/N/batch -lines=100000 SEED..., $GOL run $OUT/N/gol ...
here=$(cd "$(dirname "$0")" && pwd)
seed=${1:-1} n=${2:-20} BATCH=${BATCH:-40}
GOL=${GOL:-$here/../../gol}
OUT=${OUT:-${TMPDIR:-/tmp}/gol-diff}
export GO111MODULE=off GOGC=400
[ -n "${REF:-}" ] || command -v go >/dev/null || {
    echo "diff: no go"
    echo "0 passed, 0 failed"
    exit 0
}
passed=0 failed=0

# the output of seed $2's program in file $1
part() { sed -n "/^== seed $2\$/,/^== seed /p" "$1"; }

# What one side did is in $1.out, $1.err, $1.status: one text to compare.
gather() {
    cat "$1.out" - <<END
$(sed -e '/^goroutine /,$d' -e 's/ addr=0x.*//' "$1.err")
exit $(cat "$1.status")
END
}

run() { # NAME COMMAND...
    name=$1
    shift
    timeout "${LIMIT:-120}" "$@" >"$dir/$name.out" 2>"$dir/$name.err" </dev/null
    echo $? >"$dir/$name.status"
    gather "$dir/$name" >"$dir/$name.all"
}

end=$((seed + n))
while [ "$seed" -lt "$end" ]; do
    count=$((end - seed < BATCH ? end - seed : BATCH))
    dir=$OUT/$seed
    rm -rf "$dir"
    mkdir -p "$dir"
    bad=0
    "${GENGOL:-$GOL}" run "$here/gen" "$dir" "$seed" "$count" || { echo "seed $seed: no programs"; bad=$count; }
    if [ -n "${REF:-}" ]; then
        run want "$REF" run "$dir/gol"
    elif (cd "$dir/go" && go build "-gcflags=-e ${GCFLAGS:--l}" -o ../batch .) 2>"$dir/build.err"; then
        run want "$dir/batch"
    else
        echo "seeds from $seed: go refuses:"
        head -n 8 "$dir/build.err"
        bad=$count
    fi
    run got "$GOL" run "$dir/gol"
    if [ $bad = 0 ] && ! cmp -s "$dir/want.all" "$dir/got.all"; then
        s=$seed
        while [ "$s" -lt $((seed + count)) ]; do
            part "$dir/want.out" "$s" >"$dir/want.part"
            part "$dir/got.out" "$s" >"$dir/got.part"
            if ! cmp -s "$dir/want.part" "$dir/got.part"; then
                bad=$((bad + 1))
                echo "seed $s differs ($dir):"
                diff -a "$dir/want.part" "$dir/got.part" | head -n 4 | cut -c 1-160
            fi
            s=$((s + 1))
        done
        if [ $bad = 0 ]; then
            bad=1
            echo "the end of seeds from $seed differs ($dir):"
            diff -a "$dir/want.all" "$dir/got.all" | head -n 4 | cut -c 1-160
        fi
    fi
    failed=$((failed + bad)) passed=$((passed + count - bad))
    [ $bad = 0 ] && rm -rf "$dir"
    seed=$((seed + count))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
