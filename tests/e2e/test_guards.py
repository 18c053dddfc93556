# SPDX-License-Identifier: MIT
"""Guards that have one run after another, reuse_guards: who has which, and
when there is none any more.  What runs leave to each other: unit guard_again.
"""
import contextlib
import os
import signal

from client import (RESULT, ROOT, SLOW, Http, Server, Skip, alive, check,
                    equal, guards, mark, processes, within)
from instance import children


def waiting(server):
    """The guard that is there without a run."""
    its = guards(server)
    return its[0] if len(its) == 1 else None


@contextlib.contextmanager
def reusing(**config):
    """A server, its client, and a guard that has had a run."""
    if not ROOT:
        raise Skip("only guards of root's have more than one run")
    with Server(config={"reuse_guards": True, **config}) as server, \
            Http(server) as c:
        def one():
            """Two runs of one guard: another one may be about to end."""
            check(not c.sh("true").error, "a run")
            before = waiting(server)
            check(not c.sh("true").error, "another run")
            return before if before == waiting(server) else None
        yield server, c, within("a guard that waits", 20 * SLOW, one)


def guard_of(server, mark):
    """Whose child that command is; what it forks has its words as well."""
    its = [g for g in guards(server) if set(children(g)) & set(processes(mark))]
    return its[0] if its else None


def test_one_after_another():
    """Each run is told and recorded as its own."""
    with reusing() as (server, c, _):
        had = []

        def run(code):
            m, go = mark(), server.work / f"go{code}"
            conn = c.begin(f": {m}; until [ -e {go} ]; do sleep 0.02; done; "
                           f"echo {code}; exit {code}")
            had.append(within("it runs", 20, lambda: guard_of(server, m)))
            go.touch()
            r = c.finish(conn)
            conn.close()
            equal((r.data["stdout"], r.data["exit_code"]),
                  (f"{code}\n", code), "its own")

        for code in range(1, 6):
            run(code)
        within("the last record", 5, lambda: server.audit(RESULT)[-1][
            "process.exit_code"] == 5)
        ends = server.audit(RESULT)[-5:]
        equal([e["process.exit_code"] for e in ends], [1, 2, 3, 4, 5], "each")
        equal(len({e["run.id"] for e in ends}), 5, "runs")

        def again():
            """Not always: one that is not back yet is not waited for, and what
            others mount ends those that wait."""
            if len(set(had)) == len(had):
                run(len(had) % 200 + 1)
            return len(set(had)) < len(had)
        within("one guard has two runs", 20, again)


def test_off():
    """By the key none waits."""
    with Server(config={"reuse_guards": False}) as server, Http(server) as c:
        for _ in range(5):
            check(not c.sh("true").error, "a run")
            within("its guard is gone", 5, lambda: not guards(server))


def test_reload():
    with reusing() as (server, c, guard):
        server.reload()
        within("gone", 4, lambda: not alive(guard))
        equal(c.sh("echo on").text, "on\n", "and runs go on")


def test_cancelled():
    """A run that is ended takes its guard with it, sooner than one that waits.
    Which that is, is seen: mounts that others change make the next one's new."""
    with reusing() as (server, c, _):
        m = mark()
        conn = c.begin(f": {m}; sleep 1000; :", id="ended")
        guard = within("it runs", 20, lambda: guard_of(server, m))
        c.notify("notifications/cancelled", {"requestId": "ended"})
        within("gone", 4, lambda: not alive(guard))
        conn.close()
        equal(c.sh("echo on").text, "on\n", "and runs go on")


def test_executor_killed():
    with reusing() as (server, _, guard):
        launcher = server.launcher_pid()
        os.kill(server.process.pid, signal.SIGKILL)
        within("its guards", 5 * SLOW, lambda: not alive(guard))
        within("its launcher", 5 * SLOW, lambda: not alive(launcher))


def test_launcher_killed():
    with reusing() as (server, c, guard):
        launcher = server.launcher_pid()
        os.kill(launcher, signal.SIGKILL)
        within("its guard", 5 * SLOW, lambda: not alive(guard))
        within("another", 5 * SLOW,
               lambda: server.launcher_pid() not in (None, launcher))
        equal(c.sh("echo on").text, "on\n", "and runs go on")


def test_many_at_once():
    with reusing() as (server, c, _):
        for _ in range(3):
            all_of = [c.begin(f"echo {i}; sleep 0.1") for i in range(12)]
            for i, conn in enumerate(all_of):
                equal(c.finish(conn).text, f"{i}\n", "its own")
                conn.close()
        within("none waits for ever", 20 * SLOW, lambda: not guards(server))
