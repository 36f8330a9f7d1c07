#!/bin/sh
# run.sh BUILD SECONDS [TARGET...] - the fuzz targets one after the other, SECONDS together. New inputs
# stay in BUILD/corpus-TARGET, what crashes or is slow in BUILD/bugs. Last line "N passed, N failed".
# SEEDS: folders whose .gol and .go files are seeds besides those of tests/ and examples/.
set -u
build=$1 seconds=$2
shift 2
[ $# = 0 ] && set -- scan parse check compile live run
each=$((seconds / $#)) passed=0 failed=0
[ "$each" -gt 0 ] || each=1
mkdir -p "$build/bugs" "$build/seeds"
# Go's own tree is worth reading in when there is time for it.
tree=/usr/share/go-1.19/test
[ "$seconds" -ge 600 ] && [ -d $tree ] && SEEDS="${SEEDS:-} $tree"
for dir in tests examples ${SEEDS:-}; do
    find "$dir" \( -name '*.gol' -o -name '*.go' \) -size -32k | while read -r f; do
        to=$build/seeds/$(echo "$f" | tr / _)
        [ -e "$to" ] || cp "$f" "$to"
    done
done
export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:allocator_may_return_null=1:${ASAN_OPTIONS:-}
for target; do
    mkdir -p "$build/corpus-$target"
    before=$(find "$build/bugs" -type f | wc -l)
    "$build/fuzz-$target" -max_total_time="$each" -rss_limit_mb=4096 -malloc_limit_mb=4096 -timeout=120 \
        -max_len=65536 -reload=0 -verbosity="${VERBOSITY:-0}" -close_fd_mask=3 -dict=tests/fuzz/go.dict \
        -artifact_prefix="$build/bugs/$target-" ${FUZZ_ARGS:-} \
        "$build/corpus-$target" "$build/seeds" </dev/null >"$build/$target.log" 2>&1
    status=$?
    if [ $status = 0 ] && [ "$(find "$build/bugs" -type f | wc -l)" = "$before" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL fuzz-$target, exit status $status:"
        grep -aE 'ERROR|SUMMARY|Assertion|^ +#[0-9] |fuzz:|Test unit' "$build/$target.log" | head -n 20
    fi
    echo "fuzz-$target: $each s, $(find "$build/corpus-$target" -type f | wc -l) inputs in its corpus"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
