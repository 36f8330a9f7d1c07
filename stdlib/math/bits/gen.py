#!/usr/bin/env python3
"""Writes bits.gol: the declarations of math/bits, whose bodies are the natives of bits.c."""
SIZES = ("", 8, 16, 32, 64)


def kind(size):
    return f"uint{size}"


out = ["// Package bits counts, turns and multiplies the bits of unsigned integers.",
       "// Made by gen.py; the bodies stand in bits.c.", "package bits", "",
       "// UintSize is the number of bits of a uint.", "const UintSize = 64"]


def add(doc, head):
    out.extend(["", "// " + doc, "func " + head])


for name, doc in (("LeadingZeros", "counts the zero bits above the highest one in x; all bits if x is 0."),
                  ("TrailingZeros", "counts the zero bits below the lowest one in x; all bits if x is 0."),
                  ("OnesCount", "counts the one bits in x."),
                  ("Len", "returns how many bits x needs; 0 if x is 0.")):
    for s in SIZES:
        add(f"{name}{s} {doc}", f"{name}{s}(x {kind(s)}) int")
for s in SIZES:
    add(f"RotateLeft{s} turns x left by k bits, or right by -k.", f"RotateLeft{s}(x {kind(s)}, k int) {kind(s)}")
for s in SIZES:
    add(f"Reverse{s} returns x with its bits in reverse order.", f"Reverse{s}(x {kind(s)}) {kind(s)}")
for s in ("", 16, 32, 64):
    add(f"ReverseBytes{s} returns x with its bytes in reverse order.", f"ReverseBytes{s}(x {kind(s)}) {kind(s)}")
for s in ("", 32, 64):
    t = kind(s)
    add(f"Add{s} returns x + y + carry and the carry out, 0 or 1; carry must be 0 or 1.",
        f"Add{s}(x, y, carry {t}) (sum, carryOut {t})")
    add(f"Sub{s} returns x - y - borrow and the borrow out, 0 or 1; borrow must be 0 or 1.",
        f"Sub{s}(x, y, borrow {t}) (diff, borrowOut {t})")
    add(f"Mul{s} returns the two halves of the full product of x and y.", f"Mul{s}(x, y {t}) (hi, lo {t})")
    add(f"Div{s} divides hi:lo by y; it panics if y is 0 or the quotient does not fit.",
        f"Div{s}(hi, lo, y {t}) (quo, rem {t})")
    add(f"Rem{s} returns the remainder of hi:lo by y, however large the quotient; it panics if y is 0.",
        f"Rem{s}(hi, lo, y {t}) {t}")
open("bits.gol", "w").write("\n".join(out) + "\n")
