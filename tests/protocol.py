# SPDX-License-Identifier: MIT
"""The protocol as the program that is tested serves it: its own word.

SESSION and STATELESS are names of revisions, oldest first; METHODS has the
methods of each.  A new row of the frontend's tables needs no line here.

The booted machine does not have the program's libraries yet when it begins:
tests/boot/run puts what the program says into the file SAID.
"""
import subprocess

import instance


SAID = instance.TOP / "protocol"


def ask(program):
    return subprocess.run(
        [program, "--protocol"], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=True).stdout


def _read():
    out = (SAID.read_text() if SAID.is_file()
           else ask(instance.build_dir() / "mcp-execd-frontend"))
    rows = [line.split() for line in out.splitlines()]
    return {name: (kind, set(methods)) for name, kind, *methods
            in sorted(rows)}


_TABLE = _read()
SESSION = tuple(n for n, (kind, _) in _TABLE.items() if kind == "session")
STATELESS = tuple(n for n, (kind, _) in _TABLE.items() if kind == "stateless")
METHODS = {name: methods for name, (_, methods) in _TABLE.items()}
