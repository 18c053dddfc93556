# SPDX-License-Identifier: MIT
"""Jobs that outlive the service: killed, restarted, upgraded; and stopped.

With the drop-in of the examples.  An older systemd cannot start a unit next to
jobs that go on: there it is said, and jobs end with the service."""
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal

import client
import instance
import machine
import modern
import steps_account
from machine import check, equal, service, sh, step

EXAMPLES = pathlib.Path("/usr/share/doc/mcp-execd/examples/systemd")
WITHOUT = 254           # DelegateSubgroup= is not there before
COUNT = 20
MEMORY = 96 << 20
HELD = pathlib.Path("/run/mcp-execd/control.sock.jobs")
WHY = "jobs with jobs.survive end with this process"
JOBS = {"at_once": 2 * COUNT, "max_seconds": 3600, "keep": 4 * COUNT,
        "output_bytes": 4 << 20, "survive": True}
POLICY = {"structured": False, "jobs": JOBS, "limits": {
    "runs": 4 * COUNT, "runs_per_minute": 0, "memory_bytes": MEMORY}}
# Mostly the shell's own: an emulated processor starts few programs a second.
JOB = """i=0
until [ -e $2 ]; do
	echo $1 $i; echo e$1 $i >&2
	i=$((i + 1)); [ $((i % 50)) != 0 ] || sleep 2
done
echo $i
exit $1
"""


def systemd():
    return int(sh("systemctl", "--version").split()[1])


def needs_subgroup():
    if systemd() < WITHOUT:
        raise machine.Skip(f"systemd {systemd()} has no DelegateSubgroup=")


def all_of(n, count):
    """What a job writes that turned so often."""
    return ("".join(f"{n} {i}\ne{n} {i}\n" for i in range(count))
            + f"{count}\n").encode()


class Jobs:
    """Of one service: COUNT of them at a time, and all about their end."""

    def __init__(self, unit, server, place, audit, ctl):
        self.unit, self.server, self.place = unit, server, place
        self.audit, self.ctl = audit, ctl
        self.group = machine.GROUP.parent / unit
        self.token, self.go, self.job, self.own = None, None, {}, set()

    def ask(self, tool, **arguments):
        with modern.Modern(self.server, self.token) as c:
            r = c.call(tool, **arguments)
            check(not r.error, r)
            return r.text

    def start(self):
        self.own = self.service_processes()
        self.mark = client.mark()
        self.go = self.place / f"go.{self.mark}"
        (self.place / "job.sh").write_text(JOB)
        self.job = {}
        for n in range(1, COUNT + 1):
            text = self.ask("job_start",
                            command=f"sh job.sh {n} {self.waits_for(n)} "
                            f"{self.mark}")
            self.job[n] = re.search(r"\b[0-9a-f]{32}\b", text).group()
        self.running()

    def waits_for(self, _):
        return self.go

    def running(self):
        client.within("they run", 10, lambda: len(
            client.processes(self.mark)) >= COUNT)

    def of(self, action):
        mine = set(self.job.values())
        return [r for r in self.audit(action) if r.get("run.id") in mine]

    def groups(self):
        with contextlib.suppress(OSError):
            return sorted(p.name for p in (self.group / "runs").iterdir()
                          if p.is_dir())
        return []

    def service_processes(self):
        """Names of those that are not of runs, except for what comes and goes."""
        procs = (self.group / "supervisor/cgroup.procs").read_text().split()
        names = []
        for pid in procs:
            with contextlib.suppress(OSError):
                names.append(pathlib.Path(f"/proc/{pid}/comm").read_text())
        return sorted(n for n in names if "tmpl" not in n)

    def taken_over(self, times=1):
        """All by one executor, in their groups and limits."""
        client.within("adopted", 20, lambda: len(
            self.of("run-adopted")) >= COUNT * times)
        equal(len(self.of("run-adopted")), COUNT * times, "adopted")
        equal(self.of("run-result"), [], "none has ended")
        self.running()
        for job in self.job.values():
            place = self.group / "runs" / job
            equal((place / "memory.max").read_text().strip(), str(MEMORY),
                  "its limit")
            check((place / "cgroup.procs").read_text(), "it is in its group")

    def results(self):
        def look():
            found = {r["run.id"]: r for r in self.of("run-result")}
            return len(found) == COUNT and found
        found = client.within("all results", 30, look)
        equal(len(self.of("run-result")), COUNT, "results")
        return found

    def ended_well(self):
        """Statuses, output by its digest, the log; nothing is left."""
        self.go.touch()
        found = self.results()
        for n, job in self.job.items():
            end = found[job]
            equal((end["run.state"], end["process.exit_code"]),
                  ("exited", n), end)
            count = next(i for i in range(1 << 22) if len(
                all_of(n, i)) >= end["stdout.bytes"])
            equal(end["stdout.sha256"], hashlib.sha256(
                all_of(n, count)).hexdigest(), f"output of {n}, {count}")
            check(count >= 50, count)
        last = self.job[COUNT]
        shown = self.ask("job_output", job=last, cursor=0)
        check(f"{COUNT} 0\ne{COUNT} 0\n" in shown, shown[:400])
        self.nothing_left()

    def nothing_left(self):
        self.ctl("audit", "verify")
        self.go.unlink(missing_ok=True)
        equal(client.processes(self.mark), [], "processes")
        client.within("no group is left", 20, lambda: (
            "there" in self.ask("exec_cmd", command="echo there"),
            not self.groups())[1])
        client.within("old launchers are gone", 30, lambda: (
            self.service_processes() == self.own))


def root_ctl(*words):
    return sh("mcp-execctl", *words)


jobs = Jobs(machine.UNIT, service, pathlib.Path("/srv/work"), machine.audit,
            root_ctl)


def drop_in(unit, example):
    place = pathlib.Path(f"/etc/systemd/system/{unit}.d")
    place.mkdir(exist_ok=True)
    shutil.copy(EXAMPLES / example, place / example)
    sh("systemctl", "daemon-reload")


def main_pid(unit=machine.UNIT):
    return int(machine.show("MainPID", unit))


def child_named(name):
    found = [p for p in instance.children(main_pid())
             if client.name_of(p).startswith(name)]
    return found[0] if found else None


def frontend_pid():
    return child_named("mcp-execd-front")


def kill_frontend():
    """And the next one serves."""
    before = client.within("a frontend", 10, frontend_pid)
    os.kill(before, signal.SIGKILL)
    client.within("another frontend", 10, lambda: frontend_pid() not in (
        None, before) and machine.healthy())


@step("survive.refused", long=True)
def refused():
    """Without the drop-in, or with it where it cannot work: said at the start,
    to who asks, and by doctor; the service starts again next to no job."""
    machine.write_policy("lasting", user="deploy", directory="/srv/work",
                         **POLICY)
    if systemd() < WITHOUT:
        drop_in(machine.UNIT, "survive.conf")
    machine.restart()
    jobs.token = machine.TOKEN.search(sh(
        "mcp-execctl", "token", "add", "lasting", "--policy",
        "lasting")).group()
    client.within("the token", 10,
                  lambda: machine.status_with(jobs.token) != 401)
    check(any(WHY in line for line in machine.journal()), machine.journal())
    out = sh("mcp-execctl", "hand-over", ok=False)
    check(WHY in out, out)
    row = [c for c in json.loads(sh("mcp-execctl", "doctor", "--json"))[
        "checks"] if c["check"] == "survive"]
    check(row and row[0]["status"] == "warn"
          and "survive.conf" in json.dumps(row), row)
    jobs.start()
    machine.restart()
    equal({r["run.state"] for r in jobs.results().values()}, {"cancelled"},
          "states")
    jobs.nothing_left()
    return f"systemd {systemd()}: {row[0]['text']}"


@step("survive.killed", long=True)
def killed():
    needs_subgroup()
    drop_in(machine.UNIT, "survive.conf")
    machine.restart()
    row = [c for c in json.loads(sh("mcp-execctl", "doctor", "--json"))[
        "checks"] if c["check"] == "survive"]
    check(row and row[0]["status"] == "ok", row)
    jobs.start()
    before = main_pid()
    sh("systemctl", "kill", "-s", "KILL", "--kill-whom=main", machine.UNIT)
    client.within("the next one", 20,
                  lambda: main_pid() not in (0, before))
    machine.up(20)
    jobs.taken_over()
    jobs.ended_well()


@step("survive.restarted", long=True)
def restarted():
    """Twice in a row, and killed once more."""
    needs_subgroup()
    jobs.start()
    for i in range(2):
        sh("systemctl", "restart", machine.UNIT)
        machine.up(20)
        jobs.taken_over(i + 1)
    sh("systemctl", "restart", machine.UNIT)
    sh("systemctl", "restart", machine.UNIT)
    sh("systemctl", "kill", "-s", "KILL", "--kill-whom=main", machine.UNIT)
    client.within("it is started again", 20,
                  lambda: machine.show("NRestarts") == "1")
    machine.up(20)
    jobs.taken_over(5)
    jobs.ended_well()


def install(deb):
    sh("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--force-confold",
       "-i", machine.HERE / deb, seconds=120)
    client.within("that version runs", 20,
                  lambda: machine.version() == machine.version_of(deb))
    machine.up(20)


@step("survive.upgraded", long=True)
def upgraded():
    """To the next version, and back again."""
    needs_subgroup()
    jobs.start()
    install("new.deb")
    jobs.taken_over()
    install("old.deb")
    jobs.taken_over(2)
    jobs.ended_well()


@step("survive.all_of_it", long=True)
def all_of_it():
    """Frontend and executor killed, restarted, upgraded: the same jobs."""
    needs_subgroup()
    jobs.start()
    kill_frontend()
    sh("systemctl", "restart", machine.UNIT)
    machine.up(20)
    jobs.taken_over()
    kill_frontend()
    install("new.deb")
    jobs.taken_over(2)
    before = main_pid()
    sh("systemctl", "kill", "-s", "KILL", machine.UNIT, "--kill-whom=main")
    client.within("the next one", 20, lambda: main_pid() not in (0, before))
    machine.up(20)
    jobs.taken_over(3)
    kill_frontend()
    install("old.deb")
    jobs.taken_over(4)
    jobs.ended_well()


@step("survive.withdrawn", long=True)
def withdrawn():
    """The key is gone when the next one comes: ended, each with a record."""
    needs_subgroup()
    jobs.start()
    machine.write_policy("lasting", user="deploy", directory="/srv/work", **{
        **POLICY, "jobs": {**JOBS, "survive": False}})
    machine.restart()
    ends = jobs.results().values()
    equal({r["run.state"] for r in ends}, {"lost"}, "states")
    check(all("does not let jobs survive" in r["event.reason"]
              for r in ends), ends)
    jobs.nothing_left()
    machine.write_policy("lasting", user="deploy", directory="/srv/work",
                         **POLICY)
    machine.reload_ends("success", "reload")


@step("survive.stopped", long=True)
def stopped():
    """A stop ends all; one that comes while they are taken over as well, and
    one before."""
    needs_subgroup()
    place = pathlib.Path(f"/etc/systemd/system/{machine.UNIT}.d/wait.conf")
    for when in "late", "early", "before":
        jobs.start()
        if when == "before":
            place.write_text("[Service]\nExecStartPre=sleep 1000\n")
            sh("systemctl", "daemon-reload")
        if when != "late":
            before = main_pid()
            sh("systemctl", "kill", "-s", "KILL", "--kill-whom=main",
               machine.UNIT)
            client.within("the next one begins", 20, lambda: (
                main_pid() not in (0, before) or
                machine.show("SubState") == "start-pre"))
            jobs.running()
        sh("systemctl", "stop", machine.UNIT)
        place.unlink(missing_ok=True)
        sh("systemctl", "daemon-reload")
        equal(client.processes(jobs.mark), [], "processes")
        client.within("its control group is gone", 5,
                      lambda: not machine.GROUP.exists())
        machine.restart()
        states = {r["run.state"] for r in jobs.results().values()}
        check(states <= {"late": {"cancelled"}, "before": {"lost"}}.get(
            when, {"cancelled", "lost"}), states)
        jobs.nothing_left()


@step("account.survive", long=True)
def account_service():
    """The same for the service of an account."""
    needs_subgroup()
    if not steps_account.account.token:
        steps_account.setup()
    mine = Jobs(steps_account.UNIT, steps_account.account, steps_account.HOME,
                lambda *a: steps_account.records(*a), steps_account.ctl)
    drop_in("mcp-execd@.service", "survive-account.conf")
    path = steps_account.policy("lasting", **POLICY)
    sh("systemctl", "restart", steps_account.UNIT)
    mine.token = machine.TOKEN.search(steps_account.ctl(
        "token", "add", "lasting", "--policy", "lasting")).group()
    mine.start()
    before = main_pid(mine.unit)
    sh("systemctl", "kill", "-s", "KILL", "--kill-whom=main", mine.unit)
    client.within("the next one", 20,
                  lambda: main_pid(mine.unit) not in (0, before))
    mine.taken_over()
    sh("systemctl", "restart", mine.unit)
    mine.taken_over(2)
    mine.ended_well()
    mine.start()
    sh("systemctl", "stop", mine.unit)
    equal(client.processes(mine.mark), [], "a stop ends all")
    check(not mine.group.exists(), "control group")
    steps_account.ctl("token", "revoke", "lasting")
    path.unlink()
    shutil.rmtree("/etc/systemd/system/mcp-execd@.service.d")
    sh("systemctl", "daemon-reload")
    sh("systemctl", "start", mine.unit)


@step("survive.put_back", long=True)
def put_back():
    """As the steps after these expect it."""
    shutil.rmtree(f"/etc/systemd/system/{machine.UNIT}.d", ignore_errors=True)
    sh("systemctl", "daemon-reload")
    sh("mcp-execctl", "token", "revoke", "lasting")
    (machine.ETC / "policies.d/lasting.json").unlink()
    machine.restart()
