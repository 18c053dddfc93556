# SPDX-License-Identifier: MIT
"""Jobs of the service as it is installed, where they end with it; and a day of
them, after which nothing is left over."""
import contextlib
import hashlib
import itertools
import json
import os
import pathlib
import random
import shutil
import time
import types

import client
import machine
import steps_survive as survive
import test_job_day as day
from machine import check, equal, sh, step
from modern import Modern
from test_job_restart import whole
from test_jobs import ended, output, start

MORTAL = {**survive.POLICY, "jobs": {**survive.JOBS, "survive": False}}
DAY = {**survive.POLICY, "jobs": {**survive.JOBS, "at_once": 64,
                                  "keep_seconds": 600, "wait_ms": 2000}}
DAY_S = 240
RECORDINGS = pathlib.Path("/var/lib/mcp-execd/recordings/jobs")
EVENTS = ("revoke", "frontend", "reload", "kill", "restart", "stop", "upgrade")


def use(policy, keys):
    """A token of a policy of that name."""
    machine.write_policy(policy, user="deploy", directory="/srv/work", **keys)
    machine.reload_ends("success", policy)
    out = sh("mcp-execctl", "token", "add", policy, "--policy", policy)
    token = machine.TOKEN.search(out).group()
    client.within(f"token {policy} in force", 10,
                  lambda: machine.status_with(token) != 401)
    return token


def written(n, size, whole):
    """What a job writes that wrote so much, and, if whole, its end."""
    if not whole:
        return survive.all_of(n, size)[:size]
    return next(text for i in range(size) if len(
        text := survive.all_of(n, i)) >= size)


class Mortal(survive.Jobs):
    """Of a policy that lets none survive."""
    halves = False          # those of even numbers are not told to end

    def waits_for(self, n):
        return self.go if n % 2 or not self.halves else f"{self.go}.never"

    def end_as(self, states):
        """Each by one record, with all that there was of its output, which is
        read from the next server, and is what it wrote up to then."""
        found, total = self.results(), 0
        with Modern(self.server, self.token) as c:
            for n, job in self.job.items():
                end, state = found[job], states[n % 2]
                equal(end["run.state"], state, n)
                digest, size = whole(c, job)
                text = written(n, size, state == "exited")
                total += size
                equal(digest, hashlib.sha256(text).hexdigest(), f"output {n}")
                if state != "lost":
                    equal((end["stdout.bytes"], end["stdout.sha256"]),
                          (size, digest), n)
                if state == "exited":
                    equal(end["process.exit_code"], n, "status")
        check(total > 1000, "bytes of output", total)
        self.nothing_left()


jobs = Mortal(machine.UNIT, machine.service, pathlib.Path("/srv/work"),
              machine.audit, survive.root_ctl)


@step("jobs.restarted")
def restarted():
    """Twenty go on while the frontend is killed; half of them end, and a restart
    of the service as it is installed ends the others, in order."""
    jobs.token = use("mortal", MORTAL)
    jobs.halves = True
    jobs.start()
    for _ in range(2):
        survive.kill_frontend()
        equal(jobs.of("run-result"), [], "none has ended")
        jobs.running()
    jobs.go.touch()
    client.within("half of them end", 30, lambda: len(
        jobs.of("run-result")) == survive.COUNT // 2)
    machine.restart()
    jobs.end_as(("cancelled", "exited"))
    jobs.halves = False


@step("jobs.terminal")
def terminal():
    """With the power that the unit has: its size, a password that nobody keeps,
    keys, and the screen."""
    secret = client.mark()
    with Modern(machine.service, use("typed", MORTAL)) as c:
        job = start(c, "stty size; stty -echo; printf 'pass: '; read p; "
                    "stty echo; echo; echo ${#p}; read x; echo got $x",
                    pty=True, columns=100, rows=30)
        client.within("it asks", 10, lambda: "pass: " in output(c, job))
        c.call("job_input", job=job, data=secret + "\n")
        client.within("it has it", 10, lambda: f"\n{len(secret)}\n" in
                      c.call("job_output", job=job, screen=True).text)
        c.call("job_input", job=job, keys="y e s Enter")
        said = ended(c, job)
    check("exited with status 0" in said and "30 100" in said
          and "got yes" in said, said)
    equal([r for r in machine.AUDIT.read_text().splitlines() if secret in r],
          [], "records with it")


@step("jobs.killed", long=True)
def killed():
    """What a crash leaves behind systemd ends, and the next one says so."""
    jobs.start()
    before = survive.main_pid()
    sh("systemctl", "kill", "-s", "KILL", "--kill-whom=main", machine.UNIT)
    client.within("the next one", 20,
                  lambda: survive.main_pid() not in (0, before))
    machine.up(20)
    jobs.end_as(("lost", "lost"))


@step("jobs.upgraded", long=True)
def upgraded():
    """And back again."""
    for deb in "new.deb", "old.deb":
        jobs.start()
        survive.install(deb)
        jobs.end_as(("cancelled", "cancelled"))


# --- a day --------------------------------------------------------------------

class Installed(machine.Service):
    """The service, as test_job_day sees a server."""

    def __init__(self):
        self.token = None
        self.killed = 0
        self.deb = "old.deb"

    @property
    def process(self):
        return types.SimpleNamespace(pid=survive.main_pid())

    healthy = staticmethod(machine.healthy)
    frontend_pid = staticmethod(survive.frontend_pid)
    reload = staticmethod(machine.reload)
    ctl = staticmethod(survive.root_ctl)

    def http(self, **more):
        return client.Http(self, **more)

    def add(self, name, policy=None):
        out = self.ctl("token", "add", name, "--policy", policy or "day")
        token = machine.TOKEN.search(out).group()
        client.within(f"token {name} in force", 10,
                      lambda: machine.status_with(token) != 401)
        return token

    def helpers(self):
        """Processes besides the executor and runs."""
        return [client.within(name, 10, lambda n=name: survive.child_named(n))
                for name in ("mcp-execd-front", "mcp-execd-launc",
                             "mcp-execd-keep")]

    def begin_again(self, how):
        before = survive.main_pid()
        if how == "kill":
            sh("systemctl", "kill", "-s", "KILL", "--kill-whom=main",
               machine.UNIT)
        elif how == "upgrade":
            self.deb = "new.deb" if self.deb == "old.deb" else "old.deb"
            survive.install(self.deb)
        elif how == "stop":
            sh("systemctl", "stop", machine.UNIT)
            equal(client.processes(day.MARK), [], "a stop ends all")
            check(not machine.GROUP.exists(), "its control group is gone")
            sh("systemctl", "start", machine.UNIT)
        else:
            machine.restart()
        client.within("the next one", 20,
                      lambda: survive.main_pid() not in (0, before))
        machine.up(20)


def mounts(pid):
    return len(pathlib.Path(f"/proc/{pid}/mountinfo").read_text()
               .splitlines())


def all_processes():
    """Names of those of the unit, runs and what waits for one included."""
    found = []
    for procs in machine.GROUP.rglob("cgroup.procs"):
        with contextlib.suppress(OSError):
            found += [client.name_of(p) for p in procs.read_text().split()]
    return sorted(n for n in found if n and "tmpl" not in n)


def listing(folder):
    return sorted(os.listdir(folder)) if folder.exists() else []


def kept(server):
    runs = json.loads(server.ctl("status", "--json"))["runs"]
    return runs["kept"], runs["kept_bytes"]


def state(server):
    """All that could be left over, except for memory."""
    own = [server.process.pid, *server.helpers()]
    return {"descriptors": [day.open_files(p) for p in own],
            "processes": all_processes(),
            "groups": sorted(d.name for d in machine.GROUP.rglob("*")
                             if d.is_dir()),
            "on disk": listing(RECORDINGS),
            "sockets": [n.partition(".")[0] == str(own[2])
                        for n in listing(survive.HELD)],
            "mounts": [mounts(p) for p in (1, *own)], "kept": kept(server)}


def end_all(server):
    """Without the key in the policies nothing runs on, and nothing is kept."""
    for name in "day", "mortal":
        machine.write_policy(name, user="deploy", directory="/srv/work",
                             structured=False,
                             limits=survive.POLICY["limits"])
    machine.reload_ends("success", "no jobs")
    client.within("nothing runs", 20, lambda: not client.processes(day.MARK))
    client.within("nothing is kept", 20, lambda: kept(server) == (0, 0))
    client.within("no guard waits", 30, lambda: all_processes() == sorted(
        client.name_of(p) for p in (server.process.pid, *server.helpers())))
    found, last = state(server), None
    while found != last:        # until nothing of it changes
        time.sleep(1)
        found, last = state(server), found
    return found


def put_back():
    machine.write_policy("day", user="deploy", directory="/srv/work", **DAY)
    machine.write_policy("mortal", user="deploy", directory="/srv/work",
                         **MORTAL)
    machine.reload_ends("success", "jobs")


def happen(server, what, n):
    if what == "revoke":
        day.revoke(server, n, ("mortal", "day")[n % 2])
    elif what == "frontend":
        client.crash_frontend(server)
    elif what == "reload":
        server.reload()
    else:
        server.begin_again(what)


def memory(server):
    return sum(day.rss_kib(p) for p in (server.process.pid,
                                        *server.helpers()))


@step("jobs.day", long=True)
def whole_day():
    """Start, poll, leave, stop, revoke, crash, reload, restart, upgrade: no
    process, descriptor, control group, file, mount or memory is left over."""
    made, server = random.Random(7), Installed()
    server.token = use("day", DAY)
    if survive.systemd() >= survive.WITHOUT:
        survive.drop_in(machine.UNIT, "survive.conf")
    mortal = jobs.token or use("mortal", MORTAL)
    server.begin_again("restart")
    day.churn(server, made, -1, mortal)
    server.begin_again("kill")      # as those that come after it
    day.churn(server, made, -2, mortal)
    before, used = end_all(server), memory(server)
    put_back()
    end = time.monotonic() + DAY_S
    for n in itertools.count():
        if time.monotonic() > end and n % len(EVENTS) == 0 and n > 0:
            break
        day.churn(server, made, n, mortal)
        happen(server, EVENTS[n % len(EVENTS)], n)
    if server.deb != "old.deb":
        server.begin_again("upgrade")
    day.churn(server, made, n, mortal)
    left = {}
    client.within(left, 10, lambda: not day.left_over(
        before, end_all(server), left))
    grew = memory(server) - used
    check(grew < 8192, f"{n} rounds: {grew} KiB more")
    server.ctl("audit", "verify")
    intents = {r["run.id"] for r in machine.audit("run-intent")}
    ends = [r["run.id"] for r in machine.audit("run-result")]
    equal(intents - set(ends), set(), "runs without an end")
    equal(len(ends), len(set(ends)), "one end each")
    server.ctl("token", "revoke", "day")
    (machine.ETC / "policies.d/day.json").unlink()
    shutil.rmtree(f"/etc/systemd/system/{machine.UNIT}.d", ignore_errors=True)
    sh("systemctl", "daemon-reload")
    machine.restart()
    return f"{n} rounds, {len(intents)} runs, {grew} KiB more"
