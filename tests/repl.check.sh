#!/bin/sh
# Sessions: gol -i through a pipe, and, where tmux is, the prompt at a terminal.
set -u
gol=${GOL:-./gol}
case $gol in /*) ;; *) gol=$PWD/$gol ;; esac
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
bad=0
complain() { echo "repl: $*"; bad=1; }
# session STATUS STDERR-TEXT: entries on descriptor 0, expected output in the file want
session() {
    timeout 60 "$gol" -i >o 2>e
    got=$?
    [ $got = "$1" ] || complain "$name: exit $got, not $1"
    cmp -s o want || { complain "$name: output differs"; diff want o | head -n 20; }
    if [ -z "$2" ]; then [ -s e ] && { complain "$name: stderr is not empty"; head -c 600 e; }
    elif ! grep -qF -- "$2" e; then complain "$name: stderr lacks '$2'"; head -c 600 e; fi
}

name=values
cat >want <<'END'
3 (int)
"str"
[]int{1, 2}
map[string]int{"a":1}
main.T{A:1, b:"z"}
2 (int), "two"
nil
1 (main.Color)
struct { A int }{A:1}
END
session 0 "" <<'END'
1+2
"str"
[]int{1, 2}
map[string]int{"a": 1}
type T struct { A int; b string }
T{1, "z"}
func two() (int, string) { return 2, "two" }
two()
var err error
err
type Color int
const ( Red Color = iota; Green )
Green
struct{ A int }{1}
END

name=variables
printf '%s\n' '41 (int)' '42 (int)' '84 (int)' '12 (int)' nil 'true' '7 (int)' '9 (int)' '3' '6 (int)' >want
session 0 "" <<'END'
x := 41
x
x++
x
func twice() int { return 2 * x }
twice()
a, err := strconv.Atoi("12")
a
err
b, err := strconv.Atoi("no")
err != nil
unused := 1
var p *int = &unused
*p = 7
unused
if x > 1 {
    x = 9
} else {
    x = 8
}
x
z := 3; fmt.Println(z); z2 := z * 2; z2
END

name=redefinition
printf '%s\n' '1 (int)' '2 (int)' '1 (int)' '"new"' '{1 2} (main.P)' 'P1 (main.P)' '3 (int)' >want
session 0 "type P is redefined" <<'END'
func f() int { return 1 }
func g() int { return f() }
f()
func f() int { return 2 }
f()
g()
x := 1
x := "new"
x
type P struct { x, y int }
fmt.Print(P{1, 2}, " (main.P)\n")
func (p P) String() string { return fmt.Sprint("P", p.x) }
P{1, 2}
func (p P) Sum() int { return p.x + p.y }
P{1, 2}.Sum()
END

name=generics
printf '%s\n' '[]int{3}' '"q"' '2 (int)' '9 (int)' 'true' >want
session 0 "redefined" <<'END'
func one[E any](e E) []E { return []E{e} }
one(3)
type L[T any] struct { head *T; n int }
func (l *L[T]) Push(v T) { l.head = &v; l.n++ }
l := &L[string]{}
l.Push("p"); l.Push("q")
*l.head
l.n
type I interface { m() int }
type J struct{}
func (j J) m() int { return 9 }
var i I = J{}
i.m()
_, ok := i.(I)
ok
END

name=errors
printf '%s\n' '1 (int)' '1 (int)' >want
session 0 "undefined: undefinedname" <<'END'
x := 1
x := undefinedname
x
x := []int{1}[len(os.Args) + 5]
x
END
grep -q 'index out of range \[6\] with length 1' e || complain "no panic message"
grep -q '^goroutine [0-9]* \[running\]:' e || complain "no traceback"
: >want
echo 'panic("oops")' | session 1 "panic: oops"
echo '1 +' | session 1 "syntax error"
echo 'os.Exit(7)' | session 7 ""

name=goroutines
printf '%s\n' '5 (int)' 'true' '100 (int)' '2 (int)' >want
session 0 "panic: behind" <<'END'
c := make(chan int)
go func() { c <- 5 }()
<-c
n := 0
done := make(chan bool)
go func() { for n < 100 { n++; time.Sleep(100 * time.Microsecond) }; done <- true }()
<-done
n
go func() { panic("behind") }()
time.Sleep(20 * time.Millisecond)
1 + 1
END

name=commands
cat >lib.gol <<'END'
package main

var fromFile = 5

func main() { fmt.Println("loaded", fromFile) }
END
sed -i 's/^package main$/package main\n\nimport "fmt"/' lib.gol
printf '%s\n' 'func(a int) string' 'no goroutines' 'loaded 5' '5 (int)' >want
session 1 "undefined: fromFile" <<'END'
func f(a int) string { return "" }
:type f
:ps
:load lib.gol
fromFile
:reset
fromFile
END

name=packages
mkdir -p vendor/counter
printf 'package counter\nvar n int\nfunc Next() int { n++; return n }\n' >vendor/counter/c.gol
printf '%s\n' '1 (int)' '2 (int)' '3 (int)' '"A"' >want
session 0 "" <<'END'
import "counter"
counter.Next()
counter.Next()
import c "counter"
c.Next()
import s "strings"
s.ToUpper("a")
END

name=embedded
printf 'bytes' >file.txt
printf '%s\n' '"bytes"' '"bytes"' >want
session 0 "pattern nofile: no matching files found" <<'END'
//go:embed file.txt
var text string
text
import "embed"
//go:embed file.txt
var tree embed.FS
data, _ := tree.ReadFile("file.txt")
string(data)
//go:embed nofile
var none string
text = text
END

name=collections
GODEBUG=gcstress=20,clobberfree=1 timeout 60 "$gol" -i >o 2>&1 <<'END'
type N struct { next *N; s string }
var head *N
for i := 0; i < 200; i++ { head = &N{head, fmt.Sprint(i)} }
go func() { for { _ = make([]int, 10); runtime.Gosched() } }()
k := 0
for n := head; n != nil; n = n.next { k += len(n.s) }
k
head.s
END
[ "$(cat o)" = "$(printf '490 (int)\n"199"')" ] || { complain "$name"; head -c 600 o; }

# At a terminal: prompt, continuation, Ctrl-C in a loop and in a receive, history, Ctrl-D.
if command -v tmux >/dev/null; then
    name=terminal
    t="tmux -S $dir/sock -f /dev/null"
    $t new-session -d -x 100 -y 50 "XDG_STATE_HOME=$dir/state NO_COLOR=1 $gol; echo left; sleep 60"
    screen() { $t capture-pane -p; }
    # on TEXT: waits until the screen shows it
    on() {
        for _ in $(seq 100); do
            screen | grep -qF -- "$1" && return
            sleep 0.1
        done
        complain "the terminal does not show '$1'"
        screen | grep . | tail -n 20
    }
    key() { $t send-keys "$@"; }
    on '>>>'
    key '6*7' Enter; on '42 (int)'
    key 'func f() int {' Enter; on '...'
    key 'return 77' Enter '}' Enter 'f()' Enter; on '77 (int)'
    key 'for {}' Enter; sleep 0.3; key C-c; on 'interrupted'
    key '1000+1' Enter; on '1001 (int)'
    key 'c := make(chan int)' Enter '<-c' Enter; sleep 0.3; key C-c; on 'its goroutine waits'
    key ':ps' Enter; on '[chan receive]'
    key 'fmt.Printl' Tab '("tab")' Enter; on 'tab'
    key 'type M struct { Field int }; func (m M) Method() int { return 31 }' Enter 'm := M{}' Enter
    key 'm.Meth' Tab '()' Enter; on '31 (int)'
    key 'gone' C-c; on '^C'
    key '2000+2' Enter; on '2002 (int)'
    key C-d; on 'left'
    grep -q '2000+2' state/gol/history || complain "no history"
    $t kill-server
fi
exit $bad
