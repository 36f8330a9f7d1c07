#!/bin/sh
# vet.check.sh - gol vet on tests/vet/testdata: each "// want "text" ..." comment is a finding on its line whose
# text contains `text`, and there are no others. "want 24" (or 25) marks what Go 1.19's vet does not say.
# VET_GO=go compares Go's own vet with the same comments instead (version 1.19).
here=$PWD/tests/vet/testdata
. tests/prologue.sh
fail() { echo "vet: $*"; bad=1; }

# wants FILE SKIP24: "LINE<tab>TEXT" for each expectation
wants() {
    awk -v skip="$2" '{
        at = index($0, "// want ")
        if (!at) next
        s = substr($0, at + 8)
        if (s ~ /^2[0-9] /) { if (skip) next; s = substr(s, 4) }
        while (match(s, /"([^"\\]|\\.)*"/)) {
            t = substr(s, RSTART + 1, RLENGTH - 2)
            gsub(/\\"/, "\"", t)
            printf "%d\t%s\n", NR, t
            s = substr(s, RSTART + RLENGTH)
        }
    }' "$1"
}
# found FILE <OUTPUT: "LINE<tab>TEXT" for each finding; warnings of scripts are none
found() {
    sed -n 's/^[^ :]*:\([0-9]*\):[0-9]*: \(.*\)$/\1	\2/p' | grep -v '	warning: ' | sort -n
}
compare() { # NAME: files want and have
    awk -F '\t' -v name="$1" 'NR == FNR { n++; line[n] = $1; text[n] = $2; next }
        { for (i = 1; i <= n; i++)
              if (!used[i] && line[i] == $1 && index($2, text[i])) { used[i] = 1; next }
          printf "vet: %s:%s: not expected: %s\n", name, $1, $2; bad = 1 }
        END { for (i = 1; i <= n; i++)
                  if (!used[i]) { printf "vet: %s:%s: missing: %s\n", name, line[i], text[i]; bad = 1 }
              exit bad }' want have || bad=1
}
for f in "$here"/*.gol; do
    name=$(basename "$f" .gol)
    if [ -n "${VET_GO:-}" ]; then
        case $name in *2[0-9] | script | slog) continue ;; esac
        wants "$f" 1 >want
        cp "$f" "$name.go"
        "$VET_GO" vet "$name.go" >out 2>&1
        sed -e 's/command-line-arguments\./main./g' -e 's/composite literal uses/struct literal uses/' out | found >have
    else
        wants "$f" "" >want
        timeout 60 "$gol" vet "$f" >out 2>err
        status=$?
        [ -s out ] && fail "$name: standard output is not empty"
        [ $status = 1 ] || fail "$name: exit $status"
        found <err >have
    fi
    compare "$name"
done
[ -n "${VET_GO:-}" ] && exit $bad

# flags, exit codes, folders
expect() { # STATUS TEXT COMMAND...
    want=$1 text=$2
    shift 2
    timeout 60 "$@" >out 2>&1
    got=$?
    [ $got = "$want" ] || fail "$*: exit $got, not $want"
    [ -z "$text" ] || grep -qF -- "$text" out || { fail "$*: lacks '$text'"; head -c 500 out; }
    [ -n "$text" ] || [ ! -s out ] || { fail "$*: prints"; head -c 500 out; }
}
printf 'package main\nfunc main() { x := 1; x = x; println(x); return; println() }\n' >a.gol
expect 1 'a.gol:2:23: self-assignment of x to x' "$gol" vet a.gol
expect 1 'a.gol:2:50: unreachable code' "$gol" vet a.gol
expect 1 unreachable "$gol" vet -unreachable a.gol
grep -q self-assignment out && fail "-unreachable runs assign"
expect 0 '' "$gol" vet -unreachable=false -assign=false a.gol
expect 2 'unknown flag -nosuch' "$gol" vet -nosuch a.gol
expect 0 copylocks "$gol" vet help
expect 1 'undefined: y' "$gol" vet -printf "$(printf 'package main\nfunc main() { y() }\n' >b.gol; echo b.gol)"
expect 1 'cannot read' "$gol" vet missing.gol
mkdir -p m/lib m/testdata m/scripts
printf 'module example.com/m\n\ngo 1.20\n' >m/go.mod
printf 'package main\nimport "example.com/m/lib"\nfunc main() { lib.Warn("%%d", "x") }\n' >m/main.go
printf 'package lib\nimport "fmt"\nfunc Warn(f string, a ...any) { fmt.Printf(f, a...) }\nfunc bad() { fmt.Printf("%%d", "x") }\n' >m/lib/lib.go
printf 'fmt.Printf("%%d", "x")\n' >m/testdata/t.gol
printf 'fmt.Printf("%%d", "x")\n' >m/scripts/s1.gol
printf 'fmt.Printf("%%s", 1)\n' >m/scripts/s2.gol
expect 1 'lib.Warn format %d has arg "x" of wrong type string' "$gol" vet m
grep -q lib.go out && fail "findings of an imported package"
expect 1 'm/lib/lib.go:4:14: fmt.Printf format %d' "$gol" vet m/...
for t in m/main.go m/scripts/s1.gol m/scripts/s2.gol; do grep -q "$t:" out || fail "m/...: no finding in $t"; done
grep -q testdata out && fail "m/... goes into testdata"
# test files are vetted with their package, and as a package of their own
mkdir t
printf 'module t\n\ngo 1.24\n' >t/go.mod
printf 'package t\nimport "fmt"\nfunc Warn(f string, a ...any) { fmt.Printf(f, a...) }\n' >t/t.go
cat >t/t_test.go <<'T'
package t

import "testing"

func Testfoo(t *testing.T) { Warn("%d", "x") }
func TestBar(t *testing.T) {
	go func() { t.Fatal("x") }()
	t.Errorf("%d", "x")
}
func ExampleNone() {}
func Example() {}
T
cat >t/x_test.go <<'T'
package t_test

import (
	"t"
	"testing"
)

func TestX(u *testing.T)     { t.Warn("%d", "x"); u.Logf("%s", 1) }
func ExampleWarn_Bad() int   { return 1 }
func ExampleWarn_good()      {}
T
"$gol" vet t >out 2>&1
for want in "t_test.go:5:1: Testfoo has malformed name: first letter after 'Test' must not be lowercase" \
    't_test.go:5:30: t.Warn format %d has arg "x" of wrong type string' \
    't_test.go:7:14: call to (*testing.T).Fatal from a non-test goroutine' \
    't_test.go:8:2: (*testing.common).Errorf format %d has arg "x" of wrong type string' \
    't_test.go:10:1: ExampleNone refers to unknown identifier: None' \
    'x_test.go:8:32: t.Warn format %d has arg "x" of wrong type string' \
    'x_test.go:9:1: ExampleWarn_Bad refers to unknown field or method: Warn.Bad' \
    'x_test.go:9:1: ExampleWarn_Bad should return nothing'; do
    grep -qF -- "$want" out || { fail "t: no $want"; head -c 2000 out; }
done
[ "$(grep -c '^t/[^ ]*: ' out)" = 9 ] || { fail "t: other findings"; cat out; }
for d in examples; do
    timeout 120 "$gol" vet "$here/../../../$d/..." >out 2>&1
    grep -v -e ': warning: ' -e '^    ' out | head -n 5 >have
    [ -s have ] && { fail "$d is not clean"; cat have; }
done
exit $bad
