# SPDX-License-Identifier: MIT
"""A day of jobs in seconds: whatever happens, nothing is left over."""
import itertools
import os
import random
import time

from client import (LONG, SLOW, Server, check, crash_frontend, descendants,
                    equal, fds, mark, processes, status_of, within)
from modern import Modern
from test_job_ends import JOBS, kept
from test_jobs import files, start, take_jobs_away
from test_survive import gone, held
from test_tasks import Late, create, get

KEYS = {**JOBS, "at_once": 64, "wait_ms": 300}
POLICY = {"structured": False, "jobs": {**KEYS, "survive": True},
          "limits": {"runs": 64, "runs_per_minute": 6000}}
DAY_S = 600 if LONG else 4
HELD = 3                # descriptors for what has just ended
MARK = mark()           # of each command of the day
EVENTS = ("revoke", "frontend", "reload", "nothing", "kill", "hand-over",
          "stop")


def leave_call(c, made):
    """A call whose connection is dropped while it runs."""
    conn = c.begin(f"echo x; sleep {made.random() / 2}; : {MARK}",
                   idempotency_key=str(made.random()))
    time.sleep(made.random() / 20)
    conn.reset()


def revoke(server, n, policy=None):
    name = f"gone{n}"
    with server.http(token=server.add(name, policy=policy)) as c:
        start(c, f"setsid sleep 50 {MARK} & sleep 50; : {MARK}")
        create(c, f"sleep 50; : {MARK}")
        server.ctl("token", "revoke", name)


def begin_again(server, how, launchers):
    """The next executor, which adopts what runs, or ends it."""
    launchers.add(server.launcher_pid())
    if how == "hand-over":
        server.ctl("hand-over")
    if how == "kill":
        server.kill()
    else:
        server.stop()
    server.start()


def happen(server, what, n, launchers):
    if what == "revoke":
        revoke(server, n, ("mortal", None)[n % 2])
    elif what == "frontend":
        crash_frontend(server)
    elif what == "reload":
        server.reload()
    elif what != "nothing":
        begin_again(server, what, launchers)


def churn(server, made, n, mortal):
    """What clients do to jobs; some go on after it."""
    with server.http() as c, Modern(server) as plain, Late(server) as late, \
            server.http(token=mortal) as other:
        job = start(c, f"echo {n}; sleep 3; : {MARK}", name=f"round {n}")
        start(other, f"sleep 3; : {MARK}", name=f"mortal {n}", pty=True)
        t = create(c, f"head -c 100000 /dev/zero; sleep 0.1; : {MARK}")
        c.call("job_output", job=job, wait_ms=50)
        plain.call("job_list")
        leave_call(c, made)
        late.ask("tools/call", {"name": "exec_cmd", "arguments": {
            "command": f"sleep 0.5; : {MARK}"}})
        get(late, t)
        if made.random() < 0.7:
            c.call("job_stop", job=job, signal=made.choice(("TERM", "KILL")))


def groups_of(pid):
    """Names of runs' control groups next to it."""
    for line in open(f"/proc/{pid}/cgroup"):
        if line.startswith("0::"):
            place = f"/sys/fs/cgroup{os.path.dirname(line[3:].strip())}"
            return [d for _, names, _ in os.walk(place) for d in names
                    if d.startswith("run-")]
    return []


def own_mounts(server, pid):
    """Not those that others make on this machine meanwhile, also for tests."""
    return len([m for m in open(f"/proc/{pid}/mountinfo")
                if str(server.dir) in m])


def open_files(pid):
    return len([f for f in fds(pid).values() if not f.startswith("net:[")])


def state(server):
    """All that could be left over, except for memory."""
    pid = server.process.pid
    root = os.geteuid() == 0
    all_of = [p for p in (pid, *server.helpers()) if root]
    return {"descriptors": [open_files(p) for p in all_of],
            "processes": len([p for p in descendants(pid)
                              if p not in server.helpers()]),
            "of the day": processes(MARK),
            "files": len(files(server)) if root else 0,
            "on disk": sorted(os.listdir(server.dir / "recordings/jobs")),
            "sockets": len(os.listdir(held(server))),
            "mounts": [own_mounts(server, p) for p in all_of],
            "groups": groups_of(pid), "kept": kept(server)}


def rss_kib(pid):
    return int(status_of(pid)["VmRSS"].split()[0])


def end_all(server):
    """Without the key in the policies nothing runs on, and nothing is kept."""
    texts = take_jobs_away(server)
    within("nothing runs", 15, lambda: not processes(MARK) and not [
        p for p in descendants(server.process.pid)
        if p not in server.helpers()])
    within("nothing is kept", 5, lambda: kept(server) == (0, 0))
    found, last = state(server), None
    while found != last:        # until nothing of it changes
        time.sleep(0.2)
        found, last = state(server), found
    for path, text in texts.items():
        path.write_text(text)
    server.reload()
    return found


def left_over(before, now, into):
    """What is not as before; the keeper, say, holds ended loaders for a while."""
    same = {**now, "descriptors": before["descriptors"]}
    into.clear()
    into.update({k: (v, now[k]) for k, v in before.items() if v != same[k]})
    if any(n > b + HELD for b, n in zip(before["descriptors"],
                                        now["descriptors"])):
        into["descriptors"] = before["descriptors"], now["descriptors"]
    return into


def test_day():
    """Start, poll, leave, stop, revoke, crash, reload, restart, hand over."""
    made, old = random.Random(7), set()
    with Server(policy=POLICY) as server:
        server.add_policy("mortal", jobs=KEYS)
        mortal = server.add("mortal", policy="mortal")
        churn(server, made, -1, mortal)
        begin_again(server, "kill", old)    # as those that come after it
        churn(server, made, -2, mortal)
        before, memory = end_all(server), rss_kib(server.process.pid)
        end = time.monotonic() + DAY_S
        for n in itertools.count():
            if time.monotonic() > end and n % len(EVENTS) == 0 and n > 0:
                break
            churn(server, made, n, mortal)
            happen(server, EVENTS[n % len(EVENTS)], n, old)
        for i in range(3):      # of one executor
            churn(server, made, n + i, mortal)
        left = {}
        within(left, 10, lambda: not left_over(before, end_all(server), left))
        within("its launchers are gone", 20, lambda: gone(old))
        grew = rss_kib(server.process.pid) - memory
        check(grew < 8192 * SLOW, f"{n} rounds: the executor grew {grew} KiB")
        print(f"# {n} rounds, {grew} KiB more", flush=True)
        server.ctl("audit", "verify")
        server.stop()
        server.start()
        with server.http() as c:
            equal(c.sh("echo on").text, "on\n", "after a restart")
        equal(kept(server)[0], 1, "all except that")
