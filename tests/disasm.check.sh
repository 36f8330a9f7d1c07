#!/bin/sh
# disasm.check.sh [OBJDIR] - looks at the machine code of the dispatch loop (DESIGN D3) as clang built
# it: hot handlers push, pop and call nothing, have no cmov, and every path ends in a jump through
# the table (jmp *) or to a slow handler.
set -eu
dir=${1:-${BUILD:-build}/obj/vm}
# only clang's release build has the loop's final form
grep -q '^CC_KIND = clang' config.mk && [ -z "${SAN:-}" ] && [ "${BUILD:-build}" = build ] || exit 0
hot='MOVE MOVE2 LI LK ADD SUB MUL ADDI ANDI XOR SHLI ADD_F64 MUL_F64 JT JF JEQ JNE JLT_I64 JLE_I64
JEQI JNEI JLTI JGEI JLT_F64 LOOP LOOP_T LOOP_LT_I64 LOOP_LTI LOOP_INC_LT LOOP_INC_LTI
LOOP_INC_LTLEN LOAD_64 LOAD_U8 LOAD_CELL STORE_64 STORE_PTR IDX_64 IDX_U8 IDXS_64 IDXS_8 IDXS_PTR
GLOAD_64 CAP_64 CALL CALLC CALLI RET EQ_STR JEQ_STR APPEND_64 STR_NEXT'
objdump -d --no-show-raw-insn "$dir"/interp_*.o >"${TMPDIR:-/tmp}/disasm.$$"
trap 'rm -f "${TMPDIR:-/tmp}/disasm.$$"' EXIT
status=0
for op in $hot; do
    code=$(awk -v f="<op_$op>:" '$2 == f {on = 1; next} /^$/ {on = 0} on' "${TMPDIR:-/tmp}/disasm.$$")
    [ -n "$code" ] || { echo "op_$op: no code found"; status=1; continue; }
    bad=$(printf '%s\n' "$code" | grep -E '[[:space:]](push|pop|call|cmov[a-z]*)[[:space:]]' || true)
    if [ -n "$bad" ]; then
        echo "op_$op:"
        printf '%s\n' "$bad"
        status=1
    fi
    printf '%s\n' "$code" | grep -q 'jmp  *\*' || { echo "op_$op: no jump through the table"; status=1; }
done
[ $status = 0 ] && echo "disasm_check: ok"
exit $status
