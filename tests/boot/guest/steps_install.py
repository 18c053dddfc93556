# SPDX-License-Identifier: MIT
"""Installed, up, the first token, the first commands."""
import os
import pathlib
import pwd
import shutil

import machine
from machine import check, equal, service, sh, step

UNIT_TEXT = """[Unit]
Description=MCP executor
[Service]
Type=notify
ExecStart=/usr/sbin/mcp-execd
ExecReload=/bin/kill -HUP $MAINPID
Delegate=memory pids cpu
TasksMax=1024
[Install]
WantedBy=multi-user.target
"""


@step("install.files", always=True)
def install():
    debs = sorted(pathlib.Path("/srv/deps").glob("*.deb"))
    sh("dpkg", "-i", *debs)
    for top, _, files in os.walk(machine.HERE / "install"):
        place = pathlib.Path("/") / os.path.relpath(
            top, machine.HERE / "install")
        if not place.exists():
            place.mkdir()
            shutil.copystat(top, place)
        for f in files:
            shutil.copy2(os.path.join(top, f), place)
    sh("useradd", "--system", "--no-create-home", "--shell",
       "/usr/sbin/nologin", "mcp-execd")
    pathlib.Path("/etc/systemd/system/mcp-execd.service").write_text(UNIT_TEXT)
    (machine.ETC / "mcp-execd.json").write_text("{}\n")
    machine.write_policy("none", user="nobody", directory="/srv")
    sh("systemctl", "daemon-reload")
    sh("systemctl", "start", machine.UNIT)


@step("service.up", always=True)
def unit_up():
    equal(machine.show("ActiveState"), "active", "unit")
    machine.up()
    main = int(machine.show("MainPID"))
    check(os.path.realpath(f"/proc/{main}/exe").endswith("/mcp-execd"), main)


@step("service.refuses_everybody")
def refuses():
    """Before there is a token."""
    for token in (None, "mxt_" + "A" * 43):
        equal(machine.status_with(token), 401, token)


@step("token.first", always=True)
def first_token():
    sh("useradd", "--create-home", "--shell", "/bin/sh", "deploy")
    work = pathlib.Path("/srv/work")
    work.mkdir()
    owner = pwd.getpwnam("deploy")
    os.chown(work, owner.pw_uid, owner.pw_gid)
    shutil.copy2(machine.HERE / "build/release/sandbox_try", work / "try")
    machine.write_policy("work", user="deploy", directory=str(work),
                         limits={"runs": 8, "runs_per_minute": 0})
    equal(machine.reload()["event.outcome"], "success", "reload")
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


@step("commands.python_client")
def python_client():
    """The official package mcp, unmodified."""
    out = sh("/usr/bin/env", f"PYTHONPATH={machine.HERE}/python",
             f"MCP_TOKEN={service.token}", f"MCP_AUDIT={machine.AUDIT}",
             "MCP_URL=http://127.0.0.1:8001/mcp",
             "MCP_SSE_URL=http://127.0.0.1:8001/sse",
             "python3", machine.HERE / "official.py")
    check("ok " in out and "FAIL" not in out, out)
    return out.strip()
