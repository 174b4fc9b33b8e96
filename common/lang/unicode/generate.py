#!/usr/bin/python3
"""generate.py: writes unicode_tables.inc from Python's Unicode database. Run by hand; the result is committed."""
import sys
import unicodedata as ud

MAX = 0x110000
cat = [ud.category(chr(c)) for c in range(MAX)]

# General categories as runs: start, class. Classes are what the languages ask for.
CLASSES = {"Lu": 1, "Ll": 2, "Lt": 3, "Lm": 4, "Lo": 4, "Nd": 5, "Nl": 6, "No": 6,
           "Mn": 7, "Mc": 7, "Me": 7, "Zs": 9, "Zl": 9, "Zp": 9}


def klass(c):
    k = cat[c]
    if k[0] == "P":
        return 8
    if k[0] == "S":
        return 10
    return CLASSES.get(k, 0)


runs = []
c = 0
while c < MAX:
    k = klass(c)
    if c + 2 < MAX and {k, klass(c + 1)} == {1, 2} and klass(c + 2) == k:  # alternating capitals
        end = c
        while end + 1 < MAX and klass(end + 1) == (k if (end + 1 - c) % 2 == 0 else 3 - k):
            end += 1
        runs.append((c, 11 if k == 1 else 12))
        c = end + 1
    else:
        while c < MAX and klass(c) == k and not (
                k in (1, 2) and c + 2 < MAX and klass(c + 1) == 3 - k and klass(c + 2) == k):
            if not runs or runs[-1][1] != k:
                runs.append((c, k))
            c += 1
merged = []
for r in runs:
    if not merged or merged[-1][1] != r[1] or r[1] > 10:
        merged.append(r)


def single(s, c):
    return ord(s) if len(s) == 1 else c


cases = []  # lo, hi, stride, upper delta, lower delta, title delta
for c in range(MAX):
    s = chr(c)
    if 0xD800 <= c < 0xE000:
        continue
    upper = s.upper() if len(s.upper()) == 1 else s.title()  # the simple mapping where the full one is longer
    d = (single(upper, c) - c, single(s.lower(), c) - c, single(s.title(), c) - c)
    if c == 0x130:
        d = (0, 0x69 - 0x130, 0)
    if d == (0, 0, 0):
        continue
    for back in (1, 2):
        last = next((x for x in reversed(cases) if x[1] == c - back), None)
        if last and last[3] == d and last[2] in (0, back):
            last[1], last[2] = c, back
            break
    else:
        cases.append([c, c, 0, d])
cases.sort(key=lambda x: x[0])

out = [f"/* Made by generate.py from Unicode {ud.unidata_version}; see there. */",
       "static const struct run runs[] = {"]
line = "       "
for lo, k in merged:
    item = f" {{0x{lo:x}, {k}}},"
    if len(line + item) > 98:
        out.append(line)
        line = "       "
    line += item
out += [line, "};", "static const struct case_run case_runs[] = {"]
line = "       "
for lo, hi, stride, d in cases:
    item = f" {{0x{lo:x}, 0x{hi:x}, {stride or 1}, {d[0]}, {d[1]}, {d[2]}}},"
    if len(line + item) > 98:
        out.append(line)
        line = "       "
    line += item
out += [line, "};"]
sys.stdout.write("\n".join(out) + "\n")
