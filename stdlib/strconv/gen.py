#!/usr/bin/env python3
"""Writes pow10_gen.h: for k in [-292, 324] the 128 leading bits of 10^k, rounded up."""
with open("pow10_gen.h", "w") as o:
    o.write("/* Written by gen.py: the 128 leading bits of 10^k, rounded up. Do not edit. */\n")
    o.write("enum { POW10_MIN = -292, POW10_MAX = 324 };\n")
    o.write("static const uint64_t pow10_bits[][2] = {\n")
    for k in range(-292, 325):
        if k >= 0:
            n, d = 10**k, 1
            bits = n.bit_length()
        else:
            n, d = 1, 10**-k
            bits = 1 - d.bit_length()  # 10^k lies in [2^(bits-1), 2^bits)
        shift = 128 - bits
        n, d = (n << shift, d) if shift >= 0 else (n, d << -shift)
        g = -(-n // d)
        assert 1 << 127 <= g < 1 << 128, k
        o.write(f"    {{{g >> 64:#x}, {g & (1 << 64) - 1:#x}}},\n")
    o.write("};\n")
