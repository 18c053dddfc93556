# SPDX-License-Identifier: MIT
"""Jobs of the service as it is installed, where they end with it."""
import hashlib
import pathlib

import client
import machine
import steps_survive as survive
from machine import check, equal, sh, step
from modern import Modern
from test_job_restart import whole

MORTAL = {**survive.POLICY, "jobs": {**survive.JOBS, "survive": False}}


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
