#!/bin/sh
# gol run -sched: a seed is a schedule, seeds differ, virtual time, what is refused.
. tests/prologue.sh
fail() { echo "sched: $*"; bad=1; }

cat >racy.gol <<'X'
// Goroutines, selects, maps, timers, locks, random numbers: everything that could come out differently.
import ("fmt"; "math/rand"; "runtime"; "sync"; "time")
a, b := make(chan int), make(chan int)
out := []int{}
var mu sync.Mutex
var wg sync.WaitGroup
for i := range 6 {
	wg.Add(1)
	go func() {
		defer wg.Done()
		for j := range 10 {
			select {
			case a <- i*100 + j:
			case b <- -(i*100 + j):
			}
			mu.Lock()
			out = append(out, 10000+i)
			mu.Unlock()
			if i == 3 {
				time.Sleep(time.Duration(rand.Intn(1000)) * time.Hour)
			}
			if i == 4 {
				for range 30000 { _ = i }
				runtime.GC()
			}
		}
	}()
}
done := make(chan bool)
go func() { wg.Wait(); close(done) }()
for end := false; !end; {
	select {
	case v := <-a: out = append(out, v)
	case v := <-b: out = append(out, v)
	case <-done: end = true
	}
}
m := map[string]int{}
for i := range 50 { m[fmt.Sprint(i)] = i }
for k := range m { out = append(out, m[k]) }
fmt.Println(out, time.Now(), runtime.NumGoroutine())
X
"$gol" run -sched=seed:1 racy.gol >first 2>&1 || fail "seed:1: $(head -c 300 first)"
i=0
while [ $i -lt 50 ]; do
    GOMAXPROCS=$((i % 4 + 1)) "$gol" run -sched=seed:1 racy.gol >again 2>&1
    cmp -s first again || { fail "run $i with seed 1 differs"; diff first again | head -c 300; break; }
    i=$((i + 1))
done
for seed in 2 3 4 5; do "$gol" run -sched=seed:$seed racy.gol; done >others 2>&1
[ "$(cat first others | sort -u | wc -l)" -ge 4 ] || fail "five seeds give the same schedule"
for seed in 1 2 3; do
    printf 'c := make(chan int); go func() { for i := range 1000 { c <- i }; close(c) }()\ns := 0; for v := range c { s += v }; println(s)\n' >sum.gol
    [ "$("$gol" run -sched=perturb:$seed sum.gol 2>&1)" = 499500 ] || fail "perturb:$seed"
done

# Hours pass at once, in order; a loop that only looks at a variable or the clock ends.
cat >clock.gol <<'X'
import ("fmt"; "time")
start := time.Now()
fmt.Println(start.UTC().Truncate(time.Second))
t := time.NewTimer(3 * time.Hour)
go func() { time.Sleep(2 * time.Hour); fmt.Println("two") }()
<-t.C
fmt.Println("three", time.Since(start).Round(time.Minute))
stop := false
time.AfterFunc(time.Millisecond, func() { stop = true })
for !stop { }
for deadline := time.Now().Add(time.Millisecond); time.Now().Before(deadline); { }
fmt.Println("end")
X
want='2009-11-10 23:00:00 +0000 UTC
two
three 3h0m0s
end'
[ "$("$gol" run -sched=seed:7 clock.gol 2>&1)" = "$want" ] || fail "virtual time: $("$gol" run -sched=seed:7 clock.gol 2>&1)"

# A deadlock is one, with the same report.
printf 'c := make(chan int)\n<-c\n' >dead.gol
"$gol" run -sched=seed:3 dead.gol 2>e
[ $? = 2 ] && grep -q 'all goroutines are asleep - deadlock!' e || fail "deadlock"

printf 'import "os"\nos.Pipe()\n' >pipe.gol
printf 'import ("os"; "os/signal")\nsignal.Notify(make(chan os.Signal, 1), os.Interrupt)\n' >signal.gol
for f in pipe signal; do
    "$gol" run -sched=seed:1 $f.gol 2>e
    [ $? = 2 ] && grep -q 'with -sched=seed' e || fail "$f is not refused: $(cat e)"
done
echo 'import ("fmt"; "os"; "io"); b, _ := io.ReadAll(os.Stdin); fmt.Println(string(b)); os.WriteFile("x", b, 0o600)' >io.gol
[ "$(echo hello | "$gol" run -sched=seed:1 io.gol 2>&1 | head -n 1)" = hello ] && [ "$(cat x)" = hello ] || fail "files"
for f in seed seed: seed:x seed:1x seed:-1 seed:99999999999999999999 perturb:x other:1; do
    "$gol" run -sched=$f dead.gol 2>e
    [ $? = 2 ] && grep -q 'want -sched=seed:N' e || fail "-sched=$f"
done
exit $bad
