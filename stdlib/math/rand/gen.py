#!/usr/bin/env python3
"""Writes tables.h: the numbers that math/rand's sequences are defined by. Run in this folder.

Programs rely on the sequence of rand.New(rand.NewSource(seed)), so it is Go 1's. Its generator is the
additive lagged Fibonacci one, s[n] = s[n-607] + s[n-273] mod 2**64; a seed's own numbers are mixed with
the state that the generator seeded with 1 has after 7.8e12 steps. We jump there: the state after N
steps is x**N mod x**607 - x**334 - 1 applied to the first state.

The ziggurat tables are those of Marsaglia and Tsang, "The Ziggurat Method for Generating Random
Variables" (2000), from the abscissas r and areas v of the paper, with more digits."""
import math
import struct

LEN, TAP, STEPS = 607, 273, 7_800_000_000_000
MASK = (1 << 64) - 1
CELL = 160  # bits of a coefficient: 607 products of 64 by 64 bits fit


def lehmer(x):
    return x * 48271 % (2**31 - 1)


def first_state():
    x, vec = 1, []
    for _ in range(20):
        x = lehmer(x)
    for _ in range(LEN):
        x = lehmer(x)
        u = x << 20
        x = lehmer(x)
        u ^= x << 10
        x = lehmer(x)
        vec.append(u ^ x)
    return vec


def reduce(c):
    """c mod x**607 - x**334 - 1"""
    for i in range(len(c) - 1, LEN - 1, -1):
        c[i - LEN] += c[i]
        c[i - LEN + (LEN - TAP)] += c[i]
    return [v & MASK for v in c[:LEN]]


def times(a, b):
    pack = lambda p: int.from_bytes(b"".join(v.to_bytes(CELL // 8, "little") for v in p), "little")
    raw = (pack(a) * pack(b)).to_bytes(2 * LEN * CELL // 8, "little")
    step = CELL // 8
    return reduce([int.from_bytes(raw[i : i + step], "little") for i in range(0, len(raw), step)])


def power(n):
    one = [1] + [0] * (LEN - 1)
    x = [0, 1] + [0] * (LEN - 2)
    for bit in bin(n)[2:]:
        one = times(one, one)
        if bit == "1":
            one = times(one, x)
    return one


def jumped():
    vec = first_state()
    s = [vec[(LEN - TAP - 1 - k) % LEN] for k in range(LEN)]
    while len(s) < 2 * LEN:
        s.append((s[-LEN] + s[-TAP]) & MASK)
    c = power(STEPS)
    late = [sum(c[j] * s[j + m] for j in range(LEN)) & MASK for m in range(LEN)]
    out = [0] * LEN
    for m in range(LEN):
        out[(LEN - TAP - 1 - (STEPS + m)) % LEN] = late[m]
    return out


def ziggurat(n, scale, r, v, f, inverse):
    """k, w and f of the paper; strip 0 is the base with the tail."""
    k, w, y = [0] * n, [0.0] * n, [0.0] * n
    q = v / f(r)
    k[0], k[1] = int(r / q * scale), 0
    w[0], w[n - 1] = q / scale, r / scale
    y[0], y[n - 1] = 1.0, f(r)
    x = r
    for i in range(n - 2, 0, -1):
        last = x
        x = inverse(v / x + f(x))
        k[i + 1] = int(x / last * scale)
        w[i] = x / scale
        y[i] = f(x)
    return k, w, y


def table(out, kind, name, values, show):
    out.write(f"static const {kind} {name}[{len(values)}] = {{\n")
    line = "   "
    for v in values:
        text = " " + show(v) + ","
        if len(line) + len(text) > 100:
            out.write(line + "\n")
            line = "   "
        line += text
    out.write(line + "\n};\n")


def single(v):
    return struct.unpack("f", struct.pack("f", v))[0].hex() + "f"


with open("tables.h", "w") as out:
    out.write("/* tables.h - made by gen.py: the mixing state and the ziggurats of math/rand. */\n")
    table(out, "uint64_t", "mixed", jumped(), lambda v: f"{v:#x}")
    norm = ziggurat(128, 2**31, 3.442619855899, 9.91256303526217e-3,
                    lambda x: math.exp(-0.5 * x * x), lambda y: math.sqrt(-2 * math.log(y)))
    expo = ziggurat(256, 2**32, 7.69711747013104972, 3.949659822581572e-3,
                    lambda x: math.exp(-x), lambda y: -math.log(y))
    for letter, (k, w, f) in (("n", norm), ("e", expo)):
        table(out, "uint32_t", "k" + letter, k, hex)
        table(out, "float", "w" + letter, w, single)
        table(out, "float", "f" + letter, f, single)
