#!/bin/sh
# Sessions: gol -i through a pipe, and, where tmux is, the prompt at a terminal.
. tests/prologue.sh
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

name=looking
cat >want <<'END'
func f(a int) int
    f adds one.
    And more.
type T struct { A int }
    T is a type.
func (t *T) M() string
var x int
func ToUpper(s string) string
    ToUpper maps s to upper case.
func f() string
END
session 1 "no declaration of nothing" <<'END'
x := 41
// f adds one.
// And more.
func f(a int) int {
    return a + 1
}
// T is a type.
type T struct { A int }; func (t *T) M() string { return "" }
:doc f
:doc T
:doc x
:doc strings.ToUpper
func f() string { return "" }
:doc f
:doc nothing
END
printf '%s\n' 'func f() int' '    f has a comment.' '7 (int)' '14 (int)' '14 (int)' >want
session 0 "" <<'END'
x := 7
// f has a comment.
func f() int {
    return 2 * x
}
:doc f
x
f()
x = 5 // and another
x = 7
:save saved
:reset
:load saved
f()
END
printf '%s\n' '// gol session: gol -i <FILE, or :load FILE' '' 'x := 7' '// f has a comment.' 'func f() int {' \
    '    return 2 * x' '}' 'x = 5 // and another' 'x = 7' >want
cmp -s saved want || { complain "the saved session differs"; diff want saved; }
printf '%s\n' ':bench 1+1' ':bench []byte(os.Args[0])' ':bench missing' | timeout 60 "$gol" -i >o 2>e
[ "$(grep -c 'calls .* ns/op .* B/op .* allocs/op' o)" = 2 ] || { complain ":bench"; cat o e; }
sed -n 2p o | grep -q ' 1 allocs/op' || { complain ":bench counts allocations"; cat o; }
grep -q 'undefined: missing' e || { complain ":bench of an error"; cat e; }
echo 'x + 1' >edited
printf '%s\n' 'x + 1' '2 (int)' >want
EDITOR='cp edited' session 0 "" <<'END'
x := 1
:edit
END
# A value of many bytes comes in parts.
printf '%s\n' 'strings.Repeat("a", 9000)' :more :more :more | timeout 60 "$gol" -i >o
[ "$(head -n 1 o | tail -c 32)" = 'a... (9002 bytes in all; :more)' ] || complain "a long value: $(head -n 1 o | tail -c 40)"
[ "$(tail -n 1 o)" = 'no more' ] || complain "no end of :more"
[ "$(sed 's/\.\.\. .*//' o | tr -cd a | wc -c)" = 9000 ] || complain "parts of a long value"

# As at a terminal: colours, and long values over several lines.
sed 's/~/\x1b/g' >want <<'END'
~[36m3~[0m~[2m (int)~[0m
main.T{
  A:~[36m1~[0m,
  B:[]string{~[32m"aaaaaaaaaaaaaaaaaaaaaaaaaaaa{,"~[0m, ~[32m"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"~[0m},
  C:[]int{
    ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m,
    ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m, ~[36m0~[0m,
  },
}
[]interface {}{~[36m1~[0m, ~[32m"x, {"~[0m, ~[33mtrue~[0m, interface {}(~[33mnil~[0m), ~[36m2.5~[0m}
END
session 0 "" <<'END'
gol__repl.Setup(true, true)
1+2
type T struct { A int; B []string; C []int }
T{1, []string{"aaaaaaaaaaaaaaaaaaaaaaaaaaaa{,", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}, make([]int, 35)}
[]any{1, "x, {", true, nil, 2.5}
END

name=kill
printf '%s\n' 'deferred 0' 'deferred 1' 'deferred 2' 'deferred 3' 'no goroutine 999' 'no goroutine 1' >want
session 0 "" <<'END'
ids, ends := make(chan int), make(chan int)
func number() (n int) { b := make([]byte, 99); fmt.Sscanf(string(b[:runtime.Stack(b, false)]), "goroutine %d", &n); return }
var never chan int
c := make(chan int)
go func() { defer func() { fmt.Println("deferred 0"); ends <- 0 }(); ids <- number(); <-c; fmt.Println("no") }()
gol__repl.Kill(<-ids); _ = <-ends
go func() { defer func() { fmt.Println("deferred 1"); ends <- 0 }(); ids <- number(); select { case c <- 1: case <-never: }; fmt.Println("no") }()
gol__repl.Kill(<-ids); _ = <-ends
go func() { defer func() { fmt.Println("deferred 2"); ends <- 0 }(); ids <- number(); for {} }()
gol__repl.Kill(<-ids); _ = <-ends
go func() { defer func() { fmt.Println("deferred 3"); ends <- 0 }(); ids <- number(); never <- 1; fmt.Println("no") }()
gol__repl.Kill(<-ids); _ = <-ends
select { case <-c: case c <- 1: default: }
:kill 999
:kill 1
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
    $t new-session -d -x 100 -y 50 "XDG_STATE_HOME=$dir/state NO_COLOR=1 EDITOR=./ed $gol; echo left; sleep 60"
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
    key 'c := make(chan int)' Enter '<-c' Enter; sleep 0.3; key C-c; on '<-c'; on '>>> '
    key ':ps' Enter; on 'no goroutines'
    key 'fmt.Printl' Tab '("tab")' Enter; on 'tab'
    key 'type M struct { Field int }; func (m M) Method() int { return 31 }' Enter 'm := M{}' Enter
    key 'm.Meth' Tab '()' Enter; on '31 (int)'
    key 'go func() { for { if _, err := os.Stat("go"); err == nil { fmt.Println("from behind"); return }; time.Sleep(1000000) } }()' Enter
    key C-l '300+'; on '300+'
    touch go; on 'from behind'
    key '7' Enter; on '307 (int)'
    [ "$(screen | grep -A 1 '^from behind')" = "$(printf 'from behind\n>>> 300+7')" ] ||
        { complain "output garbles the edited line"; screen | grep .; }
    key 'println("to stderr"); fmt.Println("to", "stdout")' Enter; on 'to stdout'
    key 'strings.ToUp' Tab Tab; on 'func ToUpper(s string) string'
    key '("c")' Enter; on '"C"'
    key 'strings.Has' Tab Tab; on 'func HasPrefix(s, prefix string) bool'
    key C-u 'm.F' Tab Tab; on 'm.Field int'
    key C-u 'make([]int, 3000)' Enter; on 'bytes in all; :more)'
    key ':more' Enter; on 'bytes left; :more)'
    printf '#!/bin/sh\necho "40000+2" >"$1"\n' >ed; chmod +x ed
    key ':edit' Enter; on '40002 (int)'
    key 'go func() { never := make(chan int); defer fmt.Println("deferred"); <-never }()' Enter ':ps' Enter
    on '[chan receive]'
    key ":kill $(screen | sed -n 's/^goroutine \([0-9]*\) \[chan receive.*/\1/p' | tail -n 1)" Enter
    on '>>> :kill'; on 'deferred'
    key 'gone' C-c; on '^C'
    key '2000+2' Enter; on '2002 (int)'
    key C-d; on 'left'
    grep -q '2000+2' state/gol/history || complain "no history"
    $t kill-server
fi
exit $bad
