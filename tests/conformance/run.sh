#!/bin/sh
# run.sh - Go's own test tree against gol: run.sh GOL [gotest's options and filters]
# GOTEST names the tree, if it is not where Debian's golang-1.19-src has it. Without options the whole
# tree runs and docs/conformance.md is written.
set -e
here=$(dirname "$0")
gol=$1
shift
for tree in "$GOTEST" /usr/share/go-1.19/test /usr/lib/go-1.19/test /usr/local/go/test; do
    if [ -n "$tree" ] && [ -d "$tree/fixedbugs" ]; then
        [ $# -gt 0 ] || set -- -table "$here/../../docs/conformance.md"
        ${CC:-cc} -std=gnu11 -O1 -o "${BUILD:-/tmp}/gotest" "$here/gotest.c"
        exec "${BUILD:-/tmp}/gotest" "$gol" "$tree" "$here" "$@"
    fi
done
echo "conformance: no Go test tree found (apt-get install golang-1.19-src, or set GOTEST)"
