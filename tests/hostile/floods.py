# SPDX-License-Identifier: MIT
"""Floods of one token and of one source: tests/load/floods.py, each in short.

In the long form each lasts a minute, as with tests/load/run --hostile.
"""
import importlib.util
import os
import pathlib

from client import equal

WHERE = pathlib.Path(__file__).resolve().parent.parent / "load" / "floods.py"
SPEC = importlib.util.spec_from_file_location("load_floods", WHERE)
floods = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(floods)
SECONDS = 60 if os.environ.get("MCP_HOSTILE_LONG") else 4


def test_floods():
    wrong = [f"{name}: {what}" for name, what in floods.run_all(
        SECONDS, say=lambda line: print(line, flush=True)) if what]
    equal(wrong, [], "others go on")
