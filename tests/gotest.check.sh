#!/bin/sh
# gol test: what it prints and its exit codes, as Go's. Times are masked.
. tests/prologue.sh
export GOMAXPROCS=2 NO_COLOR=1
mask() {
    sed -E -e 's/\(([0-9]+)s\)/(Ns)/' -e 's/[0-9]+\.[0-9]+s/0.00s/g' -e 's/"Time":"[^"]*"/"Time":""/' -e 's/"Elapsed":[0-9.e-]+/"Elapsed":0/' \
        -e 's/^(goroutine) [0-9]+/\1 N/' -e 's/0x[0-9a-f]+/0x/' -e "s|$(pwd -P)/||g"
}
# run STATUS ARG...: what `gol test ARG...` prints, both streams, must be standard input
run() {
    status=$1
    shift
    cat >want
    timeout 120 "$gol" test "$@" >got.raw 2>&1 </dev/null
    code=$?
    mask <got.raw >got
    if [ $code != "$status" ] || ! cmp -s want got; then
        echo "gol test $*: exit $code, want $status"
        diff want got
        bad=1
    fi
}
# has STATUS TEXT ARG...: its output contains TEXT, which may have newlines
has() {
    status=$1 text=$2
    shift 2
    timeout 120 "$gol" test "$@" >got.raw 2>&1 </dev/null
    code=$?
    mask <got.raw >got
    case $(cat got) in
    *"$text"*) [ $code = "$status" ] && return ;;
    esac
    echo "gol test $*: exit $code, want $status and: $text"
    cat got
    bad=1
}

echo 'module example.com/m' >go.mod
mkdir -p a b c cmd none bad
cat >a/a.go <<'X'
package a

func Add(a, b int) int { return a + b }
func hidden() string   { return "h" }
X
cat >a/a_test.go <<'X'
package a

import (
	"fmt"
	"testing"
)

func TestAdd(t *testing.T) {
	if Add(1, 2) != 3 || hidden() != "h" {
		t.Fatal("bad")
	}
	t.Logf("multi\nline %d\n", 3)
}

func helper(t *testing.T) {
	t.Helper()
	t.Errorf("from helper")
}

func TestSub(t *testing.T) {
	t.Run("one", func(t *testing.T) { t.Log("in one") })
	t.Run("two words", func(t *testing.T) {
		helper(t)
		t.Run("deep", func(t *testing.T) { t.Error("deep\nerror") })
	})
	t.Run("", func(t *testing.T) { t.Skip("skipped", 1) })
	t.Run("one", func(t *testing.T) {})
	t.Log("after")
}

func TestPar(t *testing.T) {
	gate := make(chan bool)
	t.Run("x", func(t *testing.T) {
		t.Parallel()
		<-gate
		t.Log("x")
	})
	t.Run("y", func(t *testing.T) {
		t.Parallel()
		t.Cleanup(func() { close(gate) })
	})
	t.Cleanup(func() { t.Log("cleanup") })
}

func ExampleAdd() {
	fmt.Println(Add(1, 2))
	// Output: 3
}

func ExampleAdd_wrong() {
	fmt.Println("4")
	// Output:
	// 3
}

func ExampleAdd_unordered() {
	fmt.Println("b\na") // "not this: Output"

	// Unordered output:
	// a
	// b
}

func ExampleNone() { panic("never run") }

func FuzzAdd(f *testing.F) {
	f.Add(1, "x")
	f.Add(2, "y")
	f.Fuzz(func(t *testing.T, n int, s string) {
		if n == 2 {
			t.Errorf("two %q", s)
		}
	})
}
X
cat >a/x_test.go <<'X'
package a_test

import (
	"testing"

	"example.com/m/a"
	"example.com/m/b"
)

func TestExternal(t *testing.T) { t.Log(a.Add(2, 3), b.Twice(4)) }
X
cat >b/b.go <<'X'
package b

import "example.com/m/a"

func Twice(n int) int { return a.Add(n, n) }
X
cat >c/c_test.gol <<'X'
package c

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

var extra = flag.String("extra", "", "a flag of the tests")

func TestMain(m *testing.M) {
	flag.Parse()
	fmt.Println("setup", *extra, flag.Args())
	code := m.Run()
	fmt.Println("teardown", code)
	os.Exit(code)
}

func TestC(t *testing.T) {
	if wd, _ := os.Getwd(); wd != os.Getenv("PWD") {
		t.Error(wd)
	}
	t.Setenv("C_TEST", "1")
	t.Chdir(t.TempDir())
}
X
cat >cmd/main.go <<'X'
package main

func main()       { println(answer()) }
func answer() int { return 42 }
X
cat >cmd/main_test.go <<'X'
package main

import "testing"

func TestAnswer(t *testing.T) {
	if answer() != 42 {
		t.Fatal()
	}
}
X
cat >bad/bad_test.go <<'X'
package bad

import "testing"

func TestE(t *testing.T) { undefined1() }
X
run 1 ./a ./b ./c ./cmd <<'X'
--- FAIL: TestSub (0.00s)
    --- FAIL: TestSub/two_words (0.00s)
        a_test.go:23: from helper
        --- FAIL: TestSub/two_words/deep (0.00s)
            a_test.go:24: deep
                error
    a_test.go:28: after
--- FAIL: FuzzAdd (0.00s)
    --- FAIL: FuzzAdd/seed#1 (0.00s)
        a_test.go:71: two "y"
--- FAIL: ExampleAdd_wrong (0.00s)
got:
4
want:
3
FAIL
FAIL	example.com/m/a	0.00s
?   	example.com/m/b	[no test files]
ok  	example.com/m/c	0.00s
ok  	example.com/m/cmd	0.00s
FAIL
X
run 0 -v -skip 'Sub/two|wrong|Fuzz|Par' ./a <<'X'
=== RUN   TestAdd
    a_test.go:12: multi
        line 3
--- PASS: TestAdd (0.00s)
=== RUN   TestSub
=== RUN   TestSub/one
    a_test.go:21: in one
=== RUN   TestSub/#00
    a_test.go:26: skipped 1
=== RUN   TestSub/one#01
=== NAME  TestSub
    a_test.go:28: after
--- PASS: TestSub (0.00s)
    --- PASS: TestSub/one (0.00s)
    --- SKIP: TestSub/#00 (0.00s)
    --- PASS: TestSub/one#01 (0.00s)
=== RUN   TestExternal
    x_test.go:10: 5 8
--- PASS: TestExternal (0.00s)
=== RUN   ExampleAdd
--- PASS: ExampleAdd (0.00s)
=== RUN   ExampleAdd_unordered
--- PASS: ExampleAdd_unordered (0.00s)
PASS
ok  	example.com/m/a	0.00s
X
has 0 '=== PAUSE TestPar/x
=== RUN   TestPar/y
=== PAUSE TestPar/y
=== CONT  ' -v -run Par ./a
has 0 '--- PASS: TestPar/y (0.00s)
' -v -run Par -parallel 2 ./a
run 0 -list . ./a ./cmd <<'X'
TestAdd
TestSub
TestPar
TestExternal
FuzzAdd
ExampleAdd
ExampleAdd_wrong
ExampleAdd_unordered
ok  	example.com/m/a	0.00s
TestAnswer
ok  	example.com/m/cmd	0.00s
X
run 0 -v -run C ./c -extra=E -args f <<'X'
setup E [f]
=== RUN   TestC
--- PASS: TestC (0.00s)
PASS
teardown 0
ok  	example.com/m/c	0.00s
X
run 0 -run Nothing ./cmd <<'X'
ok  	example.com/m/cmd	0.00s [no tests to run]
X
has 1 '# example.com/m/bad [example.com/m/bad.test]
bad/bad_test.go:5:28: undefined: undefined1' ./bad
has 1 'FAIL	example.com/m/bad [build failed]
FAIL' ./bad
has 0 'ok  	example.com/m/cmd	0.00s' example.com/m/cmd
has 1 'gol: no .gol or .go files in ./none' ./none
has 2 'invalid value "x" for flag -p' -p x ./c
has 1 '?   	example.com/m/b	[no test files]
' ./...

# events
run 0 -json ./cmd <<'X'
{"Time":"","Action":"start","Package":"example.com/m/cmd"}
{"Time":"","Action":"run","Package":"example.com/m/cmd","Test":"TestAnswer"}
{"Time":"","Action":"output","Package":"example.com/m/cmd","Test":"TestAnswer","Output":"=== RUN   TestAnswer\n"}
{"Time":"","Action":"output","Package":"example.com/m/cmd","Test":"TestAnswer","Output":"--- PASS: TestAnswer (0.00s)\n"}
{"Time":"","Action":"pass","Package":"example.com/m/cmd","Test":"TestAnswer","Elapsed":0}
{"Time":"","Action":"output","Package":"example.com/m/cmd","Output":"PASS\n"}
{"Time":"","Action":"output","Package":"example.com/m/cmd","Output":"ok  \texample.com/m/cmd\t0.00s\n"}
{"Time":"","Action":"pass","Package":"example.com/m/cmd","Elapsed":0}
X
has 1 '"Action":"fail","Package":"example.com/m/a","Test":"TestSub/two_words/deep","Elapsed":0}' -json ./a
has 0 '"Action":"skip","Package":"example.com/m/b","Elapsed":0}' -json ./b

mkdir -p fake
cat >fake/f_test.go <<'X'
package fake

import (
	"fmt"
	"testing"
)

func TestFake(t *testing.T) {
	fmt.Println("--- FAIL: TestFake (0.00s)")
	fmt.Println("PASS")
	fmt.Print("no newline")
}
X
run 0 -json ./fake <<'X'
{"Time":"","Action":"start","Package":"example.com/m/fake"}
{"Time":"","Action":"run","Package":"example.com/m/fake","Test":"TestFake"}
{"Time":"","Action":"output","Package":"example.com/m/fake","Test":"TestFake","Output":"=== RUN   TestFake\n"}
{"Time":"","Action":"output","Package":"example.com/m/fake","Test":"TestFake","Output":"--- FAIL: TestFake (0.00s)\n"}
{"Time":"","Action":"output","Package":"example.com/m/fake","Test":"TestFake","Output":"PASS\n"}
{"Time":"","Action":"output","Package":"example.com/m/fake","Test":"TestFake","Output":"no newline"}
{"Time":"","Action":"output","Package":"example.com/m/fake","Test":"TestFake","Output":"--- PASS: TestFake (0.00s)\n"}
{"Time":"","Action":"pass","Package":"example.com/m/fake","Test":"TestFake","Elapsed":0}
{"Time":"","Action":"output","Package":"example.com/m/fake","Output":"PASS\n"}
{"Time":"","Action":"output","Package":"example.com/m/fake","Output":"ok  \texample.com/m/fake\t0.00s\n"}
{"Time":"","Action":"pass","Package":"example.com/m/fake","Elapsed":0}
X

# what ends badly
mkdir -p end
cat >end/end_test.go <<'X'
package end

import (
	"os"
	"runtime"
	"testing"
)

func TestOK(t *testing.T) {}

func TestPanic(t *testing.T) {
	t.Run("sub", func(t *testing.T) {
		t.Log("before")
		var m map[string]int
		m["x"] = 1
	})
}

func TestDead(t *testing.T) {
	t.Run("inner", func(t *testing.T) { <-make(chan int) })
}

func TestLoop(t *testing.T) {
	for {
	}
}

func TestExit0(t *testing.T)  { os.Exit(0) }
func TestExit3(t *testing.T)  { os.Exit(3) }
func TestGoexit(t *testing.T) { runtime.Goexit() }

func TestOuter(t *testing.T) {
	t.Run("sub", func(*testing.T) { t.Fatal("of the parent") })
	t.Log("not reached")
}

func TestAfter(t *testing.T) {
	done := make(chan bool)
	t.Run("sub", func(t *testing.T) {
		go func() {
			<-done
			t.Log("late")
			done <- true
		}()
	})
	done <- true
	<-done
	t.Error("shows")
}
X
has 1 '--- FAIL: TestPanic (0.00s)
    --- FAIL: TestPanic/sub (0.00s)
        end_test.go:13: before
panic: assignment to entry in nil map [recovered]' -run Panic ./end
has 1 'fatal error: all goroutines are asleep - deadlock!
running tests:
	TestDead (Ns)
	TestDead/inner (Ns)

goroutine N [chan receive]:' -run Dead ./end
has 1 'goroutine N [chan receive]:
example.com/m/end.TestDead.func1(' -run Dead -timeout 0 ./end
has 1 'panic: test timed out after 1s
running tests:
	TestLoop (Ns)

goroutine N [running]:' -run Loop -timeout 1s ./end
has 1 'panic: unexpected call to os.Exit(0) during test [recovered]' -run Exit0 ./end
run 1 -run Exit3 ./end <<'X'
exit status 3
FAIL	example.com/m/end	0.00s
FAIL
X
has 1 'panic: test executed panic(nil) or runtime.Goexit' -run Goexit ./end
has 1 'subtest may have called FailNow on a parent test' -run Outer ./end
run 1 -run After ./end <<'X'
--- FAIL: TestAfter (0.00s)
    end_test.go:42: late
    end_test.go:48: shows
FAIL
FAIL	example.com/m/end	0.00s
FAIL
X

# benchmarks
mkdir -p bench
cat >bench/b_test.go <<'X'
package bench

import "testing"

var sink []byte

func BenchmarkLoop(b *testing.B) {
	n := 0
	for b.Loop() {
		n++
	}
	if n != b.N {
		b.Fatal(n, b.N)
	}
}

func BenchmarkSub(b *testing.B) {
	b.Run("alloc", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			sink = make([]byte, 100)
		}
		b.ReportMetric(3.5, "foo/op")
		b.ReportMetric(7, "ns/op")
	})
	b.Run("par", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
			}
		})
		b.ReportMetric(0, "ns/op")
	})
	b.Run("fail", func(b *testing.B) { b.Fatal("no good") })
}
X
cd bench || exit 1
timeout 120 "$gol" test -bench . -benchtime 50x >got 2>&1
sed -E -e '/^cpu: /d' -e '/^BenchmarkLoop/s/ +[0-9.]+ ns/ T ns/' -e 's/[0-9]+\.[0-9]+s/0.00s/' -e 's/[0-9]+ B/N B/' got >masked
cat >want <<'X'
goos: linux
goarch: amd64
pkg: example.com/m/bench
BenchmarkLoop-2   	      50	 T ns/op
BenchmarkSub/alloc-2         	      50	         7.000 ns/op	         3.500 foo/op	     N B/op	       1 allocs/op
BenchmarkSub/par-2           	      50
--- FAIL: BenchmarkSub/fail
    b_test.go:33: no good
--- FAIL: BenchmarkSub
FAIL
exit status 1
FAIL	example.com/m/bench	0.00s
X
cmp -s want masked || { diff want masked; bad=1; }
cd ..

# files, scripts, and folders outside of a module
rm go.mod
cat >s.gol <<'X'
#!/usr/bin/env gol
fmt.Println("not in a test")

func double(n int) int { return 2 * n }

func TestDouble(t *testing.T) { t.Log(double(4), strings.ToUpper("x")) }
X
run 0 -v s.gol <<'X'
=== RUN   TestDouble
    s.gol:6: 8 X
--- PASS: TestDouble (0.00s)
PASS
ok  	command-line-arguments	0.00s
X
mkdir sort
printf 'package sort\n\nimport "testing"\n\nfunc TestS(t *testing.T) {}\nfunc TestBad(n int)     {}\n' >sort/s_test.go
has 1 'sort/s_test.go:6:6: wrong signature for TestBad, must be: func TestBad(t *testing.T)' ./sort
exit $bad
