#!/bin/sh
# The command line and bad input: exit codes, where messages go, nothing crashes.
. tests/prologue.sh
# expect STATUS STDOUT-TEXT STDERR-TEXT COMMAND...: texts are substrings, "" means empty, "*" anything
expect() {
    status=$1 out=$2 err=$3
    shift 3
    timeout 60 "$@" >o 2>e </dev/null
    got=$?
    ok=yes
    [ $got = "$status" ] || ok="exit $got, not $status"
    for pair in "o:$out" "e:$err"; do
        f=${pair%%:*} t=${pair#*:}
        if [ -z "$t" ]; then [ -s $f ] && ok="$f is not empty"
        elif [ "$t" != '*' ]; then grep -qF -- "$t" $f || ok="$f lacks '$t'"; fi
    done
    if [ "$ok" != yes ]; then echo "cmd: $*: $ok"; head -c 600 o; head -c 600 e; bad=1; fi
}
expect 0 "gol version" "" "$gol" version
expect 0 "usage" "" "$gol" help
expect 2 "" "unknown flag" "$gol" --nonsense
expect 2 "" "unknown command" "$gol" frobnicate
expect 0 "3" "" "$gol" -e 'fmt.Println(1+2)'
expect 2 "" "no code" "$gol" -e
expect 7 "" "" "$gol" -e 'os.Exit(7)'
expect 2 "" "panic: oops" "$gol" -e 'panic("oops")'
expect 1 "" "undefined: x" "$gol" -e 'println(x)'
echo 'fmt.Println(os.Args[1:])' >a.gol
expect 0 "[x y]" "" "$gol" a.gol x y
expect 0 "[-v]" "" "$gol" run a.gol -v
expect 0 "" "" "$gol" check a.gol
expect 0 "RET" "" "$gol" dis a.gol
echo 'for i := uint(0); i < 1; i++ { println(os.Args[i][i]) }' >u.gol
expect 0 "STR_IDX" "" "$gol" dis u.gol # the line entry of an unsigned index carries a flag
printf '#!/usr/bin/env gol\nfmt.Println("script")\n' >s.gol
chmod +x s.gol
expect 0 "script" "" "$gol" ./s.gol
: >empty.gol
expect 1 "" "empty.gol:1:1" "$gol" empty.gol
head -c 3000 /dev/urandom >binary.gol
expect 1 "" "binary.gol:1:" "$gol" binary.gol
printf 'package main\nfunc main() { s := "a\377b"; _ = s }\n' >utf8.gol
expect 1 "" "utf8.gol:2:" "$gol" utf8.gol
printf 'package main\nfunc main() { \000 }\n' >nul.gol
expect 1 "" "nul.gol:2:15: invalid NUL character" "$gol" nul.gol
{ printf 'package main\nfunc main() { x := 0; _ = x; '; yes 'x++; ' | tr -d '\n' | head -c 10000000; printf '}\n'; } >long.gol
expect 0 "" "" "$gol" long.gol
{ printf 'package main\nvar x = '; yes '(' | tr -d '\n' | head -c 100000; printf '1'; yes ')' | tr -d '\n' | head -c 100000; printf '\nfunc main() {}\n'; } >deep.gol
expect 1 "" "deep.gol:2:" "$gol" deep.gol
{ printf 'package main\nfunc main() '; yes '{' | tr -d '\n' | head -c 100000; yes '}' | tr -d '\n' | head -c 100000; echo; } >deep2.gol
expect 1 "" "deep2.gol:2:" "$gol" deep2.gol
mkdir d
expect 1 "" "d" "$gol" d
expect 1 "" "no such file" "$gol" missing.gol
expect 1 "" "is not in std" "$gol" -e 'import "nosuch"
nosuch.X()'
printf 'package main\nfunc helper() {}\n' >nomain.gol
expect 1 "" "function main is undeclared in the main package" "$gol" nomain.gol
mkdir m m/geom m/other
printf 'module example.com/m\n\ngo 1.24\n' >m/go.mod
printf 'package main\nimport ("fmt"; "example.com/m/geom"; o "example.com/m/other")\nfunc main() { fmt.Println(geom.Area(2, 3), o.Name) }\n' >m/main.go
printf 'package geom\n// Area multiplies.\nfunc Area(a, b int) int { return mul(a, b) }\n' >m/geom/geom.go
printf 'package geom\nfunc mul(a, b int) int { return a * b }\n' >m/geom/mul.go
printf 'package other\nvar Name = "other"\n' >m/other/o.go
expect 0 "6 other" "" "$gol" run m
expect 0 "6 other" "" "$gol" run m/main.go
printf 'package other\nimport "example.com/m/geom"\nvar Name = geom.Area\n' >m/other/o.go
printf 'package geom\nimport "example.com/m/other"\nvar Area = other.Name\nfunc mul(a, b int) int { return a * b }\n' >m/geom/geom.go
expect 1 "" "import cycle not allowed" "$gol" run m
printf 'package main\nfunc main() { for { println("x") } }\n' >loop.gol
timeout 60 "$gol" loop.gol 2>e & pid=$!
sleep 1
kill -INT "$(pgrep -P $pid 2>/dev/null || echo $pid)" 2>/dev/null
wait $pid
[ $? -ge 124 ] && [ -s e ] || { echo "cmd: SIGINT did not end the program"; bad=1; }
"$gol" -e 'for { fmt.Println("y") }' 2>e | head -n 1 >o
[ "$(cat o)" = y ] && [ ! -s e ] || { echo "cmd: closed pipe: $(head -c 200 e)"; bad=1; }
echo 'fmt.Println("from stdin")' | "$gol" - >o 2>e
grep -q 'from stdin' o || { echo "cmd: gol - failed: $(head -c 300 e)"; bad=1; }
exit $bad
