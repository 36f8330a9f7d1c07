#!/bin/sh
# lint.sh - the rules of the house that a compiler does not check.
set -u
bad=0
say() { echo "lint: $*"; bad=1; }

# Who may know whom.
for f in lang/*.[ch]; do
    grep -nE '#include "(runtime|vm|stdlib|cli|embed)/' "$f" |
        grep -vE '"(runtime/(value|rtype)|vm/(unit|op|opcodes))\.(h|def)"' | sed "s|^|$f:|"
done >/tmp/lint.$$
[ -s /tmp/lint.$$ ] && { cat /tmp/lint.$$; say "lang/ knows only the layouts and the opcode table"; }
grep -nE '#include "(lang|vm|stdlib|cli|embed)/' runtime/*.[ch] >/tmp/lint.$$ &&
    { cat /tmp/lint.$$; say "runtime/ knows neither lang nor vm"; }
grep -nE '#include "(lang|cli|embed)/' vm/*.[ch] >/tmp/lint.$$ && { cat /tmp/lint.$$; say "vm/ stands on runtime/"; }
grep -rnE '#include "(lang|vm|cli|embed)/' stdlib --include='*.[ch]' >/tmp/lint.$$ &&
    { cat /tmp/lint.$$; say "stdlib natives stand on runtime/"; }
grep -nE '#include "(lang|vm|runtime)/' cli/*.[ch] >/tmp/lint.$$ && { cat /tmp/lint.$$; say "cli/ stands on include/gol.h"; }
grep -rln 'include <gc' lang vm runtime stdlib embed cli | grep -v '^lang/mem.c$' >/tmp/lint.$$ &&
    { cat /tmp/lint.$$; say "only lang/mem.c includes gc.h"; }

# Every header compiles alone.
for h in include/*.h lang/*.h vm/*.h runtime/*.h; do
    case $h in *_generated.h) continue ;; esac
    printf '#include "%s"\n' "$h" | ${CC:-gcc} -std=gnu11 -I. -fsyntax-only -x c - 2>/tmp/lint.$$ ||
        { head -3 /tmp/lint.$$; say "$h does not compile alone"; }
done

# Files and functions of a size that one can hold in the head.
for f in $(git ls-files '*.c' '*.h' '*.gol' | grep -v '^tests/'); do
    n=$(wc -l <"$f")
    [ "$n" -gt 1500 ] && say "$f has $n lines"
done
rm -f /tmp/lint.$$
exit $bad
