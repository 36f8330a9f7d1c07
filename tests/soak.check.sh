#!/bin/sh
# soak.check.sh - some seconds of tests/soak/soak.gol (make soak: an hour, SOAK_SECONDS), with 1, 2 and
# 8 Ps, plainly and with a perturbed schedule.
set -u
part=$((${SOAK_SECONDS:-6} / 6))
for procs in 1 2 8; do
    for debug in '' schedstress=1; do
        out=$(GODEBUG=$debug GOMAXPROCS=$procs "${GOL:-./gol}" run tests/soak/soak.gol "$part")
        if [ "$out" != ok ]; then
            echo "GOMAXPROCS=$procs GODEBUG=$debug: $out"
            exit 1
        fi
    done
done
