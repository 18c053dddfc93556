# SPDX-License-Identifier: MIT
"""Installed, up, the first token, the first commands."""
import os
import pathlib
import pwd
import shutil

import machine
from machine import check, equal, service, sh, step


@step("install.apt", always=True)
def install():
    """With what it depends on from a repository, and nothing by hand."""
    out = machine.apt("install", machine.HERE / "old.deb")
    last = [line for line in out.splitlines() if line.strip()
            and not line.startswith("Processing triggers")][-1]
    check("mcp-execctl token add" in last, "the last line of ours:", last)


@step("service.up", always=True)
def unit_up():
    equal(machine.show("ActiveState"), "active", "unit")
    machine.up()
    equal(machine.version(), machine.version_of("old.deb"), "version")


@step("service.at_boot")
def at_boot():
    equal(sh("systemctl", "is-enabled", machine.UNIT).strip(), "enabled",
          "unit")


@step("service.refuses_everybody")
def refuses():
    """Before there is a token."""
    for token in (None, "mxt_" + "A" * 43):
        equal(machine.status_with(token), 401, token)


@step("token.first", always=True)
def first_token():
    """Of the policy that is installed, and of one of our own."""
    token = machine.add_token("look", "diagnose")
    r = machine.call(token, "id -un; ls /var/log/dpkg.log; touch x")
    check("mcp-diagnose" in r.data["stdout"] and
          "/var/log/dpkg.log" in r.data["stdout"] and r.error, r)
    sh("useradd", "--create-home", "--shell", "/bin/sh", "deploy")
    work = pathlib.Path("/srv/work")
    work.mkdir()
    owner = pwd.getpwnam("deploy")
    os.chown(work, owner.pw_uid, owner.pw_gid)
    shutil.copy2(machine.HERE / "build/release/sandbox_try", work / "try")
    machine.write_policy("work", user="deploy", directory=str(work),
                         limits={"runs": 8, "runs_per_minute": 0})
    machine.reload_ends("success", "reload")
    service.token = machine.add_token("first", "work")


@step("commands.shell")
def shell():
    r = machine.call(service.token, "id -un; pwd; echo $((6 * 7))")
    equal(r.data["stdout"], "deploy\n/srv/work\n42\n", r)


@step("commands.posture")
def posture():
    """Landlock of this kernel and the control group are in force."""
    p = machine.posture(machine.call(service.token, "true"))
    equal(p["landlock.abi"], machine.landlock_abi(), "ABI")
    check(p["landlock.abi"] > 0, "this kernel has Landlock")
    for layer in ("mounts", "pids", "ipc", "network", "landlock", "seccomp",
                  "cgroup"):
        check(layer in p["layers"], layer, p)
    return f"Landlock ABI {p['landlock.abi']}"


@step("commands.python_client", long=True)
def python_client():
    """The official package mcp, unmodified."""
    out = sh("/usr/bin/env", f"PYTHONPATH={machine.HERE}/python",
             f"MCP_TOKEN={service.token}", f"MCP_AUDIT={machine.AUDIT}",
             "MCP_URL=http://127.0.0.1:8001/mcp",
             "MCP_SSE_URL=http://127.0.0.1:8001/sse",
             "python3", machine.HERE / "official.py")
    check("ok " in out and "FAIL" not in out, out)
    return out.strip()
