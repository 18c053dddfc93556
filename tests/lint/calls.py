# SPDX-License-Identifier: MIT
"""Which function of a set of objects refers to which, as compiled.

Whatever a function's code names counts as called: calls, jumps, addresses
that are taken, and all functions in a table that it looks at.  A call by a
pointer that came from elsewhere is not to be followed; it is listed.
"""
import bisect
import collections
import re
import subprocess

SECTION = re.compile(r"(Disassembly of section|RELOCATION RECORDS FOR) "
                     r"\[?([^\]:]+)\]?:")
FUNCTION = re.compile(r"([0-9a-f]+) <([^>]+)>:")
# " 21: e8 00 00 00 00  call ...  22: R_X86_64_PLT32 write-0x4"
CODE = re.compile(r"\s*([0-9a-f]+):\t((?:[0-9a-f]{2,8} )+)\s*\t?(.*)")
RELOCATION = re.compile(r"([0-9a-f]+): (R_\w+)\s+(\S+)$")
RECORD = re.compile(r"([0-9a-f]+) (R_\w+)\s+(\S+)$")
WHERE = re.compile(r"(.+?)(?:([-+])0x([0-9a-f]+))?$")
# a branch or an address within the section, which needs no relocation
NEAR = re.compile(r"<([^>+]+)(?:\+0x[0-9a-f]+)?>$")
# "jmp *" of a switch is notrack, as the compiler knows where it leads
POINTER = re.compile(r"^(?:bnd )?(?:call|jmp)\s+\*|^blra?\w*\s+x")
RELATIVE = ("R_X86_64_PC32", "R_X86_64_PLT32", "R_X86_64_GOTPCREL",
            "R_X86_64_GOTPCRELX", "R_X86_64_REX_GOTPCRELX")
ABSOLUTE = ("R_X86_64_64", "R_AARCH64_ABS64")
SYMBOL = re.compile(r"([0-9a-f]+) (.{7}) (\S+)\t([0-9a-f]+) (?:\.\w+ )?(\S+)$")

# Code of one function: what it names, and does it call by a pointer?
Function = collections.namedtuple("Function", "names pointer")


def objdump(path, *options):
    return subprocess.run(["objdump", *options, str(path)], text=True,
                          check=True, capture_output=True).stdout.splitlines()


class Object:
    """One object file; a place in it is (section, offset)."""

    def __init__(self, path):
        self.at = {}            # symbol: place
        self.size = {}
        self.code = {}          # function: Function
        self.sections = collections.defaultdict(list)
        self.pointers = collections.defaultdict(list)
        self.read_symbols(path)
        self.read_pointers(path)
        self.read_code(path)

    def read_symbols(self, path):
        for line in objdump(path, "-t"):
            m = SYMBOL.match(line)
            if not m or m[3] == "*UND*" or "d" in m[2]:
                continue
            self.at[m[5]] = m[3], int(m[1], 16)
            self.size[m[5]] = int(m[4], 16)
            self.sections[m[3]].append((int(m[1], 16), m[5]))
        for symbols in self.sections.values():
            symbols.sort()

    def read_pointers(self, path):
        section = None
        for line in objdump(path, "-r"):
            if m := SECTION.match(line):
                section = m[2]
            elif (m := RECORD.match(line)) and m[2] in ABSOLUTE:
                self.pointers[section].append(
                    (int(m[1], 16), *target(m[3], 0)))

    def read_code(self, path):
        section = name = None
        for line in objdump(path, "-drw"):
            if m := SECTION.match(line):
                section = m[2]
            elif m := FUNCTION.match(line):
                # the same name for all that share a place
                name = self.holder(section, int(m[1], 16)) or m[2]
                self.code.setdefault(name, Function(set(), set()))
            elif (m := CODE.match(line)) and name is not None:
                self.read_line(self.code[name], m)

    @staticmethod
    def read_line(function, m):
        r = RELOCATION.search(m[3])
        if r:
            # x86 counts from the end of the instruction
            end = int(m[1], 16) + len(m[2].replace(" ", "")) // 2
            function.names.add(target(r[3], end - int(r[1], 16)
                                      if r[2] in RELATIVE else 0))
        elif POINTER.match(m[3]):
            function.pointer.add(" ".join(m[3].split()))
        elif near := NEAR.search(m[3]):
            function.names.add((near[1], 0))

    def holder(self, section, offset):
        """The symbol that a place of this object is in."""
        symbols = self.sections.get(section, [])
        for start, name in reversed(
                symbols[:bisect.bisect(symbols, (offset, "\x7f"))]):
            if not name.startswith(".") and \
                    offset < start + max(self.size[name], 1):
                return name
        return None

    def kept(self, section, symbol):
        """What the pointers of a variable lead to; None: what has no name."""
        return {(name, offset) for at, name, offset in self.pointers[section]
                if self.holder(section, at) == symbol}


def target(text, correction):
    """("name", offset) of a relocation."""
    m = WHERE.match(text)
    offset = int(m[3], 16) if m[3] else 0
    return m[1], (-offset if m[2] == "-" else offset) + correction


class Program:
    """Objects by name, and where each global symbol is defined."""

    def __init__(self, paths, exported, ends=()):
        self.paths, self.exported, self.ends = paths, exported, ends
        self.read = {}

    def object(self, name):
        if name not in self.read:
            self.read[name] = Object(self.paths[name])
        return self.read[name]

    def resolve(self, where, name, offset):
        """(object, symbol or None, section), or None for what is not ours."""
        o = self.object(where)
        if name.startswith(".") and name not in o.at:
            return where, o.holder(name, offset), name
        if name in o.at:
            section, start = o.at[name]
            return where, o.holder(section, start + offset), section
        if name in self.exported:
            there = self.exported[name]
            section, start = self.object(there).at[name]
            return there, self.object(there).holder(section, start), section
        return None

    def names(self, where, symbol, section):
        """What a function or variable names."""
        o = self.object(where)
        if symbol not in o.code:
            return o.kept(section, symbol)
        # its unlikely part may be reached by a table of a switch only
        return o.code[symbol].names | (
            {(symbol + ".cold", 0)} if symbol + ".cold" in o.code else set())

    def walk(self, roots):
        """What is reached: ({external: {caller}}, {(object, function)}).

        roots and callers: (object, symbol).
        """
        external, seen = collections.defaultdict(set), set()
        todo = [(o, f, self.object(o).at[f][0]) for o, f in roots]
        while todo:
            here = todo.pop()
            if here in seen or here[1] in self.ends:
                continue
            seen.add(here)
            for name, offset in self.names(*here):
                found = self.resolve(here[0], name, offset)
                if found is None:
                    external[name].add(here[:2])
                else:
                    todo.append(found)
        return external, {(o, s) for o, s, _ in seen
                          if s in self.object(o).code}

    def by_pointer(self, reached):
        """Those of these functions that call by a pointer."""
        return sorted((o, f) for o, f in reached
                      if self.object(o).code[f].pointer)
