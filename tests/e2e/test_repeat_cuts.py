# SPDX-License-Identifier: MIT
"""jobs.repeat_window_ms: calls without a key whose streams are cut at random,
and a server that is killed meanwhile: each command runs once, all is given back.
"""
import random
import re
import select

from client import (LONG, REVISIONS, Connection, Result, Server, check,
                    crash_frontend, equal, message, parse, request, within)
from modern import Modern
from test_jobs import start
from test_repeat import NOTE, POLICY, WINDOW

CUTS = 1000 if LONG else 100
AT_ONCE = 20        # that are cut, then asked for again
# The first has no time to begin, is half a request, runs, or says goodbye.
WAYS = "early", "half", "begun", "closed"
# What happens to the server between the cut and the second call.
FATES = None, "frontend", None, "killed", "stopped"
ENDED = re.compile("restarted while it ran|was cut off|the server is stopping")


def clients(server):
    return [lambda r=r: server.http(revision=r) for r in REVISIONS] + [
        lambda: Modern(server)]


def status(server):
    """(connections, calls) as the frontend has them."""
    return tuple(map(int, re.search(r"connections: (\d+).* calls: (\d+)",
                                    server.ctl("status")).groups()))


class Cut:
    """One call: it says that it runs, and waits for its gate."""

    def __init__(self, server, i, way):
        self.count = server.work / f"cut-{i}"
        self.gate = server.work / f"gate-{i}"
        self.way = way
        self.goes_on = False    # whatever happens to the executor
        self.wrote = True       # it was not ended before that
        self.command = (f"echo x >> {self.count}; until [ -e {self.gate} ]; "
                        f"do sleep 0.02; done; echo end of {i}")
        self.text = f"end of {i}\n"

    def has_run(self):
        """It has written: a shell makes its file before that."""
        return self.count.exists() and self.count.read_text()

    def begin(self, c):
        """The call, on a connection that is to be cut."""
        if self.way != "half":
            return c.begin(self.command)
        conn = Connection(c.server)
        conn.sock.sendall(request("POST", "/mcp", conn.port, c.headers(), message(
            "tools/call", {"name": "exec_cmd", "arguments": {
                "command": self.command}}, 1))[:-20])
        return conn

    def cut(self, conn, c):
        if self.way in ("begun", "closed"):
            within("it runs", 20, self.has_run)
            # one that ends with its connection is a job from then on
            self.goes_on = isinstance(c, Modern)
        if self.way == "closed":
            conn.close()
        else:
            conn.reset()

    def ask(self, c, made, fate):
        """The call again; its command ends before that or after."""
        first = made.choice((True, False))
        if first:
            self.gate.touch()
        conn = c.begin(self.command)
        if not first:
            # or it was ended before it had written, which is answered at once
            within(f"it runs ({self.way}, {fate}, {type(c).__name__})", 20,
                   lambda: self.has_run() or fate and
                   select.select([conn.sock], [], [], 0)[0])
            self.gate.touch()
        answer = parse(conn.reply())[-1]
        conn.close()
        check("result" in answer, answer)
        self.take(Result(answer["result"]), fate)

    def take(self, r, fate):
        """It ran once, or was ended, and that is told; a control: which of them
        were another call's."""
        ends = fate == "stopped" or fate == "killed" and not self.goes_on
        self.wrote = bool(self.has_run()) or self.way != "early" or not ends
        if self.wrote:
            equal(self.count.read_text(), "x\n", f"runs of {self.text}")
        check(self.text in r.text or ends and ENDED.search(r.text), fate,
              self.way, r)
        told = bool(NOTE.search(r.text) or "call once more" in r.text)
        check(self.way == "early" or told == (self.way != "half"),
              self.way, told, r)


def all_seen(server, opened):
    """The frontend has taken the connections in, and let those go that were
    cut."""
    with server.http() as c:
        c.call("job_list")
        within("no other connection", 20,
               lambda: status(server)[0] == opened + 1)


def suffer(server, fate):
    if fate == "frontend":
        crash_frontend(server)
    elif fate == "killed":
        server.kill()
        server.start()
    elif fate == "stopped":
        server.stop()
        server.start()


def all_is_free(server):
    """None runs, and as many as ever find a place."""
    gate = server.work / "all"
    with server.http() as c:
        equal([x for x in c.call("job_list").text.splitlines()
               if "running" in x], [], "jobs")
        jobs = [start(c, f"until [ -e {gate} ]; do sleep 0.05; done; : {i}")
                for i in range(WINDOW["at_once"])]
        r = c.call("job_start", command="true")
        check(r.error, "control: one more than the policy has", r)
        gate.touch()
        for job in jobs:
            r = c.call("job_output", job=job, until="end", wait_ms=20000)
            check("exited with status 0" in r.text, r)


def test_cut_without_keys():
    """Each command runs once, whatever is cut; a file counts."""
    made = random.Random(18)
    with Server(policy={**POLICY, "jobs": {**WINDOW, "survive": True}}) as s:
        wrote = 0
        for at in range(0, CUTS, AT_ONCE):
            fate = FATES[at // AT_ONCE % len(FATES)]
            cuts = [Cut(s, i, made.choice(WAYS))
                    for i in range(at, at + AT_ONCE)]
            opened = [client() for client in clients(s)]
            made_by = [made.choice(opened[:-1] if cut.way == "half"
                                   else opened) for cut in cuts]
            conns = [cut.begin(c) for cut, c in zip(cuts, made_by)]
            for cut, conn, c in zip(cuts, conns, made_by):
                cut.cut(conn, c)
            all_seen(s, len(opened))
            suffer(s, fate)
            again = [client() for client in clients(s)] if fate else opened
            for cut in made.sample(cuts, len(cuts)):
                cut.ask(made.choice(again), made, fate)
                wrote += cut.wrote
            within("no call is left", 20, lambda: status(s)[1] == 0)
            for c in opened + (again if fate else []):
                c.conn.close()
        equal(sum(bool(f.read_text()) for f in s.work.glob("cut-*")), wrote,
              "commands")
        all_is_free(s)
        s.ctl("audit", "verify")
