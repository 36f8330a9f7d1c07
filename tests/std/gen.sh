#!/bin/sh
# Writes the expectations of the scripts named: what Go prints for them. Run in this folder.
for f in "$@"; do
    d=$(mktemp -d)
    sed '/^\/\/ Output:$/,$d' "$f" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' >"$d/main.go"
    if (cd "$d" && env $(sed -n "s,^// env: ,,p" main.go) go run main.go >out); then
        { cat "$d/main.go"; echo; echo "// Output:"; sed -e 's,^,// ,' -e 's, *$,,' "$d/out"; } >"$f"
    else
        echo "$f: go failed"
    fi
    rm -r "$d"
done
