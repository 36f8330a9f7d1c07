#!/bin/sh
# bench.sh - figures beside those of Go and Lua where they are installed. Medians of N runs (5), the
# peers in turn in each round. Decides nothing: read the ratios. With ../shared/bench present,
# SHARED=1 also runs those programs (see its run.sh).
set -u
cd "$(dirname "$0")/.." || exit 1
n=${N:-5}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
lua=$(command -v lua5.4 || true)
go=$(command -v go || true)
median() { sort -n "$1" | awk '{v[NR]=$1} END {if (NR) print v[int((NR+1)/2)]; else print "-"}'; }
ratio() { awk "BEGIN {if ($2 > 0) printf \"%.2f\", $1/$2; else print \"-\"}" 2>/dev/null || echo -; }

row() { # NAME UNIT
    name=$1 unit=$2
    rm -f "$dir"/gol "$dir"/go "$dir"/lua
    touch "$dir/gol" "$dir/go" "$dir/lua"
    if [ -n "$go" ]; then
        mkdir -p "$dir/src/$name"
        cp "tests/bench/$name.gol" "$dir/src/$name/main.go"
        (cd "$dir/src/$name" && GO111MODULE=off "$go" build -o "$dir/$name.bin" main.go) || true
    fi
    i=0
    while [ $i -lt "$n" ]; do
        ./gol "tests/bench/$name.gol" >>"$dir/gol"
        [ -x "$dir/$name.bin" ] && "$dir/$name.bin" >>"$dir/go"
        [ -n "$lua" ] && [ -e "tests/bench/$name.lua" ] && "$lua" "tests/bench/$name.lua" >>"$dir/lua"
        i=$((i + 1))
    done
    a=$(median "$dir/gol") b=$(median "$dir/go") c=$(median "$dir/lua")
    printf '%-12s %-14s %10s %10s %10s %8s %8s\n' "$name" "$unit" "$a" "$b" "$c" \
        "$(ratio "$a" "$b")" "$(ratio "$a" "$c")"
}
wall() { # COMMAND...: milliseconds, median
    i=0
    rm -f "$dir/wall"
    while [ $i -lt "$n" ]; do
        s=$(date +%s%N)
        "$@" >/dev/null 2>&1
        e=$(date +%s%N)
        echo $(((e - s) / 1000)) >>"$dir/wall"
        i=$((i + 1))
    done
    median "$dir/wall"
}

printf '%-12s %-14s %10s %10s %10s %8s %8s\n' program unit gol go lua /go /lua
for p in fib loops sieve trees words; do row $p "ns/op"; done
for procs in 1 2; do
    export GOMAXPROCS=$procs
    echo "GOMAXPROCS=$procs"
    for p in spawn roundtrip buffered; do row $p "ns/op"; done
done
unset GOMAXPROCS
row parked "bytes each"
row twocores "of one core"
row idle "% of a core"
row wakeup "ms, p99"
row fairness "of the bound"
echo 'package main
import "fmt"
func main() { fmt.Println("hello, world") }' >"$dir/hello.go"
echo "hello, start to exit: $(wall ./gol "$dir/hello.go") us (median of $n)"
awk 'BEGIN {print "package main"; for (i = 0; i < 10000; i++) printf "func f%d(a, b int) int {\n\tx := a*b + %d\n\tfor i := 0; i < b; i++ {\n\t\tif x > i {\n\t\t\tx -= i\n\t\t}\n\t}\n\treturn x\n}\n\n", i, i; print "func main() { println(f1(2, 3)) }"}' >"$dir/big.go"
lines=$(wc -l <"$dir/big.go")
us=$(wall ./gol check "$dir/big.go")
echo "front end: $lines lines in $us us, $(awk "BEGIN {printf \"%d\", $lines / $us * 1e6}") lines/s"
# the same of ordinary Go: packages of Go's own library, in a module where they find one another
src=/usr/share/go-1.19/src
if [ -d "$src/go/types" ]; then
    mkdir -p "$dir/std"
    printf 'module std\n\ngo 1.19\n' >"$dir/std/go.mod"
    echo 'package main' >"$dir/std/main.go"
    list='go/ast go/parser go/printer go/scanner go/token go/types go/constant go/doc go/format go/build/constraint
        go/internal/typeparams go/doc/comment internal/lazyregexp cmd/compile/internal/syntax
        cmd/compile/internal/types2 text/template text/template/parse net/url internal/fmtsort compress/flate
        index/suffixarray encoding/xml encoding debug/dwarf debug/elf encoding/gob internal/saferio
        compress/zlib hash/adler32 hash image image/color image/gif compress/lzw image/color/palette
        image/draw image/internal/imageutil database/sql database/sql/driver html'
    fix=
    inner() { echo "$1" | sed s/internal/inner/g; }
    for p in $list; do fix="$fix -e s#\"$p\"#\"std/$(inner "$p")\"#"; done
    for p in $list; do
        [ -d "$src/$p" ] || continue
        to=$(inner "$p")
        mkdir -p "$dir/std/$to"
        for f in "$src/$p"/*.go; do
            case $f in
            *_test.go) ;;
            *)  # shellcheck disable=SC2086
                sed $fix "$f" >"$dir/std/$to/${f##*/}" ;;
            esac
        done
        echo "import _ \"std/$to\"" >>"$dir/std/main.go"
    done
    echo 'func main() {}' >>"$dir/std/main.go"
    lines=$(find "$dir/std" -name '*.go' -exec cat {} + | wc -l)
    if ./gol check "$dir/std"; then
        us=$(wall ./gol check "$dir/std")
        echo "Go's library: $lines lines in $us us, $(awk "BEGIN {printf \"%d\", $lines / $us * 1e6}") lines/s"
    fi
fi
if [ "${SHARED:-}" = 1 ] && [ -x ../shared/bench/run.sh ]; then
    GOL="$PWD/gol run" N=$n ../shared/bench/run.sh
fi
