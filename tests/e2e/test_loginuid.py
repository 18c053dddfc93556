# SPDX-License-Identifier: MIT
"""Audit login uids: the token's, set before the command has a say."""
import json
import os

import instance
from client import ROOT, Http, Server, Skip, check, equal, mark

UNSET = 4294967295
FIRST, LAST = 1879048192, 2147483647
# Whatever else would keep a command from writing to /proc is taken away.
BARE = ["mounts", "pids", "ipc", "network", "user", "landlock", "cgroup"]
FORGE = ("echo 4242 >/proc/self/loginuid; cat /proc/self/loginuid; echo; "
         "cat /proc/self/sessionid; echo")


def own():
    try:
        with open("/proc/self/loginuid") as f:
            return int(f.read())
    except FileNotFoundError:
        raise Skip("this kernel has no audit login uid") from None


def may_set():
    """As the executor finds out: in a child."""
    own()
    pid = os.fork()
    if pid == 0:
        try:
            with open("/proc/self/loginuid", "w") as f:
                f.write(str(FIRST))
            os._exit(0)
        except OSError:
            os._exit(1)
    if os.waitpid(pid, 0)[1] != 0:
        raise Skip("this session's login uid is set for good")


def forge(server, c):
    """(login uid, session) that a command ends up with, and its records."""
    m = mark()
    words = c.sh(f": {m}; {{ {FORGE}; }} 2>/dev/null").text.split()
    intent, _ = server.run_records(m)
    return int(words[-2]), int(words[-1]), intent, server.ended(m)


def test_not_forged_by_the_command():
    may_set()
    with Server(policy={"disable": BARE, "require": ["loginuid"]}) as server, \
            Http(server) as c:
        uid, session, intent, result = forge(server, c)
        check(FIRST <= uid <= LAST, "not of the range", uid)
        equal(intent["user.audit.id"], uid, "recorded")
        equal(result["auditd.session"], session, "session")
        check("loginuid" in intent["posture"]["layers"], intent["posture"])
        again = forge(server, c)
        equal(again[0], uid, "the same for each run of the token")
        check(again[1] != session, "one session for two runs", session)


def test_control_without_the_layer():
    """The same command, where nothing sets it: it succeeds."""
    if own() != UNSET:
        raise Skip("this session has a login uid, which runs inherit")
    with Server(policy={"disable": [*BARE, "loginuid"]}) as server, \
            Http(server) as c:
        uid, _, intent, result = forge(server, c)
        equal(uid, 4242, "forged")
        check("user.audit.id" not in intent, intent)
        check("auditd.session" not in result, result)


def findings(server):
    try:
        server.ctl("check")
        return ""
    except instance.Failure as e:
        return str(e)


def test_each_token_its_own():
    may_set()
    with Server(policy={"disable": ["user"] if ROOT else BARE}) as server:
        uids = {server.name: 0, "second": 0}
        for name, token in ((server.name, None),
                            ("second", server.add("second"))):
            with Http(server, token) as c:
                uids[name] = forge(server, c)[0]
        equal(len(set(uids.values())), 2, "two tokens")
        equal(findings(server), "", "as it is")
        path = server.dir / "tokens.d" / "second.json"
        data = json.loads(path.read_text())
        path.write_text(json.dumps({**data, "login_uid": 1000}))
        check("reserves" in findings(server), "an account's uid")
        path.write_text(json.dumps({**data,
                                    "login_uid": uids[server.name]}))
        check("of its own" in findings(server), "another token's uid")
