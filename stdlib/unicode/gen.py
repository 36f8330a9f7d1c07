#!/usr/bin/env python3
"""Writes tables_gen.gol and tables_gen.h from Debian's unicode-data (/usr/share/unicode).

Run in this folder: python3 gen.py [FOLDER]. The output is committed; a build does not need this.
"""
import re
import sys

DIR = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/unicode"
N = 0x110000
CATS = ("Cc Cf Co Cs Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc Pd Pe Pf Pi Po Ps Sc Sk Sm So Zl Zp Zs "
        "Cn").split()


def lines(name):
    for line in open(f"{DIR}/{name}", encoding="utf-8"):
        line = line.split("#")[0].strip()
        if line:
            yield [f.strip() for f in line.split(";")]


def span(text):
    lo, _, hi = text.partition("..")
    return range(int(lo, 16), int(hi or lo, 16) + 1)


cat = ["Cn"] * N
upper, lower, title, fold = (list(range(N)) for _ in range(4))
first = None
for f in lines("UnicodeData.txt"):
    c = int(f[0], 16)
    if f[1].endswith(", First>"):
        first = c
        continue
    for r in range(first if f[1].endswith(", Last>") else c, c + 1):
        cat[r] = f[2]
    if f[12]:
        upper[c] = int(f[12], 16)
    if f[13]:
        lower[c] = int(f[13], 16)
    title[c] = int(f[14], 16) if f[14] else upper[c]

folded = list(range(N))
for f in lines("CaseFolding.txt"):
    if f[1] in "CS":
        folded[int(f[0], 16)] = int(f[2], 16)
orbits = {}
for c in range(N):
    orbits.setdefault(folded[c], []).append(c)
for members in orbits.values():
    for i, c in enumerate(members):
        fold[c] = members[(i + 1) % len(members)]


def by_property(name):
    sets = {}
    for f in lines(name):
        sets.setdefault(f[1], []).extend(span(f[0]))
    return {k: sorted(v) for k, v in sets.items()}


scripts, props = by_property("Scripts.txt"), by_property("PropList.txt")
version = re.search(r"Scripts-([\d.]+)\.txt", open(f"{DIR}/Scripts.txt").readline()).group(1)
cats = {}
for c in range(N):
    if cat[c] != "Cn":
        cats.setdefault(cat[c], []).append(c)
        cats.setdefault(cat[c][0], []).append(c)


def ranges(points):
    """(lo, hi, stride) triples, greedy, as few as simple greed gives."""
    out, i = [], 0
    while i < len(points):
        j = i + 1
        if j == len(points):
            out.append((points[i], points[i], 1))
            break
        stride = points[j] - points[i]
        while j + 1 < len(points) and points[j + 1] - points[j] == stride:
            j += 1
        if stride > 1 and j == i + 1:  # two points far apart: better alone
            out.append((points[i], points[i], 1))
            i += 1
            continue
        out.append((points[i], points[j], stride))
        i = j + 1
    return out


def table(points):
    low = ranges([p for p in points if p <= 0xffff])
    high = ranges([p for p in points if p > 0xffff])
    latin = sum(1 for r in low if r[1] <= 0xff)

    def rows(kind, rs):
        if not rs:
            return ""
        text, line = f"\t{kind[0]}: []{kind[1]}{{\n", "\t\t"
        for lo, hi, s in rs:
            item = f"{{{lo:#x}, {hi:#x}, {s}}},"
            if len(line) + len(item) > 94:
                text, line = text + line.rstrip() + "\n", "\t\t"
            line += item + " "
        return text + line.rstrip() + "\n\t},\n"

    off = f"\tLatinOffset: {latin},\n" if latin else ""
    return ("&RangeTable{\n" + rows(("R16", "Range16"), low) + rows(("R32", "Range32"), high) + off
            + "}")


LONG = {"Lu": "Upper", "Ll": "Lower", "Lt": "Title", "L": "Letter", "M": "Mark", "N": "Number",
        "Nd": "Digit", "P": "Punct", "S": "Symbol", "Z": "Space", "C": "Other"}


def fold_table(points):
    inside = set(points)
    return sorted({m for p in points for m in orbits[folded[p]] if m not in inside})


def case_ranges():
    """(lo, hi, upper, lower, title deltas); None for alternating Upper, Lower pairs."""
    out, c = [], 0
    delta = lambda r: (upper[r] - r, lower[r] - r, title[r] - r)
    up, lo = (0, 1, 0), (-1, 0, -1)
    while c < N:
        d = delta(c)
        if d == (0, 0, 0):
            c += 1
            continue
        e = c
        if d == up and delta(c + 1) == lo:
            while delta(e) == up and delta(e + 1) == lo:
                e += 2
            out.append((c, e - 1, None))
        else:
            while delta(e) == d:
                e += 1
            out.append((c, e - 1, d))
        c = e
    return out


with open("tables_gen.gol", "w") as o:
    w = o.write
    w("// Written by gen.py from Unicode's data files. Do not edit.\n\npackage unicode\n\n")
    w(f"// Version is the edition of Unicode that the tables hold.\nconst Version = \"{version}\"\n\n")
    for kind, sets in (("category", cats), ("script", scripts), ("property", props)):
        for k in sorted(sets):
            w(f"// {k} is the set of characters of {kind} {k}.\nvar {k} = {table(sets[k])}\n\n")
            if k == "Sentence_Terminal":
                w("// STerm is the old name of Sentence_Terminal.\nvar STerm = Sentence_Terminal\n\n")
            if kind == "category" and k in LONG:
                w(f"// {LONG[k]} is {k}.\nvar {LONG[k]} = {k}\n\n")
    for name, kind, sets in (("Categories", "categories", cats), ("Scripts", "scripts", scripts),
                             ("Properties", "properties", props)):
        w(f"// {name} holds the tables of all {kind} by name.\n")
        w(f"var {name} = map[string]*RangeTable{{\n")
        for k in sorted(sets):
            w(f"\t\"{k}\": {k},\n")
        if name == "Properties":
            w("\t\"STerm\": STerm,\n")
        w("}\n\n")
    for name, sets in (("FoldCategory", cats), ("FoldScript", scripts)):
        w(f"// {name} holds, by name, the characters outside that set which simple case folding\n"
          f"// makes equal to one inside.\nvar {name} = map[string]*RangeTable{{\n")
        for k in sorted(sets):
            points = fold_table(sets[k])
            if points:
                w(f"\t\"{k}\": {table(points)},\n")
        w("}\n\n")
    w("// CaseRanges lists the characters that have a case, with the distance to each other case.\n")
    w("var CaseRanges = []CaseRange{\n")
    for lo, hi, d in case_ranges():
        text = "UpperLower, UpperLower, UpperLower" if d is None else "%d, %d, %d" % d
        w(f"\t{{{lo:#x}, {hi:#x}, d{{{text}}}}},\n")
    w("}\n")

records, index = {}, []
white = set(props["White_Space"])
for c in range(N):
    rec = (CATS.index(cat[c]), int(c in white), upper[c] - c, lower[c] - c, title[c] - c,
           fold[c] - c)
    index.append(records.setdefault(rec, len(records)))
BLOCK = 128
blocks, stage1 = {}, []
for b in range(0, N, BLOCK):
    stage1.append(blocks.setdefault(tuple(index[b:b + BLOCK]), len(blocks)))
with open("tables_gen.h", "w") as o:
    w = o.write
    w("/* Written by gen.py from Unicode's data files. Do not edit. */\n")
    w("enum {\n")
    for i, k in enumerate(CATS):
        w(f"    CAT_{k} = {i},\n")
    w("};\n\n/* category, white space, distances to upper, lower, title case and next of orbit */\n")
    w("static const Record records[] = {\n")
    for r in records:
        w("    {%d, %d, %d, %d, %d, %d},\n" % r)

    def array(kind, name, values):
        w(f"}};\n\nstatic const {kind} {name}[] = {{\n")
        line = "   "
        for v in values:
            if len(line) > 93:
                w(line + "\n")
                line = "   "
            line += f" {v},"
        w(line + "\n")

    assert len(records) < 65536 and len(blocks) < 65536
    array("uint16_t", "stage1", stage1)
    array("uint16_t", "stage2", [v for b in blocks for v in b])
    w("};\n")
