# SPDX-License-Identifier: MIT
"""Recorded jobs that outlive the executor: one recording, as of one run."""
import hashlib
import json

from client import RESULT, Server, check, equal, processes, within
from test_hand_over import restart
from test_jobs import ended, first, output, start
from test_recording import cast, replay
from test_survive import (POLICY, all_of, count_of, counting, crash, gone, of,
                          result_of)


def recorded(**audit):
    return Server(policy={**POLICY, "audit": {"output": "all", **audit}})


def whole(server, job):
    """What is played of its recording, which is the one on record."""
    end = result_of(server, job)
    file = cast(server, job).read_bytes()
    equal((end["recording.bytes"], end["recording.sha256"]),
          (len(file), hashlib.sha256(file).hexdigest()), end)
    check("recording.error" not in end, end)
    out = replay(server, "--stream", "stdout", "--raw", "--speed", "0", job)
    equal(hashlib.sha256(out[0]).hexdigest(), end["stdout.sha256"], end)
    server.ctl("audit", "verify")
    return end, out[0]


def events(server, job):
    """All but when they were."""
    return [e[1:] for e in map(
        json.loads, cast(server, job).read_text().splitlines()[1:])]


BEFORE = r"printf 'line\nbytes \377\000\r\n caf\303'"
AFTER = r"printf '\251 \342'; printf '\202\254 \376'; exit 7"
WRITTEN = (b"line\nbytes \xff\0\r\n caf\xc3\xa9 \xe2\x82\xac \xfe")


def goes_on(begin_again):
    """Text, bytes, and characters of which one half came before."""
    with recorded() as server:
        old, jobs = set(), []
        for between in begin_again, None:
            go = server.work / f"go{len(jobs)}"
            with server.http() as c:
                job = start(c, f"{BEFORE}; until [ -e {go} ]; do sleep 0.05;"
                               f" done; {AFTER}")
                within("what it wrote", 10, lambda j=job: "caf" in output(
                    c, j, cursor=0))
            if between:
                between(server, old)
                equal(len(of(server, "run-adopted", job)), 1, "adopted")
                check(not of(server, RESULT, job), "it is not lost")
            go.touch()
            with server.http() as c:
                check("exited with status 7" in ended(c, job), job)
            end, out = whole(server, job)
            equal(out, WRITTEN, "its recording")
            equal((end["run.state"], end["recording.output"]),
                  ("exited", "all"), end)
            jobs.append(job)
        shown = ["".join(e[1] for e in events(server, j) if e[0] == "o")
                 for j in jobs]
        equal(shown[0], shown[1], "as of one that nothing came between")
        check("café €" in shown[0], shown)
        equal(*(events(server, j)[-1] for j in jobs), "their last lines")
        within("launchers are gone", 20, lambda: gone(old))


def test_goes_on_after_a_kill():
    goes_on(crash)


def test_goes_on_after_a_hand_over():
    goes_on(restart)


def test_written_meanwhile():
    """More than any pipe holds, while nobody is there to record it."""
    size = 3 << 20
    with recorded() as server:
        go = server.work / "go"
        with server.http() as c:
            job = start(c, f"until [ -e {go} ]; do sleep 0.02; done; "
                           f"yes 1000701 | head -c {size}; exit 5")
            within("it runs", 5, lambda: processes("1000701"))
        server.kill()
        go.touch()
        within("it writes", 10, lambda: processes("yes\0001000701"))
        server.start()
        with server.http() as c:
            check("exited with status 5" in ended(c, job), "its end")
        equal(whole(server, job)[1], b"1000701\n" * (size // 8), "recording")


def test_killed_often():
    """Whenever SIGKILL comes, nothing is recorded twice and nothing lost."""
    with recorded() as server:
        old, go, jobs = set(), server.work / "go", {}
        with server.http() as c:
            for n in range(1, 7):
                jobs[n] = start(c, counting(n, go))
        for _ in range(15):
            crash(server, old)
        equal(len(server.audit("run-adopted")), 6 * 15, "adopted")
        go.touch()
        with server.http() as c:
            for job in jobs.values():
                ended(c, job)
        for n, job in jobs.items():
            end, out = whole(server, job)
            equal((end["run.state"], end["process.exit_code"]),
                  ("exited", n), end)
            equal(out, all_of(n, count_of(n, len(out))), f"output of {n}")
        within("launchers are gone", 20, lambda: gone(old))


def test_written_and_not_counted():
    """What was in the file when the end came, but is read again, is there once."""
    with recorded() as server:
        go = server.work / "go"
        with server.http() as c:
            job = start(c, f"echo one; until [ -e {go} ]; do sleep 0.05; done;"
                           " echo two")
            within("one", 10, lambda: "one" in output(c, job, cursor=0))
        server.kill()
        with cast(server, job).open("a") as f:
            f.write('[0.5,"o","two\\r\\n"]\n')
        server.start()
        go.touch()
        with server.http() as c:
            ended(c, job)
        equal(whole(server, job)[1], b"one\ntwo\n", "its recording")


def test_bound_is_of_the_whole_run():
    """What was recorded before counts: the next one does not begin again."""
    with recorded(output_bytes=8192) as server:
        go = server.work / "go"
        with server.http() as c:
            jobs = [start(c, f"printf %05000d 1; until [ -e {go} ]; do "
                             f"sleep 0.05; done; printf %0{n}d 2; "
                             "sleep 1000702")
                    for n in (5000, 3000)]
            for job in jobs:
                within("what it wrote", 10, lambda j=job: "00001" in output(
                    c, j, cursor=0))
        crash(server, set())
        go.touch()
        end = result_of(server, jobs[0])
        equal(end["run.state"], "cancelled", end)
        check("8192 bytes" in end["event.reason"], end)
        check("running" in within("control", 10, lambda: told(
            server, jobs[1])), "control")


def told(server, job):
    with server.http() as c:
        return first(output(c, job))


def refused(spoil, why):
    """It is ended, on record; another goes on."""
    with recorded() as server:
        with server.http() as c:
            job, other = (start(c, f"echo {n}; exec sleep {n}")
                          for n in (1000703, 1000704))
            for j, n in (job, "1000703"), (other, "1000704"):
                within("what it wrote", 10, lambda j=j, n=n: n in output(
                    c, j, cursor=0))
        server.kill()
        spoil(cast(server, job))
        server.start()
        within("it is ended", 10, lambda: not processes("sleep\0001000703"))
        end = result_of(server, job)
        equal(end["run.state"], "lost", end)
        check(why in end["event.reason"], end)
        check(not of(server, "run-adopted", job), "nobody goes on with it")
        equal(len(of(server, "run-adopted", other)), 1, "control")
        check(processes("sleep\0001000704"), "control")
        server.ctl("audit", "verify")


def test_recording_is_gone():
    refused(lambda path: path.unlink(), "is not there")


def test_recording_was_cut():
    refused(lambda path: path.write_bytes(path.read_bytes()[:-5]), "changed")


def test_with_a_terminal():
    """What is read of one cannot be read again: it ends, as explained."""
    with recorded() as server:
        with server.http() as c:
            job = start(c, "exec sleep 1000705", pty=True)
            other = start(c, "exec sleep 1000706")
            within("they run", 10, lambda: processes("1000705")
                   and processes("1000706"))
        said = server.ctl("policy", "explain", server.name)
        check("a job with a terminal ends" in said, said)
        crash(server, set())
        equal(result_of(server, job)["run.state"], "lost", "its state")
        within("it is ended", 10, lambda: not processes("1000705"))
        with server.http() as c:
            said = output(c, job)
            check("which ended it (jobs.survive does not hold for it: its "
                  "terminal was recorded, see audit.output)" in said, said)
        equal(len(of(server, "run-adopted", other)), 1, "control")
