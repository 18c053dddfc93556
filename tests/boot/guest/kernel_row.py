# SPDX-License-Identifier: MIT
"""What this kernel gives: one row of tests/boot/KERNELS.md, as JSON."""
import json
import os
import re
import subprocess
import time

import machine
from machine import check, sh

row = {}
RUNS = 20               # whose cost is measured
CONFIG = machine.ETC / "mcp-execd.json"


def words(text):
    return " ".join(text.split())


def use_posture(name):
    text = CONFIG.read_text()
    text = re.sub(r'"posture": "\w+", ', "", text)
    CONFIG.write_text(text.replace("{", f'{{ "posture": "{name}", ', 1))


def start():
    """The posture that the service starts with; what strict said, if not."""
    for posture in ("strict", "kernel"):
        use_posture(posture)
        said = words(sh("mcp-execctl", "check", ok=False))
        machine.status("systemctl", "reset-failed", machine.UNIT)
        if machine.status("systemctl", "restart", machine.UNIT) == 0:
            machine.up(30)
            return posture, said
        row["refusal"] = said[:400]
        row["unit_result"] = machine.show("Result")
        row["starts_tried"] = machine.show("NRestarts")
    raise machine.Failed("the service does not start: " + said)


def first_command():
    token = machine.add_token("look", "diagnose")
    r = machine.call(token, "id -un; cat /etc/mcp-execd/mcp-execd.json "
                     "/var/log/mcp-execd/audit.jsonl; touch /usr/x")
    check("mcp-diagnose" in r.data["stdout"], r)
    check("listen" not in r.data["stdout"] and not os.path.exists("/usr/x"),
          "confined", r)
    row["posture"] = machine.posture(r)
    begin = time.monotonic()
    with machine.as_client(token) as c:
        for _ in range(RUNS):
            c.call("cli_command", command="true")
    row["ms_per_run"] = round(1000 * (time.monotonic() - begin) / RUNS)


def sandbox(pattern, posture):
    run = subprocess.run(
        ["python3", machine.HERE / "tests/sandbox/run", "--mode", "full",
         *(["-k", pattern] if pattern != "all" else [])],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT, timeout=3000, check=False, env={
            **os.environ, "MCP_EXECD_SLOW": str(machine.SLOW),
            "MCP_EXECD_POSTURE": posture,
            "PYTHONPATH": str(machine.HERE / "python")})
    lines = run.stdout.splitlines()
    for line in lines:
        machine.note(line)
        if line.startswith("FAIL"):
            print("#", line[:300], flush=True)
    return lines[-1] if lines else "no output"


def fill(pattern):
    row["kernel"] = machine.kernel()
    machine.apt("install", machine.HERE / "new.deb")
    row["start"], row["check"] = start()
    row["check"] = row["check"][:300]
    first_command()
    out = sh("mcp-execctl", "doctor", ok=False)
    row["doctor"] = out.strip().splitlines()[-1]
    row["warnings"] = [words(x)[:200] for x in re.findall(
        r"^(?:warn|fail) +(.*(?:\n +.*)*)", out, re.M)]
    row["status"] = words(sh("mcp-execctl", "status", ok=False))[-600:]
    if pattern != "none":
        row["sandbox"] = sandbox(pattern, row["start"])


def run(pattern):
    try:
        fill(pattern)
        print("ok kernel_row", flush=True)
    except Exception as e:      # of any kind: it is the row's verdict
        row["failed"] = f"{type(e).__name__}: {e}"[:900]
        print("FAIL kernel_row:", words(row["failed"]), flush=True)
        for line in machine.journal():
            print("#", line[:300], flush=True)
    print("row", json.dumps(row), flush=True)
    print("# the end", flush=True)
