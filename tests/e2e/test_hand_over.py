# SPDX-License-Identifier: MIT
"""A restart in order: jobs go on with the next executor, and nothing else."""
import hashlib
import os
import pathlib
import subprocess

from client import (RESULT, ROOT, SLOW, Skip, check, equal, processes, within)
from test_control import asked, ctl, loose, records
from test_jobs import ended, first, output, start
from test_survive import (POLICY, SURVIVE, all_of, check_terminal, counting,
                          gone, held, of, read_all, result_of, server_of)


def restart(server, launchers):
    """Told to be one, by SIGTERM, without waiting for any job."""
    launchers.add(server.launcher_pid())
    out = server.ctl("hand-over")
    server.stop()
    server.start()
    return out


def test_goes_on():
    """What has the key; all other runs end as at any stop, on record."""
    # no call is to become a job, however long it takes to get there
    with server_of(jobs={"wait_ms": 60000}) as server:
        old, go = set(), server.work / "go"
        server.add_policy("mortal", **{**POLICY, "jobs": {
            **SURVIVE, "survive": False}})
        token = server.add("other", policy="mortal")
        with server.http() as c, server.http(token=token) as d:
            job = start(c, f"echo one; until [ -e {go} ]; do sleep 0.02; done;"
                           " echo two; /bin/true; exit 7 : 1000791")
            mortal = start(d, "sleep 1000792")
            conn = c.begin("sleep 1000793")
            within("all run", 5, lambda: all(
                processes(m) for m in ("1000791", "1000792", "1000793")))
            out = restart(server, old)
            conn.close()
        check("leaves 1 job to" in out, out)
        check(processes("1000791"), "it goes on")
        equal((processes("1000792"), processes("1000793")), ([], []), "others")
        equal(result_of(server, mortal)["run.state"], "cancelled", "mortal")
        equal(len(of(server, "run-adopted", job)), 1, "adopted")
        check(not of(server, RESULT, job), "not ended")
        equal([r["event.outcome"] for r in records(server, "hand-over")],
              ["success"], "on record")
        go.touch()
        with server.http() as c:
            check("exited with status 7" in ended(c, job), "its end")
            equal(read_all(c, job, 8), b"one\ntwo\n", "its output")
        end = result_of(server, job)
        equal(end["stdout.sha256"],
              hashlib.sha256(b"one\ntwo\n").hexdigest(), end)
        equal(len([r for r in of(server, "process-exec", job)
                   if r["process.executable"].endswith("/true")]), 1, "once")
        server.ctl("audit", "verify")
        within("its launcher is gone", 10, lambda: gone(old))
        equal(os.listdir(held(server)), [], "sockets")


def test_without_it_all_end():
    """The control, and one that was for the executor before."""
    with server_of() as server:
        with server.http() as c:
            job = start(c, "sleep 1000794")
            within("it runs", 5, lambda: processes("1000794"))
        restart(server, set())
        check(processes("1000794"), "it goes on")
        server.stop()
        within("it ends", 10, lambda: not processes("1000794"))
        server.start()
        equal(result_of(server, job)["run.state"], "cancelled", "its state")
        server.ctl("audit", "verify")


def test_often():
    """Not a byte, an exit status or a record is lost."""
    with server_of() as server:
        old, go, jobs = set(), server.work / "go", {}
        with server.http() as c:
            for n in range(1, 9):
                jobs[n] = start(c, counting(n, go))
        for _ in range(6):
            restart(server, old)
        equal(len(server.audit("run-adopted")), 8 * 6, "adopted")
        go.touch()
        with server.http() as c:
            for n, job in jobs.items():
                ended(c, job)
                end = result_of(server, job)
                equal((end["run.state"], end["process.exit_code"]),
                      ("exited", n), end)
                kept = read_all(c, job, end["stdout.bytes"])
                count = int(kept.decode().splitlines()[-1])
                equal(kept, all_of(n, count), f"output of {n}")
                equal(end["stdout.sha256"],
                      hashlib.sha256(kept).hexdigest(), end)
        server.ctl("audit", "verify")
        within("launchers are gone", 20, lambda: gone(old))


def test_terminal_goes_on():
    check_terminal(restart)


def groups():
    """Where control groups of version 2 can be made."""
    trees = [pathlib.Path(t) for t in ("/sys/fs/cgroup",
                                       "/sys/fs/cgroup/unified")]
    found = [t for t in trees if (t / "cgroup.procs").exists()]
    if not ROOT or not found or not os.access(found[0], os.W_OK):
        raise Skip("no control group of version 2 can be made")
    return found[0]


def members(place):
    """Of a group that is gone: nobody."""
    try:
        return (place / "cgroup.procs").read_text().split()
    except OSError:
        return []


def test_in_its_control_group():
    """It stays there, next to the next executor, and it goes with its end."""
    group = groups() / f"mcp-execd-hand-over.{os.getpid()}"
    group.mkdir()
    with server_of(config={"cgroup": str(group)}) as server:
        go = server.work / "go"
        with server.http() as c:
            job = start(c, f"until [ -e {go} ]; do sleep 0.02; done")
            place = group / "runs" / job
            within("it is there", 5, lambda: len(members(place)) > 0)
        before = server.launcher_pid()
        restart(server, set())
        check(members(place), "it stays")
        own = members(group / "supervisor")
        check(str(server.process.pid) in own and str(before) in own, own)
        go.touch()
        with server.http() as c:
            check("exited with status 0" in ended(c, job), "its end")
            within("its group is gone", 5, lambda: c.sh("true") and
                   not place.exists())
    for place in (*(group / "runs").glob("*/"), group / "runs",
                  group / "guards", group / "supervisor", group):
        within(f"{place} is empty", 5, lambda p=place: not members(p))
        place.rmdir()


def begin_in(server, place):
    """As a service manager starts it, in a group that it has made."""
    place.mkdir(exist_ok=True)
    server.stop()
    plain = server.wrapper
    server.wrapper = ["sh", "-c", f"echo $$ > {place}/cgroup.procs; "
                      "exec \"$0\" \"$@\"", *plain]
    server.start()
    server.wrapper = plain


def test_begins_in_a_subgroup():
    """DelegateSubgroup= of systemd: the group around it is its own, and the
    next one begins there next to a job.  Another subgroup is another's."""
    group = groups() / f"mcp-execd-subgroup.{os.getpid()}"
    group.mkdir()
    os.setxattr(group, "user.delegate", b"1")
    with server_of(config={"cgroup": "auto"}) as server:
        begin_in(server, group / "other")
        check(not (group / "runs").exists(), "control")
        begin_in(server, group / "supervisor")
        go = server.work / "go"
        with server.http() as c:
            job = start(c, f"until [ -e {go} ]; do sleep 0.02; done")
            within("it is there", 5, lambda: members(group / "runs" / job))
        server.ctl("hand-over")
        begin_in(server, group / "supervisor")
        check(members(group / "runs" / job), "it stays")
        go.touch()
        with server.http() as c:
            check("exited with status 0" in ended(c, job), "its end")
    for place in (*(group / "runs").glob("*/"), group / "runs",
                  group / "other", group / "guards", group / "supervisor",
                  group):
        within(f"{place} is empty", 5, lambda p=place: not members(p))
        place.rmdir()


def test_nowhere_to_go():
    """survive_grace_ms 0: it says so, and the stop is one."""
    with server_of(config={"survive_grace_ms": 0}) as server:
        with server.http() as c:
            start(c, "sleep 1000795")
            within("it runs", 5, lambda: processes("1000795"))
        out = ctl(server, "hand-over")
        equal(out.returncode, 1, out)
        check("survive_grace_ms is 0" in out.stderr, out)
        equal([r["event.outcome"] for r in records(server, "hand-over")],
              ["failure"], "on record")
        server.stop()
        within("it ends", 10, lambda: not processes("1000795"))


def systemctl(server, text, status=0, option="--if-restarting"):
    """What hand-over says where it says that."""
    place = server.dir / "bin"
    place.mkdir(exist_ok=True)
    tool = place / "systemctl"
    tool.write_text(f"#!/bin/sh\n[ \"$1\" = list-jobs ] || exit 9\n"
                    f"cat <<'E'\n{text}\nE\nexit {status}\n")
    tool.chmod(0o755)
    return subprocess.run(
        [server.build / "mcp-execctl", "-c", server.config_file, "hand-over",
         option, "mcp-execd.service"], capture_output=True,
        text=True, timeout=60 * SLOW, stdin=subprocess.DEVNULL,
        env={**os.environ, "PATH": f"{place}:/usr/bin:/bin"})


def test_if_restarting():
    """Only a restart of that very unit is one."""
    with server_of() as server:
        no = ("", "  71 mcp-execd.service stop running",
              "  71 other.service restart running",
              "  71 mcp-execd.service2 restart running",
              "  71 mcp-execd.service restarted running")
        for text in no:
            out = systemctl(server, text)
            equal(out.returncode, 0, out)
            check("is not being restarted" in out.stdout, out)
        out = systemctl(server, "  71 mcp-execd.service restart running", 1)
        equal(out.returncode, 1, out)
        check("nothing is handed over" in out.stderr, out)
        equal(records(server, "hand-over"), [], "nobody asked")
        out = systemctl(server, "   7 a.service start waiting\n"
                                "  71 mcp-execd.service restart running")
        equal(out.returncode, 0, out)
        check("leaves 0 jobs" in out.stdout, out)
        equal(len(records(server, "hand-over")), 1, "it asked")


def test_stopped_before_it_took_over():
    """Only a stop ends what nobody has taken over, and not what somebody has."""
    def say(job, status=0):
        return systemctl(server, f"  71 mcp-execd.service {job} running",
                         status, "--stopped")
    with server_of() as server:
        with server.http() as c:
            job = start(c, "sleep 1000798")
            within("it runs", 5, lambda: processes("1000798"))
        out = say("stop")
        equal((out.returncode, out.stdout), (0, ""), "its executor has it")
        launcher = {server.launcher_pid()}
        server.kill()
        for other in "restart", "start", "stopped":
            out = say(other)
            equal((out.returncode, out.stdout), (0, ""), other)
        out = say("stop", 1)
        equal(out.returncode, 1, out)
        check("left as they are" in out.stderr, out)
        check(processes("1000798"), "it goes on")
        out = say("stop")
        equal(out.returncode, 0, out)
        check("are ended" in out.stdout, out)
        equal(processes("1000798"), [], "at once")
        within("its launcher is gone", 5, lambda: gone(launcher))
        server.start()
        equal(result_of(server, job)["run.state"], "lost", "its state")


def test_not_by_runs():
    """A command cannot make itself survive: the stop ends all of it."""
    with loose(**POLICY) as server:
        with server.http() as c:
            job = start(c, "python3 ask.py hand-over; sleep 1000796")
            within("it asked", 10, lambda: "may not ask" in output(c, job))
            check("running" in first(output(c, job)), "it runs")
        server.stop()
        within("it ends", 10, lambda: not processes("1000796"))
        equal(result_of(server, job)["run.state"], "cancelled", "state")
        server.start()
        out = asked(server, "hand-over")
        check('"ok":true' in out.stdout, "control:", out)


def test_not_by_other_users():
    if not ROOT:
        raise Skip("root can be somebody else")
    with server_of() as server:
        os.chmod(server.dir, 0o755)
        for path in server.dir.parents:
            check(path.stat().st_mode & 1, path, "is closed to others")
        os.chmod(server.dir / "control.sock", 0o777)
        out = asked(server, "hand-over", user=65534, group=65534, extra_groups=[])
        check('"ok":false' in out.stdout, out)
        within("on record", 5, lambda: len([
            r for r in server.audit("control")
            if r["event.outcome"] == "failure"]) == 1)
        with server.http() as c:
            start(c, "sleep 1000797")
            within("it runs", 5, lambda: processes("1000797"))
        server.stop()
        within("it ends", 10, lambda: not processes("1000797"))
        server.start()
        check('"ok":true' in asked(server, "hand-over").stdout, "control")
