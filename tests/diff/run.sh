#!/bin/sh
# run.sh [N [SEED]] - N random programs (gen.gol) from SEED on run under gol and compiled by go: standard
# output, the first line of standard error and the exit status must agree. Prints each seed that
# differs; its files stay in $OUT. GOL is the gol to test, BATCH how many programs one go build compiles.
here=$(cd "$(dirname "$0")" && pwd)
n=${1:-20} seed=${2:-1} BATCH=${BATCH:-10}
GOL=${GOL:-$here/../../gol}
OUT=${OUT:-${TMPDIR:-/tmp}/gol-diff}
export GO111MODULE=off
command -v go >/dev/null || { echo "0 passed, 0 failed (no go)"; exit 0; }
mkdir -p "$OUT"
passed=0 failed=0

# compare SEED: runs both, says what differs
compare() {
    p=$OUT/p$1
    timeout 60 "$OUT/batch/batch" "$1" >"$p.want" 2>"$p.wanterr" </dev/null
    echo "exit $?" >>"$p.want"
    timeout 60 "$GOL" "$p.gol" >"$p.got" 2>"$p.goterr" </dev/null
    echo "exit $?" >>"$p.got"
    head -n 1 "$p.wanterr" >>"$p.want"
    head -n 1 "$p.goterr" >>"$p.got"
    if cmp -s "$p.want" "$p.got"; then
        passed=$((passed + 1))
        rm -f "$p".*
    else
        failed=$((failed + 1))
        echo "seed $1 differs:"
        diff -a "$p.want" "$p.got" | head -n 4 | cut -c 1-160
    fi
}

end=$((seed + n))
while [ "$seed" -lt "$end" ]; do
    rm -rf "$OUT/batch"
    mkdir -p "$OUT/batch"
    {
        printf 'package main\nimport "os"\nfunc main() {\n\tswitch os.Args[1] {\n'
        s=$seed
        while [ "$s" -lt "$end" ] && [ "$s" -lt $((seed + BATCH)) ]; do
            printf '\tcase "%d":\n\t\tmain_%d()\n' "$s" "$s"
            s=$((s + 1))
        done
        printf '\t}\n}\n'
    } >"$OUT/batch/main.go"
    s=$seed
    while [ "$s" -lt "$end" ] && [ "$s" -lt $((seed + BATCH)) ]; do
        "$GOL" "$here/gen.gol" "$s" >"$OUT/p$s.gol" || { echo "seed $s: no program"; failed=$((failed + 1)); }
        "$GOL" "$here/gen.gol" "$s" -lib >"$OUT/batch/p$s.go"
        s=$((s + 1))
    done
    if ! (cd "$OUT/batch" && go build -gcflags=-e -o batch . 2>"$OUT/batch.err"); then
        echo "seeds $seed to $((s - 1)): go refuses:"
        head -n 8 "$OUT/batch.err"
        failed=$((failed + 1))
    fi
    while [ "$seed" -lt "$s" ]; do
        [ -x "$OUT/batch/batch" ] && compare "$seed"
        seed=$((seed + 1))
    done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
