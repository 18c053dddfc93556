# SPDX-License-Identifier: MIT
"""The attacks of tests/sandbox on this kernel: an older Landlock, and control
groups with their controllers."""
import contextlib
import os
import pathlib
import re
import subprocess

import machine
from machine import check, step


@contextlib.contextmanager
def plain_tmp():
    """Debian 13 has a file system without devices and handles in /tmp; some
    attacks' controls need both, as where it is a directory of the root's."""
    if not os.path.ismount("/tmp"):
        yield
        return
    place = pathlib.Path("/srv/tmp")
    place.mkdir(exist_ok=True)
    place.chmod(0o1777)
    machine.sh("mount", "--bind", place, "/tmp")
    try:
        yield
    finally:
        machine.sh("umount", "-l", "/tmp")


@plain_tmp()
def attacks(*words):
    """Its own lines go to the console as they come: hundreds, one here.  The
    machine's end is the limit (tests/boot/run): what passed is known then."""
    lines = []
    with subprocess.Popen(
            ["python3", machine.HERE / "tests/sandbox/run", *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.STDOUT, env={
                **os.environ, "MCP_EXECD_SLOW": str(machine.SLOW),
                "PYTHONPATH": str(machine.HERE / "python")}) as run:
        for line in run.stdout:
            lines.append(line.rstrip("\n"))
            machine.note(lines[-1])
    failed = [x for x in lines if x.startswith("FAIL")]
    check(re.match(r"\d+ passed, 0 failed", lines[-1]), lines[-1], failed)
    layers = [x for x in lines if x.startswith("# ") and "layers" in x]
    return "; ".join([lines[-1], *layers])


@step("sandbox.full", long=True)
def full():
    return attacks("--mode", "full")


@step("sandbox.cgroup", long=True)
def cgroup():
    return attacks("--mode", "cgroup")


@step("sandbox.landlock_alone", long=True)
def landlock():
    return attacks("--mode", "landlock", "-k", "files")
