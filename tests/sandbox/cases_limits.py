# SPDX-License-Identifier: MIT
"""Bombs and runaways: a run takes what its policy gives, and ends."""
import os
import pathlib
import subprocess
import tempfile
import time

import sandbox_env
from sandbox_env import (Attack, add, as_root, case, client, groups_of_runs,
                   matches, says, stop_pid, uid_processes)

ALL = says(" all")


def limit(name, command, effect=ALL, **more):
    add(Attack("limits." + name, command, effect, policy="limits", **more))


limit("fork_bomb", "{try} forks 300; :", ends=False)
limit("descriptors", "{try} descriptors 500",
      direct="ulimit -n 1000; {try} descriptors 500")
# Under a memory controller the kernel ends the run, else allocations fail.
limit("memory", "{try} memory 160", ends=False)
limit("file_size", "{try} fill {work}/big 4; rm -f {work}/big")
limit("raise_descriptors", "ulimit -n 128 && ulimit -n",
      matches("^128$"))
limit("raise_file_size", "ulimit -f unlimited && ulimit -f",
      matches("^unlimited$"))
limit("cpu", "{try} spin 2; :", says("CAME-THROUGH"), ends=False)
limit("core", "ulimit -c unlimited; ulimit -c", matches("^unlimited$"))


def gone(w, what, seconds=3):
    client.within(f"no process of {what} is left", seconds,
                  lambda: not client.processes(what))


def outlives(name, command, **arguments):
    """After the answer, nothing of the run is alive; directly, it is."""
    @case("limits." + name)
    def run(w):
        mark = client.mark()
        text = command.replace("MARK", mark)
        w.direct("(" + text.replace("TIME", "20")
                 + ") >/dev/null 2>&1 </dev/null")
        left = client.processes(mark)
        for pid in left:
            stop_pid(pid)
        client.check(left, "the control did not work")
        begin = time.monotonic()
        w.inside(text.replace("TIME", "20"), ends=False, **arguments)
        client.check(time.monotonic() - begin < 10 * client.SLOW,
                     "took too long")
        gone(w, mark)


outlives("background", "{try} stubborn TIME MARK & sleep 0.1")
outlives("daemon", "{try} daemon TIME MARK")
outlives("nohup", "nohup {try} stubborn TIME MARK & sleep 0.1")
outlives("setsid", "setsid -f {try} stubborn TIME MARK; sleep 0.1")
outlives("double_fork", "( ( {try} stubborn TIME MARK & ) & ); sleep 0.1")
outlives("many", "for i in 1 2 3 4 5 6 7 8; do {try} daemon TIME MARK & "
         "done; sleep 0.2")


def timed(name, command):
    """Over its time, it is ended, whatever it does about it."""
    @case("limits." + name)
    def run(w):
        mark = client.mark()
        text = w.text(command.replace("MARK", mark))
        begin = time.monotonic()
        r = w.call(text, timeout_ms=300)
        took = time.monotonic() - begin
        client.check(r.error and r.data.get("timed_out"), r)
        client.check(took < 8 * client.SLOW, "took", took)
        gone(w, mark)
        with w.beside("sh -c '" + text + "'") as (child, _):
            time.sleep(1)
            client.check(child.poll() is None, "the control ended by itself")
        for pid in client.processes(mark):
            stop_pid(pid)


timed("timeout", "echo begun; sleep 20; : MARK")
timed("timeout_stubborn", "exec {try} stubborn 20 MARK")
timed("timeout_stopped", "echo begun; kill -STOP $$; : MARK")
timed("timeout_tree", "{try} stubborn 20 MARK & {try} stubborn 20 MARK & "
      "echo begun; wait")


@case("limits.timeout_fork_bomb")
def bomb(w):
    """Forks faster than it can be looked at, and dies anyway."""
    mark = client.mark()
    r = w.call(w.text("f() { {try} stubborn 20 " + mark + " & f & f & wait; };"
                      " f"), "limits", timeout_ms=1000)
    client.check(r.error, r)
    gone(w, mark, 10)
    client.within("its user has no process left", 10,
                  lambda: not w.processes())
    client.equal(w.server.get("/healthz").status, 200, "/healthz")
    out = w.inside("echo still here", "limits")
    client.check("still here" in out, out)


@case("limits.output_flood")
def flood(w):
    """Output is counted in full, kept in part, and nobody grows by it."""
    def rss():
        return int(client.status_of(w.server.process.pid)["VmRSS"].split()[0])

    before = rss()
    count = 60000000 // client.SLOW
    r = w.call(f"head -c {count} /dev/zero | tr '\\0' x", "limits")
    client.equal(r.data["bytes"]["stdout"], count, "counted")
    client.check(len(r.data["stdout"]) < 200000, "kept", len(r.text))
    client.check(rss() - before < 8000, "grew by", rss() - before, "KiB")


@case("limits.concurrent")
def concurrent(w):
    """More at a time than the policy has is refused, and leaves no trace."""
    begun = [w.running("sleep 60", "limits")  # cancelled below
             for _ in range(3)]
    for b in begun:
        b.__enter__()
    try:
        r = w.call("echo x >{work}/fourth".format(**w.names), "limits")
        client.check(r.error, r)
        client.check(not w.path("{work}/fourth").exists(), "ran")
    finally:
        for b in begun:
            b.__exit__(None, None, None)
    client.check("y" in w.inside("echo y", "limits"), "afterwards")


@case("limits.other_token_goes_on")
def beside(w):
    """A bomb of one token leaves another one able to work."""
    if not as_other_user(w):
        raise client.Skip("runs of one user share its limit of processes")
    with w.running("{try} forks 300; sleep 2", "limits"):
        out = w.inside("echo works; ls >/dev/null && echo ls")
    client.check("works" in out, out)


def as_other_user(w):
    return w.uid >= 200000


@case("limits.inherited_descriptors")
def descriptors(w):
    """0, 1 and 2, whatever the executor has open."""
    out = w.inside("exec 2>&1; {try} fds")
    numbers = [line.split()[0] for line in out.splitlines()
               if line[:1].isdigit()]
    client.equal(numbers, ["0", "1", "2"], out)
    client.check("/dev/null" in out.splitlines()[0], out)
    control = w.direct("exec 7</dev/null 9</etc/passwd; {try} fds")
    client.check("7 /dev/null" in control and "9 /etc/passwd" in control,
                 "the control did not work", control)
    out = w.inside("exec 2>&1; {try} fds", stdin="hello")
    client.check("0 pipe:" in out.splitlines()[0], out)
    client.equal(len([x for x in out.splitlines() if x[:1].isdigit()]), 3,
                 "with stdin")


@case("limits.control_group")
def control_group(w):
    """In a group of its own, with what it starts, which goes with it; the
    executor is not in it, nor is a guard that may have other runs."""
    if not w.group:
        raise client.Skip("has a meaning with mode cgroup")
    mark = client.mark()
    r = w.call("cat /proc/self/cgroup", "base")
    place = r.data["stdout"].strip().rpartition("\n")[2]
    client.check(place.endswith(f"/runs/{r.data['run_id']}"), place)
    client.check("cgroup" in w.posture()["layers"], w.posture())
    with w.running("{try} daemon 20 " + mark + "; {try} stubborn 20 " + mark):
        client.within("both", 5, lambda: len(client.processes(mark)) > 1)
        inside = {group_of(p) for p in client.processes(mark)
                  if client.status_of(p)["Uid"].split()[0] == str(w.uid)}
        client.equal(len(inside), 1, "groups of one run")
        group = inside.pop()
        client.check("/runs/" in group, "their group")
        guards = [p for p in client.descendants(w.server.process.pid)
                  if name_of(p) == "mcp-execd-guard"]
        home = group_of(w.server.process.pid)
        client.check("/supervisor" in home, "the executor's")
        client.check(guards, "its guard")
        client.check({group_of(p) for p in guards} <= {
            group, home.removesuffix("supervisor") + "guards"}, "its guard's")
    w.inside("true")
    client.check(not world_groups(w), "left", world_groups(w))


def group_of(pid):
    text = pathlib.Path(f"/proc/{pid}/cgroup").read_text()
    return [line for line in text.splitlines() if line.startswith("0::")][0]


def name_of(pid):
    return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()


@case("limits.guard_outlives_memory")
def guard_outlives_memory(w):
    """Memory that runs out in the group ends the run, and its guard says so."""
    if not w.group:
        raise client.Skip("has a meaning with mode cgroup")
    r = w.call("{try} memory 400; {try} memory 400", "limits")
    client.check(r.data["run_id"] and "guard process was killed" not in r.text,
                 r.text)
    client.check(r.data["exit_code"] is not None or r.data["signal"], r.data)


CORE_PATTERN = pathlib.Path("/proc/sys/kernel/core_pattern")
CRASH = "ulimit -c 0; ulimit -c unlimited; sh -c 'kill -SEGV $$'; :"


@case("limits.core_handler", only=as_root)
def core_handler(w):
    """The machine's core handler, root and outside, is not started for it."""
    with sandbox_env.alone(CORE_PATTERN):
        crash_beside_handler(w)


def crash_beside_handler(w):
    before = CORE_PATTERN.read_text()
    with tempfile.TemporaryDirectory() as d:
        called = pathlib.Path(d) / "called"
        handler = pathlib.Path(d) / "h"
        handler.write_text(f"#!/bin/sh\necho $1 >>{called}\n")
        handler.chmod(0o755)
        try:
            CORE_PATTERN.write_text(f"|{handler} %u")
        except OSError as e:
            raise client.Skip(f"core_pattern cannot be set: {e}") from None
        try:
            w.inside(CRASH)
            w.inside("python3 -c 'import os,resource as r; "
                     "r.setrlimit(r.RLIMIT_CORE, (0, 0)); os.abort()'; :")
            subprocess.run(["sh", "-c", CRASH], check=False,
                           stderr=subprocess.DEVNULL)
            client.within("the control", 5, called.exists)
            time.sleep(.2)
        finally:
            CORE_PATTERN.write_text(before)
        uids = called.read_text().split()
        client.check(str(w.uid) not in uids, "called for", uids)


def world_groups(w):
    time.sleep(0.5)
    w.inside("true")
    return groups_of_runs(w.group)


# --- the end of the daemons -----------------------------------------------------

def orphan(name, victim):
    """When a daemon is killed, what it had started ends with it."""
    @case("limits." + name, only=as_root if name == "frontend_killed" else
          None)
    def run(w):
        keys = {**w.keys, **w.identity()}
        with client.Server(policy=keys) as server:
            mark = client.mark()
            (server.work / "try").write_bytes(w.path("{try}").read_bytes())
            (server.work / "try").chmod(0o755)
            c = server.http()
            c.begin(f"./try daemon 20 {mark}; exec ./try stubborn 20 {mark}")
            client.within("they are there", 5,
                          lambda: len(client.processes(mark)) >= 2)
            pid = victim(server)
            os.kill(pid, 9)
            gone(w, mark, 10)
            if pid == server.process.pid:
                server.process.wait()
            else:
                client.within("a new frontend", 10, lambda: healthy(server))
            c.close()
    return run


def healthy(server):
    try:
        return server.get("/healthz").status == 200
    except OSError:
        return False
    except client.Failed:
        return False


orphan("executor_killed", lambda s: s.process.pid)
orphan("frontend_killed", lambda s: s.frontend_pid() or s.process.pid)


@case("limits.user_processes_end")
def user_processes(w):
    """The runs so far left nobody behind."""
    if not as_other_user(w):
        raise client.Skip("other processes of this user are not ours")
    client.within("no process of the uid", 10,
                  lambda: not uid_processes(w.uid))
