# SPDX-License-Identifier: MIT
"""Limits by control groups with all their controllers, each with its control.

The control is the same command under the policy "work", which has no limits.
"""
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import time

import client
import machine
from machine import call, check, equal, service, step

MIB = 1 << 20
WORK = {"user": "deploy", "directory": "/srv/work"}
HOG = "python3 -c 'x = b\"x\" * (200 << 20); print(len(x))'"
FORK = ("python3 -c '\nimport os, time\nmade = 0\nfor i in range(60):\n"
        " try:\n  pid = os.fork()\n except BlockingIOError: continue\n"
        " if not pid: time.sleep(3); os._exit(0)\n made += 1\n"
        "print(made)'")
SPIN = ("python3 -c '\nimport time\nend = time.monotonic() + 4\n"
        "while time.monotonic() < end: pass\nprint(time.process_time())'")
tokens = {}


def token(name, **keys):
    """Of a policy that differs from "work" in these keys."""
    if name not in tokens:
        limits = {"runs": 8, "runs_per_minute": 0, **keys.pop("limits", {})}
        machine.write_policy(name, **WORK, limits=limits, **keys)
        machine.reload_ends("success", name)
        tokens[name] = machine.add_token(name, name)
    return tokens[name]


def small():
    return token("small", limits={
        "memory_bytes": 64 * MIB, "processes": 20, "cpu_percent": 25})


def explained(result, *words):
    """A line of the denials has them all; so has the text, if it failed."""
    lines = [line for line in result.data["denials"]
             if all(w in line for w in words)]
    check(lines, "no explanation with", words, result)
    check(not result.error or lines[0] in result.text, "text", result)


@step("limits.posture")
def posture():
    p = machine.posture(call(small(), "true"))
    equal((p["cgroup.memory_bytes"], p["cgroup.processes"],
           p["cgroup.cpu_percent"]), (64 * MIB, 20, 25), "limits")


@step("limits.memory")
def memory():
    r = call(service.token, HOG)
    equal(r.data["stdout"], f"{200 * MIB}\n", "control")
    r = call(small(), HOG + "; echo afterwards")
    check(r.error and str(MIB) not in r.data["stdout"]
          and "afterwards" not in r.data["stdout"], r)
    equal((r.data["state"], r.data["signal"]), ("signalled", "KILL"), r)
    explained(r, f"memory limit of {64 * MIB} bytes", "policy small",
              "limits.memory_bytes")
    record = machine.result_record(r)
    check(record["cgroup.oom_kills"] > 0, record)
    check(record["cgroup.memory_peak"] <= 64 * MIB, record)
    check("small enough" in call(small(), "echo small enough").text, "after")
    return r.data["denials"][0]


@step("limits.memory_of_all_processes", long=True)
def memory_of_all():
    """Four that are small enough, each for itself."""
    one = "python3 -c 'import time; x = b\"x\" * (30 << 20); time.sleep(8)'"
    four = f"for i in 1 2 3 4; do {one} & done; wait; echo all"
    r = call(service.token, four)
    check("all" in r.data["stdout"], "control", r)
    r = call(small(), one)
    check(not r.error, "one of them", r)
    r = call(small(), four)
    check(r.error and "all" not in r.data["stdout"], r)
    explained(r, "memory limit")


@step("limits.memory_by_files", long=True)
def memory_by_files():
    """What is in /tmp and /dev/shm is memory."""
    room = {"files": {"tmp_bytes": 256 * MIB}}
    free = token("roomy", **room)
    held = token("held", limits={"memory_bytes": 64 * MIB}, **room)
    fill = "head -c 50M /dev/zero >{0} && stat -c %s {0}"
    both = fill.format("/tmp/x") + " && " + fill.format("/dev/shm/x")
    r = call(free, both)
    equal(r.data["stdout"], f"{50 * MIB}\n" * 2, f"control {r}")
    r = call(held, both)
    check(r.error, r)
    explained(r, "memory limit")
    r = call(held, fill.format("/tmp/x"))
    equal(r.data["stdout"], f"{50 * MIB}\n", f"it is given back: {r}")


@step("limits.oom_score")
def oom_score():
    """It is ended first, in whichever of its guard's runs."""
    for run in ("first", "second", "third"):
        r = call(small(), "cat /proc/self/oom_score_adj")
        equal(r.data["stdout"], "500\n", run)


@step("limits.processes")
def processes():
    r = call(service.token, FORK)
    equal(r.data["stdout"], "60\n", "control")
    r = call(small(), FORK)
    equal(r.data["stdout"], "18\n", f"besides sh and python3: {r}")
    explained(r, "limit of 20 processes", "policy small", "limits.processes")
    check(machine.result_record(r)["cgroup.processes_denied"] >= 41,
          machine.result_record(r))


@step("limits.cpu")
def cpu():
    used = float(call(service.token, SPIN).data["stdout"])
    check(used > 2, "control", used)
    held = float(call(small(), SPIN).data["stdout"])
    # An emulated processor that waits for its host counts that as spent.
    check(0.2 < held < 0.7 * used, "a quarter of 4 s:", held, "of", used)
    return f"{used:.1f} s of 4 without, {held:.1f} s with a quarter"


@step("limits.fair_share")
def fair_share():
    """Who names no limit gets a part of the service's tasks, not all."""
    most = int(machine.show("TasksMax"))
    runs = int((machine.GROUP / "runs/pids.max").read_text())
    p = machine.posture(call(service.token, "true"))
    check(p["cgroup.processes"] < runs < most, p, runs, most)
    weight = int((machine.GROUP / "supervisor/cpu.weight").read_text())
    other = int((machine.GROUP / "runs/cpu.weight").read_text())
    check(weight > other, weight, other)
    guards = int((machine.GROUP / "guards/cpu.weight").read_text())
    equal(guards, other, "that of guards")
    return f"{p['cgroup.processes']} of {runs} of {most}"


def group_of(pid):
    return pathlib.Path(f"/proc/{pid}/cgroup").read_text().strip()


def groups_of(mark):
    """Of those that are still there, as one that forks goes at any time."""
    groups = []
    for pid in client.processes(mark):
        with contextlib.suppress(OSError):
            groups.append(group_of(pid))
    return groups


@step("limits.kill")
def kill():
    """cgroup.kill reaches what no other layer would: without process ids of
    its own, and while it forks."""
    # /etc has the server's own files, which mounts alone would hide
    t = token("nopids", disable=["pids", "mounts"], files={
        "read": ["/usr", "/bin", "/lib", "/lib64", "/proc"]})
    mark = client.mark()
    before = time.monotonic()
    r = call(t, f"for i in 1 2 3; do ./try daemon 60 {mark} & done; sleep 2;"
             f" setsid -f ./try stubborn 60 {mark} >/dev/null;"
             " cat /proc/self/cgroup")
    place = r.data["stdout"].strip()
    equal(place.rpartition("/")[2], r.data["run_id"], r)
    client.within("none is left", 10, lambda: not client.processes(mark))
    with machine.running(t, f"./try daemon 60 {mark}; ./try stubborn 60 "
                         f"{mark}"):
        groups = client.within("the control runs", 5, lambda: len(
            found := groups_of(mark)) > 1 and found)
        check(all("/runs/" in g for g in groups), groups)
    client.within("none is left after the client went", 10,
                  lambda: not client.processes(mark))
    check(time.monotonic() - before < 50, "they ended by themselves")


@step("limits.guards_apart")
def guards_apart():
    """What watches over runs competes with them, not with the daemons."""
    mark = client.mark()
    with machine.running(service.token, f"./try stubborn 60 {mark}"):
        pid = client.within("it runs", 5, lambda: client.processes(mark))[0]
        guard = int(client.status_of(pid)["PPid"])
        equal(client.status_of(guard)["Name"], "mcp-execd-guard", "parent")
        check("/runs/" in group_of(pid), group_of(pid))
        home = group_of(machine.show("MainPID"))
        check(home.endswith("/supervisor"), "executor")
        equal(group_of(guard),
              home.removesuffix("supervisor") + "guards", "the guard's")


@contextlib.contextmanager
def storm():
    """A fork bomb, two memory hogs and two spinners, of three tokens."""
    bomb = ("python3 -c '\nimport os\nwhile True:\n try: os.fork()\n"
            " except OSError: pass'")
    hog = "python3 -c 'x = []\nwhile True: x.append(b\"x\" * (8 << 20))'"
    spin = "while :; do :; done"
    plan = [(service.token, bomb), (small(), bomb), (small(), hog),
            (token("other"), hog), (token("other"), spin),
            (token("other"), spin)]
    with contextlib.ExitStack() as stack:
        for who, what in plan:
            stack.enter_context(machine.running(who, what))
        yield


@step("limits.daemons_are_not_starved")
def starved():
    """A storm of runs without limits: the daemons answer, other tokens work,
    the machine's administrator does as well."""
    t = token("calm")
    call(t, "true")
    main = machine.show("MainPID")
    slowest = ping = 0.0
    with storm():
        time.sleep(3)
        for _ in range(8):
            ping = max(ping, machine.seconds_of(
                lambda: check(machine.healthy(), "/healthz")))
            slowest = max(slowest, machine.seconds_of(
                lambda: equal(call(t, "echo works").data["stdout"], "works\n",
                              "another token")))
    client.within("all have ended", 20, lambda: not machine.groups_of_runs()
                  or call(t, "true") and not machine.groups_of_runs()[1:])
    equal(machine.show("MainPID"), main, "the executor lives on")
    equal(machine.show("NRestarts"), "0", "restarts")
    check(ping < 5 and slowest < 15, ping, slowest)
    return f"/healthz {ping:.2f} s, a command {slowest:.2f} s at most"


@step("limits.without_the_layer", long=True)
def without():
    """"disable" is no way around a limit: rlimits take its place."""
    t = token("plain", disable=["cgroup"], limits={
        "memory_bytes": 64 * MIB})
    p = machine.posture(call(t, "true"))
    check("cgroup" not in p["layers"] and "cgroup.memory_bytes" not in p, p)
    equal(p["memory_bytes"], 64 * MIB, p)
    r = call(t, HOG)
    check(r.error and "MemoryError" in r.text, r)
    check(not machine.groups_of_runs() or
          r.data["run_id"] not in machine.groups_of_runs(), "no group")


def refused(**keys):
    """What a policy says that must not load; the others stay in force."""
    path = machine.write_policy("odd", **WORK, **keys)
    try:
        machine.status("systemctl", "reload", machine.UNIT)
        said = machine.sh("mcp-execctl", "check", ok=False)
        check("odd.json" in said, said)
        return said
    finally:
        path.unlink()


@step("limits.required", long=True)
def required():
    t = token("strict", require=["mounts", "pids", "ipc", "network",
                                 "landlock", "seccomp", "cgroup"])
    check("cgroup" in machine.posture(call(t, "true"))["layers"], "control")
    check("cgroup" in refused(require=["cgroup"], disable=["cgroup"]),
          "required and disabled")
    check("cpu_percent" in refused(disable=["cgroup"],
                                   limits={"cpu_percent": 50}),
          "cpu_percent without the layer")


@step("limits.switched_off", long=True)
def switched_off():
    """"cgroup": "off": a policy that needs one keeps the service down."""
    conf = machine.ETC / "mcp-execd.json"
    kept = conf.read_text()
    for name in "policies.d", "tokens.d":
        (machine.ETC / name).rename(machine.ETC / f"{name}.kept")
        (machine.ETC / name).mkdir(0o700)
    conf.write_text('{ "cgroup": "off" }\n')
    machine.write_policy("work", **WORK)
    try:
        machine.restart()
        t = machine.add_token("off", "work")
        check("cgroup" not in machine.posture(call(t, "true"))["layers"],
              "control: off")
        machine.write_policy("strict", **WORK, require=["cgroup"])
        said = machine.sh("mcp-execd", "-n", ok=False)
        check("cgroup" in said and "strict.json" in said, said)
        said = machine.sh("mcp-execctl", "check", ok=False)
        check("cgroup" in said and "strict.json" in said, "mcp-execctl", said)
        machine.status("systemctl", "restart", machine.UNIT)
        equal(machine.healthy(), False, "it came up with less")
    finally:
        conf.write_text(kept)
        for name in "policies.d", "tokens.d":
            shutil.rmtree(machine.ETC / name)
            (machine.ETC / f"{name}.kept").rename(machine.ETC / name)
        machine.restart()


@step("limits.many_at_once", long=True)
def many():
    """Each run in a group of its own, and none is left."""
    t = token("many", limits={"runs": 16, "memory_bytes": 64 * MIB})
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: call(t, "true"), range(60)))
    check(all(not r.error for r in done), [r for r in done if r.error])
    call(t, "true")
    time.sleep(1)
    call(t, "true")
    check(len(machine.groups_of_runs()) < 2, machine.groups_of_runs())


@step("limits.left_by_a_crash", long=True)
def crash():
    """The executor killed: its runs end, and their groups go."""
    mark = client.mark()
    with machine.running(service.token, f"./try stubborn 60 {mark}"):
        client.within("it runs", 5, lambda: client.processes(mark))
        os.kill(int(machine.show("MainPID")), 9)
        client.within("it ended", 10, lambda: not client.processes(mark))
    machine.up(20)
    lost = client.within("the next start records it", 5, lambda: [
        r for r in machine.audit("run-result")
        if r["run.state"] == "lost"])
    check(lost, "lost")
    call(service.token, "true")
    check(len(machine.groups_of_runs()) < 2, machine.groups_of_runs())
