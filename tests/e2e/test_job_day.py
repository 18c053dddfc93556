# SPDX-License-Identifier: MIT
"""A day of jobs in seconds: whatever happens, nothing is left over."""
import json
import os
import random
import subprocess
import time

from client import (SLOW, Server, check, crash_frontend, descendants, equal,
                    fds, status_of, within)
from modern import Modern
from test_job_ends import JOBS, kept
from test_jobs import files, start
from test_tasks import Late, create, get

POLICY = {"structured": False, "jobs": {**JOBS, "at_once": 64},
          "limits": {"runs": 64, "runs_per_minute": 6000}}
DAY_S = float(os.environ.get("MCP_EXECD_DAY_S", "4"))


def leave_call(c, made):
    """A call whose connection is dropped while it runs."""
    conn = c.begin(f"echo x; sleep {made.random() / 2}",
                   idempotency_key=str(made.random()))
    time.sleep(made.random() / 20)
    conn.reset()


def revoke(server, n):
    name = f"gone{n}"
    with server.http(token=server.add(name)) as c:
        start(c, "sleep 50")
        create(c, "sleep 50")
        server.ctl("token", "revoke", name)


def churn(server, made, n):
    """One round: what clients and people do to jobs."""
    with server.http() as c, Modern(server) as plain, Late(server) as late:
        job = start(c, f"echo {n}; sleep 3", name=f"round {n}")
        t = create(c, "head -c 100000 /dev/zero; sleep 0.1")
        c.call("job_output", job=job, wait_ms=50)
        plain.call("job_list")
        leave_call(c, made)
        late.ask("tools/call", {"name": "exec_cmd", "arguments": {
            "command": "sleep 0.5"}})
        get(late, t)
        if made.random() < 0.7:
            c.call("job_stop", job=job, signal=made.choice(("TERM", "KILL")))
    what = made.choice(("revoke", "crash", "reload", "nothing"))
    if what == "revoke":
        revoke(server, n)
    elif what == "crash":
        crash_frontend(server)
    elif what == "reload":
        server.reload()


def state(server):
    """All that could be left over, except for memory."""
    pid = server.process.pid
    root = os.geteuid() == 0
    mounts = [len(open(f"/proc/{p}/mountinfo").readlines())
              for p in (pid, server.launcher_pid()) if root]
    groups = [line.split("::")[1].strip() for line in
              open(f"/proc/{pid}/cgroup") if line.startswith("0::")]
    leaves = subprocess.run(
        ["find", f"/sys/fs/cgroup{os.path.dirname(groups[0])}", "-name",
         "run-*"], capture_output=True, text=True).stdout if groups else ""
    return {"descriptors": len([f for f in fds(pid).values()
                                if not f.startswith("net:[")]) if root else 0,
            "processes": len([p for p in descendants(pid)
                              if p not in server.helpers()]),
            "files": len(files(server)) if root else 0,
            "mounts": mounts, "groups": leaves, "kept": kept(server)}


def rss_kib(pid):
    return int(status_of(pid)["VmRSS"].split()[0])


def end_all(server):
    """Without the key in the policy nothing runs on, and nothing is kept."""
    path = server.dir / f"policies.d/{server.name}.json"
    text = path.read_text()
    keys = json.loads(text)
    keys.pop("jobs")
    path.write_text(json.dumps(keys))
    server.reload()
    within("nothing runs", 15, lambda: not [
        p for p in descendants(server.process.pid)
        if p not in server.helpers()])
    within("nothing is kept", 5, lambda: kept(server) == (0, 0))
    found, last = state(server), None
    while found != last:        # until nothing of it changes
        time.sleep(0.2)
        found, last = state(server), found
    path.write_text(text)
    server.reload()
    return found


def test_day():
    """A day of start, poll, leave, stop, revoke, crash, reload, restart."""
    made = random.Random(7)
    with Server(policy=POLICY) as server:
        churn(server, made, -1)
        before, memory = end_all(server), rss_kib(server.process.pid)
        end, n = time.monotonic() + DAY_S, 0
        while time.monotonic() < end:
            churn(server, made, n)
            n += 1
        within("as before", 10, lambda: end_all(server) == before)
        grew = rss_kib(server.process.pid) - memory
        check(grew < 8192 * SLOW, f"{n} rounds: the executor grew {grew} KiB")
        server.stop()
        server.start()
        with server.http() as c:
            equal(c.sh("echo on").text, "on\n", "after a restart")
        equal(kept(server)[0], 1, "all except that")
