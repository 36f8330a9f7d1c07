#!/usr/bin/env python3
"""Writes natives.gol: the declarations of math/cmplx that cmplx.c gives bodies to."""
out = ["// Made by gen.py.", "package cmplx"]
for name, doc in (
    ("Acos", "inverse cosine"), ("Acosh", "inverse hyperbolic cosine"), ("Asin", "inverse sine"),
    ("Asinh", "inverse hyperbolic sine"), ("Atan", "inverse tangent"),
    ("Atanh", "inverse hyperbolic tangent"), ("Cos", "cosine"), ("Cosh", "hyperbolic cosine"),
    ("Cot", "cotangent"), ("Exp", "power of e with exponent x"), ("Log", "natural logarithm"),
    ("Log10", "decimal logarithm"), ("Sin", "sine"), ("Sinh", "hyperbolic sine"),
    ("Sqrt", "square root whose real part is not negative"), ("Tan", "tangent"),
    ("Tanh", "hyperbolic tangent")):
    out += ["", f"// {name} returns the {doc} of x.", f"func {name}(x complex128) complex128"]
out += ["", "// Pow returns x**y; Pow(0, y) is 0, 1 or infinite by y's real part.",
        "func Pow(x, y complex128) complex128"]
open("natives.gol", "w").write("\n".join(out) + "\n")
