# SPDX-License-Identifier: MIT
"""Read a QR code of version 4-M from the terminal's half blocks.

Written from the standard's tables and not from executor/ctl/qr.c; every
codeword is checked by its block's syndromes, none may be wrong.
"""
import re

SIZE, QUIET = 33, 4
BLOCKS, DATA, ECC = 2, 32, 18
HALF = {" ": (1, 1), "▀": (0, 1), "▄": (1, 0), "█": (0, 0)}     # 1: dark
SET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
# Table C.1 of ISO/IEC 18004: format information of level M, masks 0 to 7.
FORMATS = (0x5412, 0x5125, 0x5E7C, 0x5B4B, 0x45F9, 0x40CE, 0x4F97, 0x4AA0)
MASKS = (lambda i, j: (i + j) % 2, lambda i, j: i % 2, lambda i, j: j % 3,
         lambda i, j: (i + j) % 3, lambda i, j: (i // 2 + j // 3) % 2,
         lambda i, j: i * j % 2 + i * j % 3,
         lambda i, j: (i * j % 2 + i * j % 3) % 2,
         lambda i, j: ((i + j) % 2 + i * j % 3) % 2)


def modules(text):
    """Rows of 0 and 1, from what mcp-execctl prints; the margin is light."""
    rows = []
    for line in re.findall(r"\x1b\[97;40m([^\x1b]*)\x1b\[0m\n", text):
        pairs = [HALF[c] for c in line]
        rows += [[p[0] for p in pairs], [p[1] for p in pairs]]
    wide = SIZE + 2 * QUIET
    assert len(rows) >= wide and all(len(r) == wide for r in rows), "size"
    inner = [r[QUIET:-QUIET] for r in rows[QUIET:QUIET + SIZE]]
    dark = sum(map(sum, rows[:wide]))
    assert dark == sum(map(sum, inner)), "the margin is not light"
    return inner


def reserved(i, j):
    return ((i < 9 and (j < 9 or j >= SIZE - 8)) or (i >= SIZE - 8 and j < 9)
            or i == 6 or j == 6 or (24 <= i <= 28 and 24 <= j <= 28))


def format_of(m):
    """The mask's number; both copies must say the same."""
    first = [m[8][j] for j in (0, 1, 2, 3, 4, 5, 7, 8)] + [
        m[i][8] for i in (7, 5, 4, 3, 2, 1, 0)]
    second = [m[i][8] for i in range(SIZE - 1, SIZE - 8, -1)] + [
        m[8][j] for j in range(SIZE - 8, SIZE)]
    assert first == second, "the two formats differ"
    assert m[SIZE - 8][8] == 1, "the dark module"
    return FORMATS.index(int("".join(map(str, first)), 2))


def codewords(m, mask):
    bits, up, j = [], True, SIZE - 1
    while j > 0:
        if j == 6:
            j -= 1
        for i in range(SIZE - 1, -1, -1) if up else range(SIZE):
            for k in j, j - 1:
                if not reserved(i, k):
                    bits.append(m[i][k] ^ (MASKS[mask](i, k) == 0))
        up, j = not up, j - 2
    return [int("".join(map(str, bits[n:n + 8])), 2)
            for n in range(0, BLOCKS * (DATA + ECC) * 8, 8)]


def times(a, b):
    out = 0
    while b:
        out ^= a if b & 1 else 0
        a = a << 1 ^ (0x11D if a & 0x80 else 0)
        b >>= 1
    return out


def syndromes(word):
    root, found = 1, []
    for _ in range(ECC):
        value = 0
        for c in word:
            value = times(value, root) ^ c
        found.append(value)
        root = times(root, 2)
    return found


def read(text):
    m = modules(text)
    words = codewords(m, format_of(m))
    data = []
    for block in range(BLOCKS):
        whole = (words[block:BLOCKS * DATA:BLOCKS]
                 + words[BLOCKS * DATA + block::BLOCKS])
        assert not any(syndromes(whole)), "codewords are wrong"
        data += whole[:DATA]
    bits = "".join(f"{w:08b}" for w in data)
    assert bits[:4] == "0010", "mode"
    count, at, out = int(bits[4:13], 2), 13, ""
    while len(out) < count:
        n = 11 if count - len(out) > 1 else 6
        value = int(bits[at:at + n], 2)
        out += SET[value // 45] + SET[value % 45] if n == 11 else SET[value]
        at += n
    return out
