#!/bin/sh
# diag.check.sh - how diagnostics look: the caret stands below its span whatever the line holds, colour is for
# terminals only, names that are nearly right are suggested.
. tests/prologue.sh
# shows NAME EXPECTED: gol check NAME prints exactly that
shows() {
    timeout 60 "$gol" check "$1" >out 2>&1
    printf '%s\n' "$2" >want
    cmp -s want out || { echo "diag: $1:"; diff want out; bad=1; }
}
printf 'package main\n\nfunc main() {\n\ts := "日本語"; nope(s)\n\t/* é́ */ 変数名()\n\tx :=\t1; x =\t"a"\n}\n' >wide.gol
shows wide.gol 'wide.gol:4:20: undefined: nope
    	s := "日本語"; nope(s)
    	               ^~~~
wide.gol:5:13: undefined: 変数名
    	/* é́ */ 変数名()
    	        ^~~~~~
wide.gol:6:14: cannot use "a" (untyped string constant) as int value in assignment
    	x :=	1; x =	"a"
    	    	      	^~~'
printf 'package main\n\nfunc main() {\n\tcount, total := 1, 2\n\tprintln(cuont, Total, x, count, total)\n\tvar b []byte = "\\xff"; _ = b\n}\n' >near.gol
shows near.gol 'near.gol:5:10: undefined: cuont
    	println(cuont, Total, x, count, total)
    	        ^~~~~
    fix: did you mean count?
near.gol:5:17: undefined: Total
    	println(cuont, Total, x, count, total)
    	               ^~~~~
    fix: did you mean total?
near.gol:5:24: undefined: x
    	println(cuont, Total, x, count, total)
    	                      ^
near.gol:6:17: cannot use "\xff" (untyped string constant) as []byte value in variable declaration
    	var b []byte = "\xff"; _ = b
    	               ^~~~~~'
# a line of 10 MB is shown around the caret
{ printf 'package main\nfunc main() { x := 0; '; yes 'x++; ' | tr -d '\n' | head -c 10000000; printf 'nope()}\n'; } >long.gol
timeout 60 "$gol" check long.gol >out 2>&1
grep -q '^long.gol:2:10000023: undefined: nope$' out || { echo "diag: long line: $(head -c 300 out)"; bad=1; }
[ "$(wc -c <out)" -lt 600 ] || { echo "diag: long line: $(wc -c <out) bytes"; bad=1; }
line=$(sed -n 2p out) caret=$(sed -n 3p out)
before=${caret%%^*}
case $line in *nope*) [ "${#before}" = "$(printf '%s' "${line%%nope*}" | wc -c)" ] ;; *) false ;; esac ||
    { echo "diag: long line: the caret is not below nope"; cat out; bad=1; }
# pipes get no colour
LC_ALL=C grep -q "$(printf '\033')" out && { echo "diag: colour in a pipe"; bad=1; }
exit $bad
