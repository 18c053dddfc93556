# SPDX-License-Identifier: MIT
"""The protocol as the program that is tested serves it: its own word.

SESSION and STATELESS are names of revisions, oldest first; METHODS has the
methods of each.  A new row of the frontend's tables needs no line here.
"""
import subprocess

import instance


def _read():
    out = subprocess.run(
        [instance.build_dir() / "mcp-execd-frontend", "--protocol"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        check=True).stdout
    rows = [line.split() for line in out.splitlines()]
    return {name: (kind, set(methods)) for name, kind, *methods
            in sorted(rows)}


_TABLE = _read()
SESSION = tuple(n for n, (kind, _) in _TABLE.items() if kind == "session")
STATELESS = tuple(n for n, (kind, _) in _TABLE.items() if kind == "stateless")
METHODS = {name: methods for name, (_, methods) in _TABLE.items()}
