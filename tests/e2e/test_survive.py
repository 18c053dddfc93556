# SPDX-License-Identifier: MIT
"""Jobs that outlive the executor: killed, and followed by the next one."""
import hashlib
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from client import (LONG, RESULT, RUN_ID, Server, alive, check, equal,
                    guards, is_of_another, name_of, processes, within)
from test_control import asked, loose
from test_jobs import ID, JOBS, body, ended, first, output, start

LOG_ONLY = bool(os.environ.get("MCP_EXECD_LOG_ONLY"))
SURVIVE = {**JOBS, "at_once": 40, "max_seconds": 300, "keep": 64,
           "wait_ms": 20000, "output_bytes": 1 << 20, "survive": True}
POLICY = {"structured": False, "text": "clean", "jobs": SURVIVE,
          "limits": {"runs": 64, "runs_per_minute": 6000}}


def server_of(**more):
    jobs = {**SURVIVE, **more.pop("jobs", {})}
    return Server(policy={**POLICY, "jobs": jobs}, **more)


def crash(server, launchers, tear=b""):
    """SIGKILL, not by any manager, and the next one in the same places."""
    launchers.add(server.launcher_pid())
    server.kill()
    with server.audit_file.open("ab") as f:
        f.write(tear)
    server.start()


def is_launcher(pid):
    """Of ours: after a hundred, a number may be somebody else's by now."""
    try:
        return (alive(pid) and name_of(pid) == "mcp-execd-launc"
                and not is_of_another(pid))
    except OSError:
        return False


def gone(launchers):
    return not any(map(is_launcher, launchers))


def result_of(server, job):
    found = within("its result", 5, lambda: of(server, RESULT, job))
    equal(len(found), 1, "results of one run")
    return found[0]


def of(server, action, job):
    return [r for r in server.audit(action) if r[RUN_ID] == job]


def read_all(c, job, size):
    """Its output from the first byte on, by its number."""
    text = ""
    while len(text) < size:
        more = body(output(c, job, cursor=len(text)))
        check(more, f"no more than {len(text)} of {size} bytes")
        text += more
    return text.encode()


def test_goes_on_after_a_kill():
    """With its output, its exit status, its programs, and its record."""
    with server_of() as server:
        old = set()
        go = server.work / "go"
        with server.http() as c:
            job = start(c, f"echo one; until [ -e {go} ]; do sleep 0.05; done;"
                           " echo two; /bin/true; echo three >&2; exit 7",
                        name="lives")
            within("its first line", 5, lambda: "one" in output(c, job))
        crash(server, old)
        adopted, = of(server, "run-adopted", job)
        check(adopted["guard.pid"] > 0, adopted)
        check(not of(server, RESULT, job), "it is not lost")
        with server.http() as c:
            check("(lives): running" in first(output(c, job)), output(c, job))
            go.touch()
            text = ended(c, job)
            check("exited with status 7" in text, text)
            equal(read_all(c, job, 14), b"one\ntwo\nthree\n", "kept")
        end = result_of(server, job)
        equal((end["run.state"], end["process.exit_code"]), ("exited", 7), end)
        equal(end["stdout.sha256"],
              hashlib.sha256(b"one\ntwo\nthree\n").hexdigest(), end)
        equal(end["stdout.bytes"], 14, end)
        check(LOG_ONLY or       # the filter reports none of them
              any("true" in r["process.executable"]
                  for r in of(server, "process-exec", job)), "programs")
        within("its launcher is gone", 10, lambda: gone(old))


def test_its_files_are_gone():
    """Nothing is kept of it: it is a job anyway, and kept from now on."""
    with server_of() as server:
        old = {server.launcher_pid()}
        go, folder = server.work / "go", server.dir / "recordings/jobs"
        with server.http() as c:
            job = start(c, f"echo one; until [ -e {go} ]; do sleep 0.05; done;"
                           " echo two; exit 7", name="lives")
            within("its first line", 5, lambda: "one" in output(c, job))
        server.kill()
        files = list(folder.glob(f"*{job}*"))
        check(files, list(folder.iterdir()))
        for f in files:
            f.unlink()
        server.start()
        equal(len(of(server, "run-adopted", job)), 1, "adopted")
        with server.http() as c:
            listed, = [x for x in c.call("job_list").text.splitlines()
                       if job in x]
            check(" job, running for " in listed, listed)
            check(list(folder.glob(f"*{job}*")), "it is kept")
        crash(server, old)
        with server.http() as c:
            check("(lives): running" in first(output(c, job)), output(c, job))
            go.touch()
            text = ended(c, job)
            check("exited with status 7" in text and "two" in text, text)
        equal(result_of(server, job)["process.exit_code"], 7, "its result")
        within("its launcher is gone", 10, lambda: gone(old))


def test_what_was_said_last_counts():
    """That a job is to be held, if its launcher reads it only after the end."""
    with server_of(jobs={"wait_ms": 2000}) as server:
        old, go, began = set(), server.work / "go", server.work / "began"
        launcher = server.launcher_pid()
        with server.http() as c, ThreadPoolExecutor(1) as pool:
            told = pool.submit(
                c.call, "exec_cmd",
                command=f"touch {began}; until [ -e {go} ]; do sleep 0.05;"
                        " done; exit 6")
            within("its command runs", 10, began.exists)
            os.kill(launcher, signal.SIGSTOP)
            try:
                job = ID.search(told.result(30).text).group()
                old.add(launcher)
                server.kill()
            finally:
                os.kill(launcher, signal.SIGCONT)
        server.start()
        equal(len(of(server, "run-adopted", job)), 1, "it is taken over")
        go.touch()
        with server.http() as c:
            check("exited with status 6" in ended(c, job), job)
        within("its launcher is gone", 10, lambda: gone(old))


def test_ended_before_it_was_held():
    """Its launcher hears of that after the end, and its executor of no end."""
    with server_of(jobs={"wait_ms": 2000}) as server:
        old, go, began = set(), server.work / "go", server.work / "began"
        launcher = server.launcher_pid()
        with server.http() as c, ThreadPoolExecutor(1) as pool:
            told = pool.submit(
                c.call, "exec_cmd",
                command=f"touch {began}; until [ -e {go} ]; do sleep 0.05;"
                        " done; echo last; exit 6")
            within("its command runs", 10, began.exists)
            guard, = within("its guard", 5, lambda: guards(server))
            os.kill(launcher, signal.SIGSTOP)
            try:
                job = ID.search(told.result(30).text).group()
                old.add(launcher)
                os.kill(server.process.pid, signal.SIGSTOP)
                go.touch()
                within("its guard ended", 10, lambda: not alive(guard))
            finally:
                os.kill(launcher, signal.SIGCONT)
            within("its guard is reaped", 10,
                   lambda: not os.path.exists(f"/proc/{guard}"))
            within("it is held", 10, lambda: os.listdir(held(server)))
            server.kill()
        server.start()
        with server.http() as c:
            check("exited with status 6" in ended(c, job), job)
            equal(read_all(c, job, 5), b"last\n", "kept")
        end = result_of(server, job)
        equal((end["run.state"], end["process.exit_code"]), ("exited", 6), end)
        within("its launcher is gone", 10, lambda: gone(old))


def held(server):
    return server.dir / "control.sock.jobs"


def counting(n, go):
    """It writes lines to both, slowly, until told: what is written is known."""
    return (f"i=0; until [ -e {go} ]; do echo {n} $i; echo e{n} $i >&2; "
            "i=$((i+1)); sleep 0.01; done; echo $i; exit " + str(n))


def all_of(n, count):
    lines = [f"{n} {i}\ne{n} {i}\n" for i in range(count)]
    return ("".join(lines) + f"{count}\n").encode()


def count_of(n, size):
    """Of how many lines that much is."""
    count = lines = 0
    while lines + len(f"{count}\n") < size:
        lines += len(f"{n} {count}\ne{n} {count}\n")
        count += 1
    return count


def test_twenty_jobs_killed_often():
    """Not a byte, an exit status or a record is lost, whenever SIGKILL comes."""
    rounds = 100 if LONG else 20
    with server_of() as server:
        old, go, jobs = set(), server.work / "go", {}
        with server.http() as c:
            for n in range(1, 21):
                jobs[n] = start(c, counting(n, go))
        for i in range(rounds):     # of itself a write is rarely torn
            crash(server, old, b"" if i else b'{"event.action":"proc')
        equal(len(server.audit("run-adopted")), 20 * rounds, "adopted")
        go.touch()
        with server.http() as c:
            for n, job in jobs.items():
                ended(c, job)
            kept = {n: read_all(c, job, result_of(server, job)["stdout.bytes"])
                    for n, job in jobs.items()}
        for n, job in jobs.items():
            end = result_of(server, job)
            equal((end["run.state"], end["process.exit_code"]),
                  ("exited", n), end)
            count = count_of(n, end["stdout.bytes"])
            equal(end["stdout.sha256"], hashlib.sha256(
                all_of(n, count)).hexdigest(), f"output of {n}, {count}")
            equal(kept[n], all_of(n, count), "what job_output has")
        server.ctl("audit", "verify")
        within("launchers are gone", 20, lambda: gone(old))
        equal(os.listdir(held(server)), [], "sockets")


def test_stop_ends_all():
    """Also those that were adopted."""
    with server_of() as server:
        old = set()
        with server.http() as c:
            first_job = start(c, "sleep 1000771")
            within("it runs", 5, lambda: processes("1000771"))
            crash(server, old)
        with server.http() as c:
            start(c, "sleep 1000772")
            within("it runs", 5, lambda: processes("1000772"))
        old.add(server.launcher_pid())
        server.stop()
        within("nothing is left", 10, lambda: not processes("100077") and
               gone(old))
        equal(result_of(server, first_job)["run.state"], "cancelled", "state")


def test_revoked_meanwhile():
    with server_of() as server:
        old = set()
        with server.http(token=server.add("other")) as c:
            job = start(c, "sleep 1000773")
            within("it runs", 5, lambda: processes("1000773"))
        old.add(server.launcher_pid())
        server.kill()
        server.ctl("token", "revoke", "other")
        check(processes("1000773"), "it goes on alone")
        server.start()
        within("it is ended", 10, lambda: not processes("1000773"))
        end = within("its result", 5, lambda: of(server, RESULT, job))[0]
        equal((end["run.state"], end["event.reason"]),
              ("cancelled", "the token was revoked"), end)
        check(of(server, "run-adopted", job), "on record")


def test_time_passed_meanwhile():
    with server_of() as server:
        began = time.monotonic()
        with server.http() as c:
            job = start(c, "sleep 1000774", timeout_ms=1500)
            within("it runs", 5, lambda: processes("1000774"))
        server.kill()
        within("its time is over", 10, lambda: time.monotonic() > began + 2)
        server.start()
        end = within("its result", 10, lambda: of(server, RESULT, job))[0]
        equal(end["run.state"], "timed_out", end)
        within("it is ended", 5, lambda: not processes("1000774"))


def test_ends_with_its_exit_meanwhile():
    """The guard reports to nobody, and is heard by the next one."""
    with server_of() as server:
        go = server.work / "go"
        with server.http() as c:
            job = start(c, f"until [ -e {go} ]; do sleep 0.02; done; "
                           "echo last; exit 9 : 1000775")
            within("it runs", 5, lambda: processes("1000775"))
        server.kill()
        go.touch()
        within("it is over", 10, lambda: not processes("1000775"))
        server.start()
        end = within("its result", 5, lambda: of(server, RESULT, job))[0]
        equal((end["run.state"], end.get("process.exit_code")),
              ("exited", 9), end)
        equal(end["stdout.sha256"], hashlib.sha256(b"last\n").hexdigest(), end)


def test_nobody_comes():
    """Then the grace is over, and the run with it."""
    with server_of(config={"survive_grace_ms": 700}) as server:
        with server.http() as c:
            job = start(c, "sleep 1000776")
            within("it runs", 5, lambda: processes("1000776"))
        pid = server.launcher_pid()
        server.kill()
        check(processes("1000776"), "not at once")
        within("it is ended", 10, lambda: not processes("1000776") and
               gone({pid}))
        server.start()
        equal(result_of(server, job)["run.state"], "lost", "its state")


def test_without_the_key():
    """The control: a job ends with the executor."""
    with server_of(jobs={"survive": False}) as server:
        with server.http() as c:
            job = start(c, "sleep 1000777")
            within("it runs", 5, lambda: processes("1000777"))
        server.kill()
        within("it ends", 10, lambda: not processes("1000777"))
        server.start()
        equal(result_of(server, job)["run.state"], "lost", "its state")


def test_key_gone_meanwhile():
    with server_of() as server:
        with server.http() as c:
            job = start(c, "sleep 1000778")
            within("it runs", 5, lambda: processes("1000778"))
        server.kill()
        path = server.dir / "policies.d" / f"{server.name}.json"
        path.write_text(path.read_text().replace('"survive": true',
                                                 '"survive": false'))
        server.start()
        within("it is ended", 10, lambda: not processes("1000778"))
        end = result_of(server, job)
        equal(end["run.state"], "lost", end)
        check("does not let jobs survive" in end["event.reason"], end)


def check_terminal(begin_again):
    """It takes input from the next executor, and what it wrote is there."""
    with server_of() as server:
        with server.http() as c:
            job = start(c, "while read -r x; do echo got $x; done", pty=True)
            c.call("job_input", job=job, data="one\n")
            within("one", 5, lambda: "got one" in output(c, job))
        begin_again(server, set())
        with server.http() as c:
            r = c.call("job_input", job=job, data="two\n")
            check(not r.error, r)
            within("two", 5, lambda: "got two" in output(c, job))
            check("got one" in output(c, job, cursor=0), "from before")
            r = c.call("job_input", job=job, eof=True)
            check("exited with status 0" in ended(c, job), r)


def test_terminal_takes_input_after():
    check_terminal(crash)


def test_input_closes_after():
    """The launcher's copy does not keep a job's input open."""
    with server_of() as server:
        with server.http() as c:
            job = start(c, "cat; echo end", input=True)
            c.call("job_input", job=job, data="one\n")
            within("one", 5, lambda: "one" in output(c, job))
            r = c.call("job_input", job=job, eof=True)
            check("exited with status 0" in ended(c, job), r)
            job = start(c, "cat; echo end", input=True)
            within("it runs", 5, lambda: "running" in first(output(c, job)))
        crash(server, set())
        with server.http() as c:
            c.call("job_input", job=job, data="two\n")
            within("two", 5, lambda: "two" in output(c, job))
            c.call("job_input", job=job, eof=True)
            check("exited with status 0" in ended(c, job), r)


ASK = """
import os, socket, sys
for name in os.listdir("control.sock.jobs"):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(10)
    s.connect("control.sock.jobs/" + name)
    print("got", len(s.recv(4096)), flush=True)
"""


def test_socket_is_not_for_runs():
    """One that finds it is refused, and ends nothing; another process is not."""
    with loose(ASK, **POLICY) as server:
        go = server.dir / "go"
        with server.http() as c:
            job = start(c, f"until [ -e {go} ]; do sleep 0.05; done; "
                           "python3 ask.py; (setsid python3 ask.py > out &); "
                           "until [ -s out ]; do sleep 0.05; done; cat out")
            within("it runs", 5, lambda: "running" in first(output(c, job)))
        server.kill()
        equal(len(os.listdir(held(server))), 1, "a socket")
        go.touch()
        within("both were refused", 20,
               lambda: server.log().count("may not take over") == 2)
        out = asked(server, script=ASK)
        check(out.stdout.startswith("got ") and "got 0" not in out.stdout,
              "control:", out)
        server.start()
        end = within("its result", 10, lambda: of(server, RESULT, job))[0]
        equal(end["stdout.sha256"],
              hashlib.sha256(b"got 0\ngot 0\n").hexdigest(), end)


def test_adopted_run_may_not_ask():
    """It is not a child of this executor's, and yet a run of it."""
    with loose(**POLICY) as server:
        go = server.dir / "go"
        with server.http() as c:
            job = start(c, f"until [ -e {go} ]; do sleep 0.05; done; "
                           "python3 ask.py")
            within("it runs", 5, lambda: "running" in first(output(c, job)))
        crash(server, set())
        out = asked(server)
        check('"ok":true' in out.stdout, "control:", out)
        go.touch()
        with server.http() as c:
            text = ended(c, job)
            check("a command that mcp-execd runs may not ask" in text, text)
