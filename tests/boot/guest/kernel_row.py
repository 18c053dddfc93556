# SPDX-License-Identifier: MIT
"""What this kernel gives: rows of tests/boot/KERNELS.md, as JSON.

One for the machine as it was booted, and one for each of its VARIANTS, which
are settings that need no boot.
"""
import json
import os
import pathlib
import re
import subprocess
import time

import machine
import steps_account
from machine import check, equal, sh

RUNS = 20               # whose cost is measured
CONFIG = machine.ETC / "mcp-execd.json"
# Of the example "diagnose", which looks at the host's network.
ALL = ["mounts", "pids", "ipc", "landlock", "seccomp", "cgroup", "loginuid"]
# Nothing of the kernel's: the same on each of these machines.
OF_NO_KERNEL = ("log growth", "audit seal", "clock")


def without(*layers):
    return [x for x in ALL if x not in layers]


def set_hard():
    """What a hardening guide asks for, and more, at once."""
    USERNS.write_text(FEW)
    sh("sysctl", "-w", "kernel.yama.ptrace_scope=3", "vm.overcommit_memory=2",
       "kernel.unprivileged_bpf_disabled=1", "fs.protected_fifos=2",
       "fs.protected_regular=2", "kernel.kptr_restrict=2")
    pathlib.Path("/sys/kernel/security/lockdown").write_text("confidentiality")
    sh("mount", "-o", "remount,hidepid=invisible", "/proc")
    for place in "/tmp", "/var/tmp", "/dev/shm":
        sh("mount", "-t", "tmpfs", "-o", "noexec,nosuid,nodev,mode=1777",
           "tmpfs", place)


USERNS = pathlib.Path("/proc/sys/user/max_user_namespaces")
FEW = "1000"


def set_no_userns():
    USERNS.write_text("0")


# In this order: nothing sets ptrace_scope back from 3.
VARIANTS = {"debian-12": {"no-userns": set_no_userns, "hardened": set_hard}}

# (posture, layers of root's service, some of an account's or None where it
# cannot be, doctor's words)
EXPECTED = {
    "debian-11": ("kernel", without("landlock"), ["mounts"],
                  ["landlock: this kernel has none",
                   "nothing to do: by \"posture\": \"kernel\""]),
    "debian-12": ("strict", ALL, ["mounts", "landlock"], []),
    "debian-13": ("strict", ALL, ["mounts", "landlock"], []),
    "backports": ("strict", ALL, ["mounts", "landlock"], []),
    "no-landlock": ("kernel", without("landlock"), ["mounts"],
                    ["landlock: it is switched off at boot: add landlock"]),
    "cgroup-v1": ("strict", without("cgroup"), ["mounts", "landlock"],
                  ["cgroup: this machine has control groups of version 1 only",
                   "boot with systemd.unified_cgroup_hierarchy=1"]),
    "cgroup-hybrid": ("strict", ALL, ["mounts", "landlock"],
                      ["version 1 has them here: boot with"]),
    "hardened": ("strict", ALL, ["mounts", "landlock"],
                 ["set kernel.yama.ptrace_scope below 3"]),
    "no-userns": ("strict", ALL, None, []),
}


def words(text):
    return " ".join(text.split())


def use_posture(name):
    text = CONFIG.read_text()
    text = re.sub(r'"posture": "\w+", ', "", text)
    CONFIG.write_text(text.replace("{", f'{{ "posture": "{name}", ', 1))


def start(row):
    """The posture that the service starts with; what strict said, if not."""
    for posture in ("strict", "kernel"):
        use_posture(posture)
        said = words(sh("mcp-execctl", "check", ok=False))
        machine.status("systemctl", "reset-failed", machine.UNIT)
        if machine.status("systemctl", "restart", machine.UNIT) == 0:
            machine.up(30)
            return posture
        row["refusal"] = said[:600]
        equal(machine.show("NRestarts"), "0", "starts that were repeated")
    raise machine.Failed("the service does not start: " + said)


def first_command(row, name):
    token = machine.add_token(f"look-{name}", "diagnose")
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


def start_account():
    if steps_account.account.token:
        machine.status("systemctl", "reset-failed", steps_account.UNIT)
        sh("systemctl", "restart", steps_account.UNIT)
    else:
        steps_account.setup()


def accept_less(refusal):
    """As the refusal says: what is missing is taken out of "require"."""
    path = steps_account.ETC / "policies.d/work.json"
    missing = re.findall(r'the layer "(\w+)" is required|'
                         r'a policy that requires (cgroup) does not', refusal)
    missing = ["".join(m) for m in missing]
    path.write_text(re.sub(
        r'("require": )(\[[^]]*\])', lambda m: m[1] + json.dumps(
            [x for x in json.loads(m[2]) if x not in missing]),
        path.read_text()))
    machine.status("systemctl", "reset-failed", steps_account.UNIT)
    sh("systemctl", "restart", steps_account.UNIT)
    if not steps_account.account.token:
        steps_account.account.token = steps_account.add_token("ci", "work")


def account(row):
    """An account's service: layers of its first run.  Its example requires
    all that there are: what it says if one is missing, and then without."""
    try:
        start_account()
    except machine.Failed:
        row["account_refusal"] = words(steps_account.ctl("check", ok=False))
        if EXPECTED[row["name"]][2] is None:
            row["account"] = []
            return
        accept_less(row["account_refusal"])
    equal(steps_account.said("echo here"), "here\n", "its first command")
    row["account"] = steps_account.records("run-intent")[-1]["posture"][
        "layers"]


def sandbox(row, pattern):
    run = subprocess.run(
        ["python3", machine.HERE / "tests/sandbox/run", "--mode", "full",
         *(["-k", pattern] if pattern != "all" else [])],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT, timeout=6000, check=False, env={
            **os.environ, "MCP_EXECD_SLOW": str(machine.SLOW),
            "MCP_EXECD_POSTURE": row["start"],
            "PYTHONPATH": str(machine.HERE / "python")})
    lines = run.stdout.splitlines()
    for line in lines:
        machine.note(line)
        if line.startswith("FAIL"):
            print("#", line[:300], flush=True)
    row["sandbox"] = lines[-1] if lines else "no output"
    if pattern != "all":
        row["sandbox"] += f" (`-k {pattern}`)"
    check(re.match(r"\d+ passed, 0 failed", row["sandbox"]), row["sandbox"],
          [x for x in lines if x.startswith("FAIL")])


def judge(row, name):
    """Is it what was expected, and does each message fit?"""
    posture, layers, walls, said = EXPECTED[name]
    equal(row["start"], posture, "posture")
    equal([x for x in ALL if x in row["posture"]["layers"]], layers, "layers")
    if walls is None:
        check("sysctl user.max_user_namespaces" in row["account_refusal"],
              row["account_refusal"])
    else:
        check(set(walls) <= set(row["account"]), "an account's",
              row["account"])
    if "account_refusal" in row:
        check("take it out of \"require\"" in row["account_refusal"],
              row["account_refusal"])
    out = words(row["doctor_text"])
    for text in said:
        check(text in out, f"doctor does not say {text!r}:", out)
    for advice in re.findall(r'say "disable": \[[^]]*\]', out):
        check("landlock" not in advice, "the last wall:", advice)
    for missing in row["missing"]:
        check(missing["why"], "a reason", missing)
    if posture == "kernel":
        check("the strongest that this kernel has" in row["status"],
              row["status"])


def fill(row, name, pattern):
    row["kernel"] = machine.kernel()
    row["start"] = start(row)
    first_command(row, name)
    account(row)
    row["doctor_text"] = sh("mcp-execctl", "doctor", ok=False)
    row["doctor"] = row["doctor_text"].strip().splitlines()[-1]
    row["warnings"] = [w for w in (words(x) for x in re.findall(
        r"^(?:warn|fail) +(.*(?:\n +.*)*)", row["doctor_text"], re.M))
        if not w.startswith(OF_NO_KERNEL)]
    row["status"] = words(sh("mcp-execctl", "status"))
    row["missing"] = [m for p in json.loads(sh(
        "mcp-execctl", "status", "--json"))["policies"] for m in p["missing"]]
    judge(row, name)
    if pattern != "none":
        sandbox(row, pattern)


def one(name, pattern, before):
    row = {"name": name}
    try:
        before()
        fill(row, name, pattern)
        print(f"ok kernel.{name}", flush=True)
    except Exception as e:      # of any kind: it is the row's verdict
        row["failed"] = f"{type(e).__name__}: {e}"[:900]
        print(f"FAIL kernel.{name}:", words(row["failed"]), flush=True)
        for line in machine.journal():
            print("#", line[:300], flush=True)
    print("row", json.dumps(row), flush=True)


def run(name, pattern):
    one(name, pattern,
        lambda: machine.apt("install", machine.HERE / "new.deb"))
    for variant, change in VARIANTS.get(name, {}).items():
        one(variant, "none", change)
    print("# the end", flush=True)
