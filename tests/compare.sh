#!/bin/sh
# compare.sh - runs each example under gol and under Go, where Go is installed, and shows differences.
# Scripts without a package clause are gol's own and are left out.
set -u
command -v go >/dev/null || { echo "compare: Go is not installed (package golang-go)"; exit 0; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
same=0 different=0
for f in examples/*.gol; do
    grep -q '^package main' "$f" || continue
    name=$(basename "$f" .gol)
    mkdir "$dir/$name"
    grep -v '^#!' "$f" >"$dir/$name/main.go"
    (cd "$dir/$name" && GO111MODULE=off timeout 120 go run main.go) >"$dir/go.out" 2>"$dir/go.err"
    timeout 120 ./gol "$f" >"$dir/gol.out" 2>"$dir/gol.err"
    # of a fatal error the first line counts: traces differ
    grep -m 1 -E '^(panic|fatal error)' "$dir/go.err" >>"$dir/go.out"
    grep -m 1 -E '^(panic|fatal error)' "$dir/gol.err" >>"$dir/gol.out"
    if diff "$dir/go.out" "$dir/gol.out" >"$dir/diff"; then
        same=$((same + 1))
    else
        different=$((different + 1))
        echo "DIFFERENT $f (< Go, > gol)"
        head -n 10 "$dir/diff"
    fi
done
echo "$same the same, $different different"
[ $different = 0 ]
