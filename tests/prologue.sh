# prologue.sh - sourced at the top of a shell test, from the tree's top folder: $gol, an absolute path; a
# folder of its own, $dir, which is the current one and goes away at the end; $bad, 0.
set -u
gol=${GOL:-./gol}
case $gol in /*) ;; *) gol=$PWD/$gol ;; esac
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
bad=0
