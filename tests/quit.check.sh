#!/bin/sh
# SIGQUIT: "SIGQUIT: quit", all goroutines, exit status 2, wherever the threads are.
. tests/prologue.sh
mkfifo in
# try NAME CODE: the program says "ready" when it may be asked
try() {
    printf 'import ("os"; "time")\nvar _ = os.Stdin\nvar _ = time.Second\nc := make(chan int)\ngo func() { <-c }()\n%s\n' "$2" >$1.gol
    : >o
    "$gol" $1.gol <in >o 2>e &
    pid=$!
    exec 3>in
    n=0
    while ! grep -q ready o && [ $n -lt 600 ]; do sleep 0.05; n=$((n + 1)); done
    [ $n -lt 600 ] || kill -KILL $pid
    kill -QUIT $pid
    wait $pid
    status=$?
    exec 3>&-
    if [ $status != 2 ] || [ "$(head -n 1 e)" != "SIGQUIT: quit" ] ||
        ! grep -q '^goroutine 1 \[' e || ! grep -q '^goroutine [0-9]* \[chan receive\]:' e; then
        echo "quit: $1: status $status"
        head -c 600 e
        bad=1
    fi
}
try sleeping 'os.Stdout.WriteString("ready\n"); time.Sleep(time.Hour)'
try running 'os.Stdout.WriteString("ready\n"); for { }'
try both 'go func() { for { } }(); os.Stdout.WriteString("ready\n"); for { }'
try reading 'os.Stdout.WriteString("ready\n"); os.Stdin.Read(make([]byte, 1))'
try waiting 'go func() { os.Stdout.WriteString("ready\n"); for { time.Sleep(time.Millisecond) } }(); select { }'
exit $bad
