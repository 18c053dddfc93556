# SPDX-License-Identifier: MIT
"""Both processes: lockdown, crashes, stop, reload."""
import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

import instance
from client import (FRONTEND_EXIT, ROOT, SLOW, Connection, Gone, Http, Server,
                    Skip, alive, check, descendants, equal, fds, mark, message,
                    processes, status_of, token_served, within)


def check_limits(pid, build):
    """Each row that it sets, soft and hard."""
    rows = pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    limits = {r[:26].strip(): tuple(r[26:].split()[:2]) for r in rows}
    equal(limits["Max processes"], ("0", "0"), "processes")
    equal(limits["Max core file size"], ("0", "0"), "core files")
    soft, hard = limits["Max open files"]
    check(soft == hard and int(hard) < 1 << 16, "files", limits)
    if "asan" not in build:
        soft, hard = limits["Max file size"]
        check(soft == hard and int(hard) < 1 << 40, "file size", limits)


def test_inherits_nothing():
    """A descriptor that slipped through to the frontend is closed by it."""
    server = Server()
    script = server.dir / "frontend"
    script.write_text("#!/bin/sh\nexec 9</etc/passwd\nexec "
                      f"{server.build}/mcp-execd-frontend \"$@\"\n")
    script.chmod(0o755)
    server.config["frontend"]["path"] = str(script)
    server.write()
    with server:
        if not ROOT:
            raise Skip("descriptors of the frontend: only root may look")
        check("/etc/passwd" not in fds(server.frontend_pid()).values(),
              fds(server.frontend_pid()))


def take_sockets(pid):
    """Our own copies of a process's sockets."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = libc.syscall(434, pid, 0)                   # pidfd_open
    taken = [libc.syscall(438, pidfd, n, 0)             # pidfd_getfd
             for n, t in fds(pid).items() if t.startswith("socket:")]
    os.close(pidfd)
    return taken


def test_dies_with_the_executor():
    """Even if somebody holds the channel open."""
    if not ROOT:
        raise Skip("sockets of the executor: only root may take them")
    with Server() as server:
        frontend = server.frontend_pid()
        held = take_sockets(server.process.pid)
        try:
            check(held and min(held) > 2, "taken", held)
            server.kill()
            within("the frontend is gone", 5, lambda: not alive(frontend))
        finally:
            for fd in held:
                os.close(fd)


def test_lockdown():
    """The frontend as /proc shows it."""
    with Server() as server, Http(server) as c, server.sse():
        c.sh("true")
        pid = server.frontend_pid()
        s = status_of(pid)
        for caps in "CapInh", "CapPrm", "CapEff", "CapAmb":
            equal(int(s[caps], 16), 0, caps)
        equal(s["NoNewPrivs"], "1", "NoNewPrivs")
        if "asan" not in server.build.name and \
                "valgrind" not in server.build.name:
            equal(s["Seccomp"], "2", "Seccomp")
        if ROOT:
            uid = server.config["frontend"]["user"]
            uid = instance.user_ids(uid)[0]
            check(uid != 0, "uid")
            equal(s["Uid"].split(), [str(uid)] * 4, "Uid")
            check("0" not in s["Gid"].split(), "Gid", s["Gid"])
            equal(s["Groups"].split(), [], "Groups")
            equal(int(s["CapBnd"], 16), 0, "CapBnd")
        equal(s["PPid"], str(server.process.pid), "parent")
        equal(os.stat(f"/proc/{pid}/mem").st_uid, 0, "it can be dumped")
        check_limits(pid, server.build.name)
        if not ROOT:
            raise Skip("descriptors of the frontend: only root may look")
        held = fds(pid)
        kinds = {n: t.partition(":")[0] for n, t in held.items()}
        check(held[0] == "/dev/null", held)
        for n, t in held.items():
            check(kinds[n] in ("socket", "anon_inode", "/dev/null", "pipe")
                  or n in (1, 2) or "/dev/null" in t, n, t)
            check("[eventfd]" in t or "[eventpoll]" in t or "[signalfd]" in t
                  or "[timerfd]" in t or "[pidfd]" in t
                  or not t.startswith("anon_inode"), n, t)
        check(kinds[3] == kinds[4] == "socket", held)
        root = os.readlink(f"/proc/{pid}/root")
        check("(deleted)" in root or not os.path.lexists(root) or
              root == "/" or not os.listdir(f"/proc/{pid}/root"), root)


def test_self_test():
    """Inside the lockdown: open, socket, execve, fork, ptrace... fail."""
    build = instance.build_dir()
    out = subprocess.run([build / "mcp-execd-frontend", "--self-test"],
                         capture_output=True, text=True, timeout=60 * SLOW)
    if out.returncode == 77 and "without the system call filter" in \
            out.stdout + out.stderr:
        raise Skip("this build has no system call filter")
    equal(out.returncode, 0, out.stdout + out.stderr)
    text = (out.stdout + out.stderr).lower()
    for call in "open", "socket", "connect", "exec", "fork", "ptrace":
        check(call in text, f"{call} is not tried:", text)


def test_no_secret_in_the_frontend():
    """No file, argument nor variable of it holds a verifier or a path."""
    with Server() as server:
        pid = server.frontend_pid()
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        check(server.token.encode() not in words, words)
        check(str(server.dir).encode() not in words, words)
        if ROOT:
            env = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            check(b"PATH" not in env and b"HOME" not in env, env)


def test_frontend_killed_during_a_run():
    with Server() as server:
        first = server.frontend_pid()
        with Http(server) as c:
            m = mark()
            conn = c.begin(f"echo {m}; exec sleep 1000320")
            server.running(m)
            begin = time.monotonic()
            os.kill(first, signal.SIGKILL)
            r = server.ended(m)
            check(r["run.state"] in ("cancelled", "lost"), r)
            equal(processes("1000320"), [], "the command")
            conn.close()
        record = within("a record", 5, lambda: server.audit(FRONTEND_EXIT))[0]
        check("9" in record["frontend.status"], record)
        equal(record["process.pid"], first, record)
        within("service again", 5, server.healthy)
        check(time.monotonic() - begin < 8 * server.slow, "quickly")
        check(server.frontend_pid() != first, "another process")
        within("its token is served", 30, lambda: token_served(server), .5)
        with Http(server) as c:
            equal(c.sh("echo again").text, "again\n", "runs again")
        equal(len(server.audit("start")), 1, "the executor lived on")


def test_frontend_killed_again_and_again():
    """Restarts with backoff; the executor and the listener stay."""
    with Server() as server:
        for i in range(4):
            pid = within("a frontend", 20, server.frontend_pid)
            os.kill(pid, signal.SIGKILL)
            within("recorded", 5,
                   lambda: len(server.audit(FRONTEND_EXIT)) == i + 1)
        within("service again", 30, server.healthy)
        with Http(server) as c:
            check(not c.sh("true").error, "runs")


def test_executor_killed_during_a_run():
    with Server() as server:
        with Http(server) as c:
            m = mark()
            c.begin(f"echo {m}; (setsid sleep 1000321 &) ; trap '' TERM; "
                    f"while :; do sleep 1000322; done")
            server.running(m)
            within("the tree stands", 5, lambda: processes("sleep\x001000321")
                   and processes("sleep\x001000322"))
        tree = descendants(server.process.pid)
        check(len(tree) >= 3, tree)
        server.process.kill()
        server.process.wait()
        within("frontend and commands died", 5,
               lambda: not [p for p in tree if alive(p)])
        within("none escaped", 5, lambda: not (
            processes("1000321") + processes("1000322")))
        with socket.socket() as s:
            check(s.connect_ex(server.address) != 0, "it still listens")
        before = len(server.audit())
        server.start_once()     # and it starts again, on the same log
        check(len(server.audit("start")) == 2 and
              len(server.audit()) > before, "continues the log")
        with Http(server) as c:
            check(not c.sh("true").error, "runs")


def stop(server):
    begin = time.monotonic()
    server.process.terminate()
    status = server.process.wait(30 * server.slow)
    return status, time.monotonic() - begin


def test_sigterm_idle():
    with Server() as server:
        with Http(server), server.sse() as s:
            status, took = stop(server)
            equal(status, 0, server.log())
            check(took < 8 * server.slow, "took", took)
            check(s.stream.closed(5), "the stream is open")
        check(server.audit("stop"), "no stop record")
        equal(server.audit()[-1]["event.action"], "stop", "last record")
        server.process = None


def test_sigterm_during_runs():
    """TERM, grace, KILL; output so far arrives; records; exit 0."""
    with Server({"stop_grace_ms": 1000}) as server:
        c = Http(server)
        polite = c.begin("trap 'echo bye > bye; exit 0' TERM; echo up > up; "
                         "while :; do sleep 0.1; done")
        stubborn = c.begin("trap '' TERM; echo up > stubborn; "
                           "while :; do sleep 1000323; done")
        for name in "up", "stubborn":       # each has set its trap
            server.file(name)
        status, took = stop(server)
        equal(status, 0, server.log())
        check(0.3 < took < 15 * server.slow, "took", took)
        equal(processes("1000323"), [], "the stubborn one")
        equal(server.file("bye"), "bye\n", "the polite one had its time")
        results = server.audit("run-result")
        equal(len(results), 2, "results")
        equal(server.audit()[-1]["event.action"], "stop", "last record")
        for conn in polite, stubborn, c:
            conn.close()
        server.process = None


def test_stop_is_not_held_up():
    """stop_grace_ms bounds a policy's kill_grace_ms, also one that began."""
    with Server({"stop_grace_ms": 500},
                limits={"kill_grace_ms": 60000}) as server:
        c = Http(server)
        first = c.begin("trap '' TERM; while :; do sleep 1000325; done")
        second = c.begin("trap '' TERM; while :; do sleep 1000326; done")
        within("both run", 5, lambda: processes("sleep\x001000325") and
               processes("sleep\x001000326"))
        first.close()       # cancelled: its long grace has begun
        time.sleep(0.5)
        check(processes("1000325"), "control: it has its grace")
        status, took = stop(server)
        equal(status, 0, server.log())
        check(0.4 < took < 20 * server.slow, "took", took)
        equal(processes("1000325") + processes("1000326"), [], "the runs")
        # the frontend outlives the grace at whose end that was killed
        check("is stopping" in (text := c.finish(second).text), text)
        second.close()
        c.close()
        server.process = None


def test_last_words_wait_for_the_frontend():
    """A stop closes no channel in which answers wait to be sent."""
    with Server() as server, Http(server) as c:
        runs = [(m := mark(), c.begin(
            f": {m}; while [ ! -e go ]; do sleep 0.1; done; "
            "head -c 125000 /dev/zero | tr '\\0' x; touch " + m +
            "; exec sleep 1000327")) for _ in range(14)]
        for m, _ in runs:
            server.running(m)
        frontend = server.frontend_pid()
        os.kill(frontend, signal.SIGSTOP)
        try:
            (server.work / "go").touch()
            for m, _ in runs:
                within("its output", 10, (server.work / m).exists)
            server.process.terminate()
            for m, _ in runs:
                server.ended(m, 20)
        finally:
            os.kill(frontend, signal.SIGCONT)
        for m, conn in runs:
            text = c.finish(conn).text
            check("is stopping" in text and "x" * 1000 in text, text[:300])
            conn.close()
        equal(server.process.wait(20 * server.slow), 0, server.log())
        server.process = None


def test_last_words_after_a_reload():
    """A frontend that acknowledges it too late for the executor, which is
    gone by then, still reads what else was said."""
    with Server() as server, Http(server) as c:
        m = mark()
        conn = c.begin(f"trap 'echo bye; exit' TERM; touch {m}; "
                       "while :; do sleep 0.1; done")
        within("its trap", 5, (server.work / m).exists)
        frontend = server.frontend_pid()
        os.kill(frontend, signal.SIGSTOP)
        try:
            server.reload_ends("success", "reload")
            since = time.monotonic()
            server.process.terminate()
            within("its result", 10, lambda: server.audit("run-result"))
        finally:
            os.kill(frontend, signal.SIGCONT)
        try:
            text = c.finish(conn).text
            check("bye" in text and "is stopping" in text, text)
        except Gone as e:
            # the executor's patience, 5 s, does not grow with the load
            check(time.monotonic() - since > 4.5, str(e))
        conn.close()
        equal(server.process.wait(20 * server.slow), 0, server.log())
        check("channel to the executor broke" not in server.log(),
              server.log())
        server.process = None


def begin_large(server, c):
    """A call whose answer no socket holds: it goes out as it is read."""
    m = mark()
    conn = c.begin(f"trap 'exit' TERM; head -c 6000000 /dev/zero | "
                   f"tr '\\0' x; touch {m}; while :; do sleep 0.1; done")
    within("its output", 20, (server.work / m).exists)
    return conn


def test_last_words_that_are_large():
    """An answer that is being read at a stop has 3 s, and no more."""
    limits = {"output_bytes": 1 << 23}
    with Server(limits=limits) as server, Http(server) as c:
        conn = begin_large(server, c)
        since = time.monotonic()
        server.process.terminate()
        try:
            text = c.finish(conn).text
            check(text.count("x") >= 6000000, len(text))
        except Gone as e:
            # a reader whom a loaded machine has kept from it for so long
            check(time.monotonic() - since > 2.5, str(e)[:300])
        conn.close()
        equal(server.process.wait(20 * server.slow), 0, server.log())
        server.process = None
    with Server(limits=limits) as server, Http(server) as c:
        conn = begin_large(server, c)
        since = time.monotonic()
        server.process.terminate()  # and nobody reads
        equal(server.process.wait(20 * server.slow), 0, server.log())
        check(time.monotonic() - since > 2.5, "it was not waited for")
        conn.close()
        server.process = None


def test_sigterm_twice_and_sigint():
    with Server() as server:
        server.process.send_signal(signal.SIGINT)
        server.process.send_signal(signal.SIGTERM)
        equal(server.process.wait(20 * server.slow), 0, server.log())
        server.process = None


def test_reload_good():
    """SIGHUP: policies, tokens and limits, without a session lost."""
    with Server() as server, Http(server) as c:
        equal(c.sh("echo $FIXED").text, "yes\n", "before")
        m = mark()
        conn = c.begin(f"sleep 1; echo {m}$FIXED")
        server.running(m)
        server.policy["environment"]["set"]["FIXED"] = "changed"
        server.config["limits"] = {"body_bytes": 5000}
        server.write()
        r = server.reload()
        equal(r["event.outcome"], "success", r)
        equal(c.sh("echo $FIXED").text, "changed\n", "after")
        check(f"{m}yes" in c.finish(conn).text, "a run keeps its policy")
        conn.close()
        equal(c.post(message("ping", {"x": "y" * 6000}, 1)).status, 413,
              "the new limit")


def bad_reload(server, path, text, *words):
    """This text in that file is refused, and nothing changes."""
    old = path.read_text() if path.exists() else None
    path.write_text(text)
    path.chmod(0o600)
    try:
        r = server.reload()
        equal(r["event.outcome"], "failure", f"{path.name} {text[:80]} {r}")
        for word in (path.name, *words):
            check(word in r["event.reason"], word, "not in", r)
        within("the journal says so", 5, lambda: path.name in server.log())
    finally:
        if old is None:
            path.unlink()
        else:
            path.write_text(old)


def test_reload_bad():
    with Server() as server, Http(server) as c:
        conf = server.config_file
        policy = server.dir / "policies.d" / "test.json"
        good = json.loads(conf.read_text())
        rule = json.loads(policy.read_text())

        def text(base, **keys):
            return json.dumps({**base, **keys}, indent=1)

        bad_reload(server, conf, "{", "mcp-execd.json:1:")
        bad_reload(server, conf, text(good, nope=1), "nope")
        bad_reload(server, conf, text(good, limits={"runs": "x"}), "runs")
        bad_reload(server, conf, text(good, limits={"runs": 0}), "runs")
        bad_reload(server, conf, '{"listen":[],"listen":[]}')
        bad_reload(server, policy, text(rule, nope=1), "nope")
        bad_reload(server, policy, text(rule, directory="relative"),
                   "directory")
        bad_reload(server, policy, text(rule, directory="/no/such"),
                   "/no/such")
        bad_reload(server, policy, text(rule, user="nosuchuser"),
                   "nosuchuser")
        bad_reload(server, policy, text(rule, tools=["rm"]), "rm")
        bad_reload(server, policy, text(rule, shell="/no/shell"),
                   "/no/shell")
        bad_reload(server, policy, text(
            rule, shell=None, tools=["exec_cmd"]), "shell")
        bad_reload(server, policy, text(
            rule, syscalls={"profile": "nope"}), "nope")
        bad_reload(server, policy, text(rule, umask="0999"), "umask")
        bad_reload(server, policy, text(
            rule, limits={"timeout_ms": 5, "timeout_max_ms": 1}))
        if not ROOT:
            bad_reload(server, policy, text(rule, user="root"), "root")
        equal(c.sh("echo on").text, "on\n", "the old one is in force")
        server.reload_ends("success", "mended")
        equal(c.sh("echo on").text, "on\n", "and still")


def test_reload_unsafe_modes():
    with Server() as server, Http(server) as c:
        policy = server.dir / "policies.d" / "test.json"
        policy.chmod(0o666)
        server.reload_ends("failure", "0666")
        policy.chmod(0o600)
        (server.dir / "policies.d").chmod(0o777)
        server.reload_ends("failure", "0777")
        (server.dir / "policies.d").chmod(0o700)
        server.reload_ends("success", "mended")
        check(not c.sh("true").error, "runs")


def start_fails(server, *words):
    out = subprocess.run([server.build / "mcp-execd", "-c",
                          server.config_file], capture_output=True,
                         text=True, timeout=20 * server.slow,
                         stdin=subprocess.DEVNULL)
    check(out.returncode not in (0, -6, -11), out)
    for word in words:
        check(word in out.stderr, word, "not in", out.stderr)
    return out


def test_start_refused():
    """It does not start on anything doubtful, and says what."""
    server = Server()
    try:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(server.address)
            s.listen()
            start_fails(server, str(server.address[1]))
        server.config_file.chmod(0o666)
        start_fails(server, "mcp-execd.json")
        server.config_file.chmod(0o600)
        server.audit_file.unlink(missing_ok=True)
        server.audit_file.symlink_to("/dev/null")
        start_fails(server, "audit")
        server.audit_file.unlink()
        server.audit_file.mkdir()
        start_fails(server, "audit")
        server.audit_file.rmdir()
        if ROOT:
            keep = dict(server.policy)
            del server.policy["user"]
            server.write()
            start_fails(server, "user")
            server.policy = keep
            server.write()
        path = server.config["frontend"]["path"]
        server.config["frontend"]["path"] = "/no/such/frontend"
        server.write()
        with server.stderr.open("wb") as err, subprocess.Popen(
                [server.build / "mcp-execd", "-c", server.config_file],
                stderr=err, stdin=subprocess.DEVNULL) as out:
            try:
                within("it is named", 20,
                       lambda: "/no/such/frontend" in server.log())
            finally:
                out.terminate()
        server.config["frontend"]["path"] = path
        server.write()
        server.start()          # control: mended, it starts
        server.stop()
    finally:
        server.remove()


def test_second_executor():
    """One audit log, one executor."""
    with Server() as server:
        listen = server.config["listen"]
        server.config["listen"] = [f"127.0.0.1:{instance.free_port()}"]
        server.write()
        start_fails(server, "audit")
        server.config["listen"] = listen
        with Http(server) as c:
            check(not c.sh("true").error, "the first one goes on")


def test_check_only():
    """mcp-execd -n tells all findings at once, and starts nothing."""
    server = Server()
    try:
        command = [server.build / "mcp-execd", "-n", "-c",
                   server.config_file]
        out = subprocess.run(command, capture_output=True, text=True,
                             timeout=20 * server.slow)
        equal(out.returncode, 0, out.stderr)
        server.policy["nope"] = 1
        server.policy["directory"] = "relative"
        server.write()
        out = subprocess.run(command, capture_output=True, text=True,
                             timeout=20 * server.slow)
        check(out.returncode != 0, out)
        for word in "nope", "directory", "test.json:":
            check(word in out.stderr + out.stdout, word, out)
    finally:
        server.remove()


def test_ctl():
    """Tokens by mcp-execctl: added, listed, revoked, explained."""
    with Server() as server:
        out = server.ctl("token", "add", "ci", "--policy", "test",
                         "--expires", "30d", "--from", "127.0.0.0/8")
        token = instance.TOKEN.search(out).group()
        within("in force without a reload", 5, lambda: server.accepts(token))
        listed = server.ctl("token", "list")
        check("ci" in listed and "test" in listed, listed)
        check(token not in listed, "the token is listed")
        file = server.dir / "tokens.d" / "ci.json"
        equal(file.stat().st_mode & 0o077, 0, "mode")
        for args in (("ci", "--policy", "test"),        # exists
                     ("x", "--policy", "nope"), ("../x", "--policy", "test"),
                     ("y", "--policy", "test", "--expires", "yesterday"),
                     ("z", "--policy", "test", "--from", "300.1.1.1/8"),
                     ("w", "--policy", "test", "--directory", "/etc"),
                     ("v",), ()):
            try:
                server.ctl("token", "add", *args)
            except instance.Failure as e:
                check(len(str(e)) > 40, e)
            else:
                check(False, "token add", args, "was taken")
        server.ctl("check")
        text = server.ctl("client-config", "ci", "--client", "curl")
        # It is a command that works as it stands.
        env = {**os.environ, "MCP_TOKEN": token}
        if instance.TLS:        # nobody vouches for it but we
            env["CURL_CA_BUNDLE"] = f"{instance.TLS}/cert.pem"
        ran = subprocess.run(["sh", "-c", text], text=True, timeout=30 * SLOW,
                             env=env, capture_output=True, check=True)
        check("Linux" in json.loads(ran.stdout)["result"]["structuredContent"]
              ["stdout"], ran)
        server.ctl("token", "revoke", "ci")
        within("revoked", 5, lambda: not server.accepts(token))
        check(not file.exists(), "the file is there")
        try:
            server.ctl("token", "revoke", "ci")
        except instance.Failure:
            pass
        else:
            check(False, "revoking nobody was taken")


def test_explained_sockets():
    """What is said of UNIX sockets is what a run finds."""
    make = "python3 -c 'import socket; socket.socket(socket.AF_UNIX)'"
    for keys, words in (
            ({}, "those of the run's own, none of others"),
            ({"unix_sockets": []}, "none, except for pairs"),
            ({"syscalls": {"profile": "strict"}}, "none, except for pairs")):
        with Server(policy=keys) as server, server.http() as c:
            said = " ".join(server.ctl("policy", "explain", "test").split())
            works = not c.sh(make).error
            allowed, refused = re.search(
                r"can be created: (.*?) refused: (.*?) System calls",
                said).groups()
            equal("AF_UNIX" in allowed, works, f"{keys} {said}")
            equal("AF_UNIX" in refused, not works, f"{keys} {said}")
            check(f"UNIX sockets: {words}" in said, keys, said)
            check(works == (keys == {}), keys, "own sockets")


def test_explained_sockets_of_others():
    """Without a filter that decides it, they are reached, and said to be."""
    with socket.socket(socket.AF_UNIX) as others, \
            tempfile.TemporaryDirectory() as place:
        others.bind(f"{place}/listener")
        os.chmod(place, 0o755)
        os.chmod(f"{place}/listener", 0o777)
        others.listen()
        ask = ("python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); "
               f's.connect("{place}/listener")\'')
        for keys, reached in (
                ({"disable": ["seccomp", "mounts", "landlock"]}, True),
                ({"disable": ["seccomp"],
                  "files": {"read": ["@system", place]}}, True),
                ({"disable": ["mounts", "landlock"], "syscalls": {
                    "profile": "build", "allow": ["@io-uring", "socket"]}},
                 True),
                ({"disable": ["mounts", "landlock"]}, False)):
            with Server(policy=keys) as server, server.http() as c:
                said = " ".join(server.ctl("policy", "explain",
                                           "test").split())
                told = next(t["description"] for t in c.tools()
                            if t["name"] == "exec_cmd")
                equal(not c.sh(ask).error, reached, keys)
                equal("UNIX sockets: any listener in view" in said, reached,
                      f"{keys} {said}")
                equal("UNIX sockets (D-Bus" not in told, reached, told)


def test_health_during_start():
    """No connection is refused between start and the frontend's READY."""
    server = Server()
    try:
        server.start()
        with Connection(server) as c:
            equal(c.request("GET", "/healthz").status, 200, "status")
            try:
                equal(c.request("GET", "/healthz").status, 200, "again")
            except Gone:
                check(False, "closed")
    finally:
        server.stop()
        server.remove()
