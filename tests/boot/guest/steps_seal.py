# SPDX-License-Identifier: MIT
"""The seal of the log: begun early, checked after all that happened to it."""
import pathlib
import re
import shutil
import subprocess

import machine
from machine import check, equal, sh, step

KEY = re.compile(r"(?m)^[A-Z0-9]{4}(?:-[A-Z0-9]{4}){9,}$")
key = ""


@step("seal.begin", always=True)
def begin():
    """As README.md has it: the key once, sealed from the next start on."""
    global key
    key = KEY.search(sh("mcp-execctl", "audit", "seal-init")).group()
    again = sh("mcp-execctl", "audit", "seal-init", ok=False)
    check(not KEY.search(again), "a second key:", again)
    machine.restart()
    records = machine.audit()
    start = max(i for i, r in enumerate(records)
                if r["event.action"] == "start")
    equal([r for r in records[start:] if "seal" not in r], [],
          "records without a seal")


def verify(*words):
    """(status, what it says)"""
    run = subprocess.run(
        ["mcp-execctl", "audit", "verify", "--key-file", "-", *words],
        input=key + "\n", text=True, stdout=subprocess.PIPE, check=False,
        stderr=subprocess.STDOUT, timeout=60 * machine.SLOW)
    return run.returncode, run.stdout.strip()


def whole():
    """Of the log as it is, while the service writes it; the last line."""
    status, said = verify()
    equal(status, 0, said)
    return said.splitlines()[-1]


def changed():
    """What is changed in a copy, in a record from the middle, is named."""
    copy = pathlib.Path("/root/changed")
    copy.mkdir()
    log = copy / machine.AUDIT.name
    shutil.copy(machine.AUDIT, log)
    equal(verify("--no-state", str(log))[0], 0, "the copy")
    lines = log.read_text().splitlines(keepends=True)
    sealed = [i for i, line in enumerate(lines) if '"seal":"' in line]
    i = sealed[len(sealed) // 2]
    lines[i] = lines[i].replace('"event.action":"', '"event.action":"x', 1)
    log.write_text("".join(lines))
    status, said = verify("--no-state", str(log))
    equal(status, 1, said)
    n = machine.audit()[i]["event.sequence"]
    check("changed: " in said and f"record {n}:" in said, n, said)
    shutil.rmtree(copy)
