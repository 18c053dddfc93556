# SPDX-License-Identifier: MIT
"""The control socket: mcp-execctl status, runs, kill, reload, audit rotate."""
import html
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time

from client import (ROOT, SLOW, Http, Server, Skip, check, equal, mark, processes,
                    within)

CONTROL = "control"


def ctl(server, *args):
    return subprocess.run(
        [server.build / "mcp-execctl", "-c", server.config_file, *args],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60 * SLOW)


def ask_json(server, *args):
    return json.loads(server.ctl(*args, "--json"))


def records(server, verb):
    return [r for r in server.audit(CONTROL) if r.get("control.verb") == verb]


def connect(server):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20 * SLOW)
    s.connect(str(server.dir / "control.sock"))
    return s


def frame(text):
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack("<I", len(raw)) + raw


def answer(s):
    raw = b""
    while piece := s.recv(65536):
        raw += piece
    equal(struct.unpack("<I", raw[:4])[0], len(raw) - 4, "length")
    return json.loads(raw[4:].split(b"\n")[0])


def test_status():
    with Server(config={"limits": {"runs": 7}}) as server:
        with Http(server) as c:
            c.sh("true")
            conn = c.begin("sleep 1000330")
            within("it runs, and the other is over", 5, lambda: processes(
                "1000330") and server.audit("run-result"))
            s = ask_json(server, "status")
            equal(s["pid"], server.process.pid, "pid")
            equal(s["configuration"]["listen"], server.config["listen"],
                  "listen")
            equal(s["configuration"]["tokens"], 1, "tokens")
            equal(s["configuration"]["generation"], 1, "generation")
            equal(s["frontend"]["pid"], server.frontend_pid(), "frontend")
            equal(s["frontend"]["restarts"], 0, "restarts")
            check(s["frontend"]["answers"] and s["frontend"]["ready"], s)
            equal(s["frontend"]["connections"], 2, "connections")
            equal(s["frontend"]["sessions"], 1, "sessions")
            equal(s["frontend"]["calls"], 1, "calls")
            equal(s["runs"], {"now": 1, "max": 7, "total": 2, "refused": 0,
                              "jobs": 0, "kept": 0, "kept_bytes": 0,
                              "room_bytes": 0, "room_max_bytes": 1 << 30},
                  "runs")
            check(s["audit"]["writable"] and not s["audit"]["sealed"], s)
            equal(s["policies"][0]["name"], "test", "policy")
            check("seccomp" in s["policies"][0]["layers"], s)
            check("seccomp" in s["frontend"]["lockdown"]
                  or server.slow > 1, s)
            conn.close()
        text = server.ctl("status")
        for word in ("0.1.0", server.config["listen"][0], "answers",
                     "test: as ", "layers:"):
            check(word in text, word, "not in", text)
        check(max(map(len, text.split("\n"))) <= 80 + len(str(server.dir)),
              text)
        r = within("on record", 5, lambda: records(server, "status"))[-1]
        equal((r["user.id"], r["process.name"], r["event.outcome"]),
              (os.geteuid(), "mcp-execctl", "success"), r)
        os.kill(server.frontend_pid(), signal.SIGKILL)
        within("another", 10, lambda: server.healthy() and ctl(
            server, "status", "--json").returncode == 0)
        equal(ask_json(server, "status")["frontend"]["restarts"], 1,
              "restarts")


def test_status_of_what_is_not_well():
    """Exit status 1: none runs; the frontend hangs, which stalls nothing."""
    with Server() as server:
        pid = server.frontend_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            out = ctl(server, "status")
            equal(out.returncode, 1, out)
            check("DOES NOT ANSWER" in out.stdout, out)
        finally:
            os.kill(pid, signal.SIGCONT)
        within("it answers again", 5,
               lambda: ctl(server, "status").returncode == 0)
        server.stop()
        out = ctl(server, "status")
        equal((out.returncode, out.stdout), (1, ""), out)
        check("no mcp-execd answers" in out.stderr, out.stderr)
        check(not (server.dir / "control.sock").exists(), "it is left behind")
        server.start_once()


def test_mistyped():
    """One line, with what is wrong and what to do; a mistyped run is none."""
    with Server() as server:
        equal(ctl(server, "token", "add", "fine", "--policy", server.name,
                  "--from", "10.0.0.0/8").returncode, 0, "control")
        ours = "mcp-execctl", "-c", server.config_file
        nothing = "mcp-execctl", "-c", server.dir / "nope/mcp-execd.json"
        token = *ours, "token", "add", "new", "--policy"
        for args, said in (
                ((*ours, "tokne"), 'there is no "tokne": did you mean "token"'),
                ((*ours, "token", "ad", "x"), 'did you mean "token add"?'),
                ((*ours, "token"), "a second word: one of add, list, revoke"),
                ((*ours, "token", "zzzzzzz"), "one of add, list, revoke"),
                ((*ours, "zzzzzzz"), "see mcp-execctl --help"),
                ((*ours, "policy", "explain", "zzzzzzz"), "one of its files"),
                ((*token, server.name, "--from", ""), "--from is empty"),
                ((*token, server.name, "--directory", ""),
                 "--directory is empty"),
                ((*ours, "token", "add", "fine", "--policy", server.name),
                 "token revoke fine"),
                ((*token, "a\nb"), "--policy holds a control character"),
                ((*token, server.name, "--from", "1.2.3.4/33"),
                 "prefix length that is not a number from 0 to 32"),
                ((*ours, "kill", "00000000"), "see mcp-execctl runs"),
                ((*ours, "audit", "show", "00000000"), "no run with that id"),
                ((*nothing, "runs"), "no configuration"),
                ((*nothing, "token", "list"), "name it with -c FILE"),
                ((*nothing, "audit", "search"), "name it with -c FILE")):
            out = subprocess.run(
                [server.build / args[0], *args[1:]], capture_output=True,
                stdin=subprocess.DEVNULL, text=True, timeout=60 * SLOW)
            told = out.stderr.splitlines()
            check(out.returncode in (1, 2) and said in out.stderr
                  and len(told) == 1, args, out)
        for word in "--help", "-h":
            help_ = ctl(server, "policy", word)
            equal((help_.returncode, help_.stderr), (0, ""), "of a family")
            check("  explain " in help_.stdout and "  test " in help_.stdout
                  and "audit" not in help_.stdout, help_.stdout)
        equal([r["run.id"] for r in records(server, "kill")], ["00000000"],
              "what was typed is on record")


def test_runs_are_redacted():
    """What rules keep out of the log does not come by the other way."""
    rules = [{"name": "keys", "keys": ["SECRET"]}]
    with Server({"audit": {"file": "audit.jsonl", "redact": rules}}) as server, \
            Http(server) as c:
        m = mark()
        conn = c.begin(f": {m}; SECRET=hunter2 sleep 1000334")
        within("it stands", 5, lambda: processes("sleep\x001000334"))
        command = ask_json(server, "runs")[0]["command"]
        equal(command, f": {m}; SECRET=[redacted:keys] sleep 1000334")
        check("hunter2" not in server.ctl("runs"), "for people")
        check("hunter2" not in server.audit_file.read_text(), "in the log")
        server.ctl("kill", ask_json(server, "runs")[0]["run"])
        c.finish(conn)


def test_runs_and_kill():
    with Server() as server, Http(server) as c:
        equal(server.ctl("runs"), "No command runs.\n", "none")
        equal(ask_json(server, "runs"), [], "none")
        m = mark()
        conn = c.begin(f"echo {m}; (setsid sleep 1000331 &); \u202e=\x1b[31m;"
                       " trap '' TERM; while :; do sleep 1000332; done")
        other = c.begin("sleep 1000333")
        within("all stand", 5, lambda: all(
            processes(f"sleep\x00100033{n}") for n in (1, 2, 3)))
        runs = ask_json(server, "runs")
        equal(len(runs), 2, "runs")
        run = [r for r in runs if m in r["command"]][0]
        intent = server.run_records(m)[0]
        equal(run["run"], intent["run.id"], "run")
        equal((run["token"], run["policy"], run["tool"], run["state"]),
              ("test", "test", "exec_cmd", "running"), run)
        equal(run["client"], "e2e 1", run)
        equal(run["source"], "127.0.0.1", run)
        check(run["pid"] in processes(m), run)
        check(run["stdout_bytes"] == len(m) + 1 and run["age_ms"] > 0, run)
        text = server.ctl("runs")
        check("\x1b" not in text and "\u202e" not in text, text)
        check(m in text and run["run"][:12] in text, text)
        check("\u202e" not in server.ctl("runs", "--json"), "in JSON")
        out = server.ctl("kill", run["run"][:12])
        check("ended" in out, out)
        within("being ended", 5, lambda: [
            r["state"] for r in ask_json(server, "runs")
            if r["run"] == run["run"]] != ["running"])
        result = c.finish(conn)
        check(result.error and "ended by the administrator" in result.text
              and m in result.text, result)
        equal(processes("1000331") + processes("1000332"), [], "its tree")
        check(processes("1000333"), "the other one goes on")
        record = within("on record", 5, lambda: records(server, "kill"))[0]
        equal((record["run.id"], record["event.outcome"], record["user.id"]),
              (run["run"], "success", os.geteuid()), record)
        record = server.ended(m)
        equal(record["run.state"], "cancelled", record)
        for args in (("kill", run["run"]), ("kill", "f" * 32), ("kill", "xyz"),
                     ("kill",), ("kill", "0", "1"), ("kill", "0" * 33),
                     ("runs", "x"), ("status", "x"), ("reload", "x")):
            out = ctl(server, *args)
            check(out.returncode in (1, 2) and out.stderr, args, out)
        conn.close()
        other.close()


def test_kill_by_a_beginning():
    """Of two runs with the same beginning none is ended."""
    with Server() as server, Http(server) as c:
        conns = [c.begin("sleep 1000334") for _ in range(16)]
        ids = within("16 runs", 10, lambda: (
            r := ask_json(server, "runs")) and len(r) == 16 and [
                x["run"] for x in r])
        first = [i[0] for i in ids]
        twice = [d for d in first if first.count(d) > 1]
        if twice:       # all but certain with 16 of 16 digits
            out = ctl(server, "kill", twice[0])
            equal(out.returncode, 1, out)
            check("ambiguous" in out.stderr, out.stderr)
            equal(len(ask_json(server, "runs")), 16, "none has ended")
        for i in ids:
            server.ctl("kill", i)
        within("all have", 10, lambda: ask_json(server, "runs") == [])
        for conn in conns:
            check("administrator" in c.finish(conn).text, "told")
            conn.close()


def test_reload():
    with Server() as server, Http(server) as c:
        server.policy["environment"]["set"]["FIXED"] = "new"
        server.write()
        check("in force" in server.ctl("reload"), "reload")
        # it has waited: no moment in which the old one is seen
        equal(c.sh("echo $FIXED").text, "new\n", "at once")
        equal(ask_json(server, "status")["configuration"]["generation"], 2,
              "generation")
        server.config["nope"] = 1
        server.config["limits"] = {"runs": 0}
        server.write()
        out = ctl(server, "reload")
        equal((out.returncode, out.stdout), (1, ""), out)
        for word in "nope", "runs", "mcp-execd.json:":
            check(word in out.stderr, word, out.stderr)
        server.config_file.write_text("{")
        equal(ctl(server, "reload").returncode, 1, "no JSON")
        equal(ctl(server, "status").returncode, 0, "it can be asked even so")
        equal(c.sh("echo $FIXED").text, "new\n", "the old one stays")
        r = records(server, "reload")
        equal([x["event.outcome"] for x in r],
              ["success", "failure", "failure"], r)
        check(r[0]["process.pid"] > 0, r)


def test_reload_dry_run():
    """It names what differs, and changes nothing."""
    with Server() as server, Http(server) as c:
        nothing = server.ctl("reload", "--dry-run")
        check("would change nothing" in nothing, nothing)
        other = server.add_policy("other")
        check("nothing" in server.ctl("reload", "--dry-run"), "in force")
        text = json.loads(other.read_text())
        other.write_text(json.dumps({**text, "description": "dry"}))
        server.policy["environment"] = {"set": {"DRY": "new"}}
        server.write()
        more = other.with_name("more.json")
        more.write_text(other.read_text())
        more.chmod(0o600)
        equal(server.ctl("reload", "--dry-run").splitlines(), [
            "added: policy more",
            "changed: policy other, or a tool that it offers",
            "changed: policy test, or a tool that it offers"], "policies")
        equal(c.sh("echo $DRY").text, "\n", "it changed nothing")
        equal(records(server, "reload"), [], "nor asked for that")
        equal(len(server.audit("reload")), 1, "that of add_policy")
        other.unlink()
        server.config["limits"] = {"runs": 7, "sessions": 99}
        server.write()
        out = server.ctl("reload", "--dry-run").splitlines()
        equal(out[0], f"changed: {server.config_file}", out)
        check(out[1].startswith("changed, but not by a reload: limits.runs: "
                                "systemctl restart "), out)
        check("removed: policy other" in out, out)
        check(not any("sessions" in line for line in out), out)
        # and what came of it
        out = server.ctl("reload").splitlines()
        equal(out[0], "It is in force.", out)
        check(out[1].startswith("Except for limits.runs, which a reload does "
                                "not change: systemctl restart "), out)
        equal(c.sh("echo $DRY").text, "new\n", "control")
        equal(ask_json(server, "status")["configuration"]["waiting"],
              "limits.runs", "it still waits")
        check("only after a restart: limits.runs" in server.ctl("status"),
              "for people")
        check("limits.runs" in server.ctl("reload"), "again")
        del server.config["limits"]
        server.write()
        equal(server.ctl("reload"), "It is in force.\n", "back")
        server.config["audit"]["kernel"] = "on"
        server.write()
        for _ in range(2):
            out = server.ctl("reload", "--dry-run")
            check("not by a reload: audit.kernel: systemctl" in out, out)
            server.ctl("reload")
        server.config["audit"]["kernel"] = "off"
        server.write()
        server.ctl("reload")
        check("nothing" in server.ctl("reload", "--dry-run"), "back again")
        more.write_text("{")
        out = ctl(server, "reload", "--dry-run")
        equal(out.returncode, 1, out)
        check("more.json:1" in out.stdout and "fix them" in out.stderr, out)


def test_reload_with_a_broken_token():
    """All but that one is in force, and the status says so."""
    with Server() as server:
        other = server.add("other")
        file = server.dir / "tokens.d" / "other.json"
        file.write_text("{")
        server.policy["description"] = "changed"
        server.write()
        out = ctl(server, "reload")
        equal((out.returncode, out.stdout), (1, ""), out)
        check("except for these files" in out.stderr and
              "tokens.d/other.json:1" in out.stderr, out.stderr)
        server.config["limits"] = {"runs": 7}
        server.write()
        check("Except for limits.runs" in ctl(server, "reload").stdout,
              "what waits is named, too")
        equal(ask_json(server, "status")["configuration"]["generation"] > 1,
              True, "in force")
        check(server.accepts(other), "it stays as it was")
        file.unlink()
        equal(ctl(server, "reload").returncode, 0, "control")
        check(not server.accepts(other), "revoked")


def settle(count):
    """Until it has not changed for a while."""
    seen = []
    within("it settles", 10, lambda: seen.append(count()) or
           seen[-25:] == [seen[-1]] * 25)


def test_files_are_followed():
    """Each change is told once; so is the end of the directory itself."""
    def reloads():
        return len(server.audit("reload-tokens"))

    def once(what, change, good, most=1):
        before = reloads()
        change()
        within(what, 5, lambda: reloads() > before)
        settle(reloads)
        check(1 <= reloads() - before <= most, what, reloads() - before)
        equal(server.accepts(token), good, what)

    with Server() as server:
        settle(reloads)
        folder = server.dir / "tokens.d"
        away = server.dir / "away"
        token = server.token
        # Of mcp-execctl: by the directory, and by its own request, if that
        # comes over 20 ms later.
        once("token add", lambda: server.ctl(
            "token", "add", "other", "--policy", "test"), True, most=2)
        once("token revoke", lambda: server.ctl("token", "revoke", "other"),
             True, most=2)
        before = reloads()
        (folder / ".test.json.swp").write_text("x")
        (folder / "README").write_text("x")
        once("unlink", (folder / "test.json").rename(away).exists, False)
        equal(reloads(), before + 1, "other files")
        once("a link", lambda: os.link(away, folder / "test.json"), True)
        away.unlink()

        def many():
            text = json.loads((folder / "test.json").read_text())
            for i in range(100):
                text["verifier"] = os.urandom(32).hex()
                (folder / f"t{i}.json").write_text(json.dumps(text))
                (folder / f"t{i}.json").chmod(0o600)

        before, begin = reloads(), time.monotonic()
        many()
        took = time.monotonic() - begin
        within("all", 5, lambda: server.audit("reload-tokens")[-1][
            "token.count"] == 101)
        # what comes within 20 ms is taken together
        check(reloads() - before < 10 + took / 0.02, "told",
              reloads() - before, took)
        settle(reloads)     # what follows the last change has been told
        # another directory in its place
        once("moved away", lambda: folder.rename(away), False)
        check("is missing" in server.audit("reload-tokens")[-1]["event.reason"],
              server.audit("reload-tokens")[-1])
        once("back", lambda: away.rename(folder), True)
        once("after that", lambda: server.ctl("token", "revoke", "test"),
             False, most=2)


def test_rotate():
    with Server() as server:
        before = server.audit()
        check("rotated" in server.ctl("audit", "rotate"), "rotate")
        files = list(server.audit_file.parent.glob("audit.jsonl.*"))
        equal(len(files), 1, files)
        old = [json.loads(line) for line in files[0].read_text().splitlines()]
        equal(old[:len(before)], before, "records")
        equal(old[-1]["event.action"], "log-rotate", "its last")
        equal(old[-2]["control.verb"], "rotate", "who asked")
        equal(server.audit()[0]["event.action"], "log-continue", "the next")


def test_form():
    """What is not a request is answered, and nothing else happens."""
    with Server() as server:
        for raw, word in (
                (frame("{}"), "version"), (frame("nonsense"), "error"),
                (frame(""), "empty"), (frame("\0" * 100), "error"),
                (frame('{"v":1,"verb":"nope"}'), "verb"),
                (frame('{"v":9,"verb":"status"}'), "same package"),
                (frame('{"v":1,"verb":"kill","run":"../.."}'), "digits"),
                (frame('{"v":1,"verb":"status"}') + b"x", "follows"),
                (struct.pack("<I", 8193), "at most"),
                (b"\xff\xff\xff\xff", "at most"),
                (frame("[" * 8000), "")):
            with connect(server) as s:
                s.sendall(raw)
                a = answer(s)
                check(a["ok"] is False and word in a["error"], raw[:40], a)
        with connect(server) as s:      # control, a byte at a time
            for b in frame('{"v":1,"verb":"status"}'):
                s.sendall(bytes([b]))
            check(answer(s)["ok"], "a slow one")
        equal(len(server.audit("start")), 1, "it lives")


def test_hung_clients():
    """They cost their places for some seconds, and nobody else anything."""
    with Server() as server, Http(server) as c:
        hung = [connect(server) for _ in range(30)]
        try:
            for i, s in enumerate(hung):
                if i % 3 == 1:
                    s.sendall(b"\x20\0")        # half a length
                elif i % 3 == 2:                # reads no answer
                    s.sendall(frame('{"v":1,"verb":"status"}'))
            begin = time.monotonic()
            equal(c.sh("echo on").text, "on\n", "a run")
            check(time.monotonic() - begin < 5 * SLOW, "stalled")
            equal(ctl(server, "status").returncode, 0, "a status, in time")
        finally:
            for s in hung:
                s.close()
        equal(ctl(server, "status").returncode, 0, "and after")


SCRIPT = """
import json, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect("control.sock")
t = json.dumps({"v": 1, "verb": (sys.argv[1:] or ["status"])[0]}).encode()
s.sendall(struct.pack("<I", len(t)) + t)
print(s.recv(4096)[4:].decode())
"""
LOOSE = ["mounts", "pids", "ipc", "network", "landlock", "seccomp"]


def loose(script=SCRIPT, **policy):
    """A server whose runs have every layer off, the executor's own user, and
    this in ask.py."""
    server = Server(policy={
        **policy, "user": "root" if ROOT else os.geteuid(),
        "disable": LOOSE, "network": "host"})
    server.policy["directory"] = str(server.dir)
    server.write()
    (server.dir / "ask.py").write_text(script)
    return server


def asked(server, *words, script=SCRIPT, **more):
    """What it says outside of any run."""
    return subprocess.run(
        ["python3", "-c", script, *words], cwd=server.dir,
        capture_output=True, text=True, timeout=20 * SLOW, **more)


def test_a_run_may_not_ask():
    """Not even with every layer off and as the executor's own user."""
    with loose() as server:
        out = asked(server)
        check('"ok":true' in out.stdout, "control:", out)
        with Http(server) as c:
            r = c.sh("python3 ask.py")
            check('"ok":false' in r.text and "may not ask" in r.text, r)
            r = c.sh("(setsid python3 ask.py > out &) ; for i in $(seq 100); "
                     "do [ -s out ] && break; sleep 0.1; done; cat out")
            check("may not ask" in r.text, "an orphan:", r)
        denied = within("both on record", 5, lambda: (found := [
            r for r in server.audit(CONTROL)
            if r["event.outcome"] == "failure"])[1:] and found)
        equal(len(denied), 2, denied)
        check("may not ask" in denied[0]["event.reason"], denied)
        check(denied[0]["process.name"].startswith("python"), denied)


def test_other_users_may_not():
    with Server() as server:
        path = server.dir / "control.sock"
        equal(path.stat().st_mode & 0o777, 0o600, "mode")
        if not ROOT:
            return
        path.chmod(0o666)       # even if somebody opens it
        pid = os.fork()
        if pid == 0:
            try:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                with connect(server) as s:
                    s.sendall(frame('{"v":1,"verb":"status"}'))
                    os._exit(0 if answer(s)["ok"] else 7)
            except BrokenPipeError:
                os._exit(7)
            except BaseException:
                os._exit(9)
        equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 7, "nobody")
        within("on record", 5, lambda: "only root" in server.audit(
            CONTROL)[-1].get("event.reason", ""))


def test_two_executors():
    """One socket, one executor; what a killed one left is replaced."""
    with Server() as server:
        server.process.kill()
        server.process.wait()
        check((server.dir / "control.sock").exists(), "left behind")
        server.start_once()
        equal(ctl(server, "status").returncode, 0, "answers")
        with Server() as second:
            second.stop()
            second.config["control"] = str(server.dir / "control.sock")
            second.write()
            p = subprocess.run([second.build / "mcp-execd", "-c",
                                second.config_file], capture_output=True,
                               text=True, timeout=20 * SLOW)
            equal(p.returncode, 1, p)
            check("another mcp-execd answers" in p.stderr, p.stderr)
            del second.config["control"]
            second.write()
            second.start_once()
        equal(ctl(server, "status").returncode, 0, "the first goes on")


def test_rows_leave_room():
    """More columns come where what was run keeps its place."""
    with Server() as server:
        seen = set()
        for width in 120, 139, 140, 150, 169, 170, 200:
            out = subprocess.run(
                [server.build / "mcp-execctl", "-c", server.config_file,
                 "audit", "search"], env={**os.environ, "COLUMNS": str(width)},
                capture_output=True, text=True, check=True).stdout
            head = out.splitlines()[0]
            check(width - head.index("WHAT") >= 45, width, head)
            seen.update(head.split())
        check({"POLICY", "USER", "FROM"} <= seen, "control", seen)


def reads(server):
    return [(r["control.verb"], r["control.arguments"])
            for r in server.audit("audit-read")]


def test_tokens_beside_a_bad_policy():
    """Who has access is told in trouble, too."""
    with Server() as server:
        bad = server.add_policy("bad")
        server.add("second", policy="bad")
        bad.write_text("{")
        out = ctl(server, "token", "list")
        equal(out.returncode, 1, out)
        equal([line.split()[0] for line in out.stdout.splitlines()],
              ["NAME", "test"], "of the good one")
        check("bad.json:1" in out.stderr and "second.json:" in out.stderr,
              out.stderr)
        out = ctl(server, "token", "list", "--used", "--json")
        equal([t["name"] for t in json.loads(out.stdout)], ["test"], out)
        equal(out.returncode, 1, "status")
        bad.write_text(json.dumps(server.policy))
        equal(len(ask_json(server, "token", "list")), 2, "control")


def uses(server):
    """By name: when it was used last, and since when it was not."""
    got = ask_json(server, "token", "list", "--used")
    return {t["name"]: (t.get("last_used"), t.get("unused_since"))
            for t in got}


def test_when_a_token_was_used():
    """By the log, rotated files too, and no more than that tells."""
    with Server() as server, Http(server) as c:
        server.ctl("token", "add", "idle", "--policy", "test")
        c.sh("true")
        last = server.audit("run-intent")[-1]["@timestamp"][:19] + "Z"
        server.ctl("audit", "rotate")
        files = {n: server.dir / "tokens.d" / f"{n}.json"
                 for n in ("idle", "test")}
        made = json.loads(files["idle"].read_text())["created"]
        equal(uses(server), {"idle": (None, made), "test": (last, None)}, "by")
        equal(reads(server)[-1], ("list", "--used --json"), "that is recorded")
        rows = server.ctl("token", "list", "--used").splitlines()
        check("LAST USED" in rows[0] and "  never  " in rows[1][70:] and
              f"  {last} " in rows[2], rows)
        check("LAST USED" not in server.ctl("token", "list"), "not asked for")
        equal([len(t) for t in ask_json(server, "token", "list")], [8, 8],
              "nor here")
        # what is older than the log is not told, ...
        (old,) = server.audit_file.parent.glob("audit.jsonl.*")
        begin = json.loads(old.read_text().splitlines()[0])["@timestamp"]
        text = json.loads(files["idle"].read_text())
        text["created"] = "2020-01-02T03:04:05Z"
        files["idle"].write_text(json.dumps(text))
        equal(uses(server)["idle"], (None, begin[:19] + "Z"), "since the log")
        rows = server.ctl("token", "list", "--used").splitlines()
        check(f"  not since {begin[:19]}Z  " in rows[1], rows)
        # ... nor is what another token of the name did
        text = json.loads(files["test"].read_text())
        text["created"] = "2100-01-02T03:04:05Z"
        files["test"].write_text(json.dumps(text))
        equal(uses(server)["test"], (None, text["created"]), "the one before")
        # without a log, who has access is told anyway
        file = server.config["audit"]["file"]
        server.config["audit"]["file"] = "gone.jsonl"
        server.write()
        out = ctl(server, "--unrecorded", "token", "list", "--used")
        server.config["audit"]["file"] = file
        server.write()
        check(out.returncode == 1 and "gone.jsonl" in out.stderr and
              "idle" in out.stdout, out)


def test_reading_is_recorded():
    """Each verb that reads the log, and before it shows anything."""
    with Server() as server, Http(server) as c:
        m = mark()
        run = c.sh(f"echo {m}").data["run_id"]
        page = server.dir / "page.html"
        for args in (("search", "--token", "test", m), ("show", run),
                     ("stats",), ("report", "--html", str(page))):
            server.ctl("audit", *args)
            equal(reads(server)[-1], (args[0], " ".join(args[1:])), args)
        server.ctl("audit", "verify")
        equal(reads(server)[-1], ("verify", ""), "verify")
        r = server.audit("audit-read")[0]
        equal((r["user.id"], r["process.name"], r["event.outcome"]),
              (os.geteuid(), "mcp-execctl", "success"), r)
        out = server.ctl("audit", "search", "--event", "audit-read", "--json")
        check('"control.verb":"search"' in out, "its own read is in it", out)
        # a row says what was asked, and by whom; no search finds searches
        by = f", uid {os.geteuid()}, by mcp-execctl"
        server.ctl("runs")
        check(f"control: runs{by}" in server.ctl("audit", "search"), "runs")
        out = server.ctl("audit", "search", m)
        check(run[:8] in out and "audit-read" not in out, out)
        out = server.ctl("audit", "search", "--event", "audit-read", m)
        check(f"audit-read: search, --token test {m}{by}" in out, out)
        r = ctl(server, "audit", "search", "--event", "audit-red", "--json")
        check('of the event "audit-red"' in r.stderr and r.returncode == 0, r)
        before = len(reads(server))
        copy = server.dir / "copy.jsonl"
        copy.write_bytes(server.audit_file.read_bytes())
        server.ctl("audit", "search", "--log", str(copy))
        equal(len(reads(server)), before, "a copy")
        server.ctl("audit", "search", "--log", str(server.audit_file))
        equal(len(reads(server)), before + 1, "the log by its name")
        check("usage" in server.ctl("audit", "search", "--help"), "help")
        check(ctl(server, "audit", "search", "--nope").returncode == 2, "use")
        equal(len(reads(server)), before + 1, "nothing was read")


def test_report_has_what_was_told():
    """Line by line, as the caller read it; of other runs there is none."""
    with Server() as server, Http(server) as c:
        page = server.dir / "page.html"
        c.sh("echo well")
        server.ctl("audit", "report", "--html", str(page))
        check("<dt>Told</dt>" not in page.read_text(), "nothing was told")
        said = c.sh("cat /root/x; sleep 90", timeout_ms=900 * SLOW)
        if "Permission denied" in said.text:
            raise Skip("runs have no root of their own here")
        run = said.data["run_id"]
        told = within("its record", 10, lambda: [
            r for r in server.audit("run-result")
            if r["run.id"] == run])[0]["run.explained"]
        check(len(told.splitlines()) == 2, told)
        server.ctl("audit", "report", "--html", str(page))
        text = html.unescape(page.read_text())
        check("<dt>Told</dt>" in text, "it is named")
        for line in told.splitlines():
            check(f"<dd>{line}</dd>" in text, line)


def test_reading_that_cannot_be_recorded():
    """The live log is shown only if somebody insists."""
    with Server() as server:
        os.kill(server.process.pid, signal.SIGSTOP)     # and never answers
        server.config["control"] = str(server.dir / "nobody.sock")
        server.write()
        try:
            for args in (("audit", "search"), ("audit", "stats"),
                         ("audit", "verify"),
                         ("audit", "search", "--log", server.audit_file)):
                out = ctl(server, *args)
                equal((out.returncode, out.stdout), (1, ""), args)
                check("--unrecorded" in out.stderr, out)
            out = ctl(server, "--unrecorded", "audit", "search")
            equal(out.returncode, 0, out)
            check("start" in out.stdout and "not recorded" in out.stderr, out)
            with Server() as other:     # another's live log is not a copy
                out = ctl(other, "audit", "search", "--log",
                          str(server.audit_file))
                check(out.returncode == 1 and "-c" in out.stderr, out)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
            del server.config["control"]
            server.write()
        equal(reads(server), [], "none")


def test_group_that_reads():
    """A member of the log's group: only unrecorded, and nothing but reading."""
    if not ROOT:
        raise Skip("needs root: a user who is in another group")
    with Server() as server:
        group, user = 64125, 64126
        server.stop()
        server.audit_file.unlink()
        os.chown(server.audit_file.parent, 0, group)
        server.audit_file.parent.chmod(0o2750)
        # The clone may lie where nobody else may look, such as below /root.
        program, frontend, _ = (
            shutil.copy(server.build / p, server.dir)
            for p in ("mcp-execctl", "mcp-execd-frontend",
                      "mcp-execd-launcher"))
        server.config["frontend"]["path"] = frontend
        server.write()
        key = seal_key(server)
        server.start_once()
        within("it stands", 5, lambda: ctl(server, "status").returncode == 0)
        server.audit_file.chmod(0o640)
        server.ctl("audit", "rotate")
        equal(server.audit_file.stat().st_mode & 0o777, 0o640, "the next one")
        for path in server.dir, server.config_file:
            path.chmod(path.stat().st_mode | 0o555 & ~0o222)

        def reads_as(groups, *args):
            return subprocess.run(
                ["setpriv", f"--reuid={user}", f"--regid={user}", groups,
                 program, "-c", server.config_file,
                 *args], stdin=subprocess.DEVNULL, capture_output=True,
                text=True, timeout=60 * SLOW)

        member = f"--groups={group}"
        for args in (("audit", "search"), ("audit", "verify"),
                     ("audit", "search", "--log", server.audit_file)):
            out = reads_as(member, *args)
            equal((out.returncode, out.stdout), (1, ""), out.stderr)
            check("--unrecorded" in out.stderr, out)
            out = reads_as("--clear-groups", "--unrecorded", *args)
            equal((out.returncode, out.stdout), (1, ""), "no member")
        out = reads_as(member, "--unrecorded", "audit", "search")
        check(out.returncode == 0 and "log-rotate" in out.stdout, out)
        out = reads_as(member, "status")
        check(out.returncode == 1 and "as root" in out.stderr, out)
        verify = "--unrecorded", "audit", "verify", "--key", key
        out = reads_as(member, *verify)
        check(out.returncode == 1 and "--no-state" in out.stderr, out)
        out = reads_as(member, *verify, "--no-state")
        equal(out.returncode, 0, out)
        server.stop()
        out = reads_as(member, "audit", "search")
        check(out.returncode == 0 and "not recorded" in out.stderr,
              "where none runs", out)


def seal_key(server):
    words = server.ctl("audit", "seal-init").split()
    return [w for w in words if len(w) > 40 and "-" in w or len(w) == 64][0]


def test_reading_when_none_runs():
    """We append ourselves, but never to a chain that is broken."""
    with Server() as server:
        server.stop()
        key = seal_key(server)
        server.start_once()
        server.stop()
        text = server.ctl("audit", "search")
        check("start" in text, text)
        equal(len(reads(server)), 1, "recorded")
        equal(server.audit()[-1]["process.name"], "mcp-execctl", "by us")
        check("seal" in server.audit()[-1], "sealed")
        server.start_once()
        server.ctl("audit", "verify", "--key", key)
        equal(reads(server)[-1], ("verify", "--key ..."), "no key is kept")
        server.ctl("audit", "verify", "--key=" + key)
        equal(reads(server)[-1], ("verify", "--key=..."), "nor so")
        server.stop()
        out = ctl(server, "audit", "verify", "--key", key)
        equal(out.returncode, 0, out)
        raw = server.audit_file.read_bytes()
        server.audit_file.write_bytes(raw.replace(b'"stop"', b'"stoq"', 1))
        state = (server.audit_file.parent / "seal.state").read_bytes()
        server.audit_file.write_bytes(raw[:raw.rstrip().rfind(b"\n") + 1])
        before = server.audit_file.read_bytes()
        out = ctl(server, "audit", "verify", "--key", key)
        check(out.returncode == 1 and "not recorded" in out.stderr, out)
        equal(server.audit_file.read_bytes(), before, "the evidence")
        equal((server.audit_file.parent / "seal.state").read_bytes(), state,
              "the seal's state")
        server.process = None


def test_reading_while_it_starts():
    """A reader in the moment of a restart waits for the service."""
    with Server() as server:
        server.stop()
        p = subprocess.Popen([server.build / "mcp-execctl", "-c",
                              server.config_file, "audit", "stats"],
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True)
        server.start_once()
        err = p.communicate(timeout=20 * SLOW)[1]
        equal((p.returncode, err), (0, ""), err)
        equal(len(reads(server)), 1, "recorded")


def doctor(server, check_name):
    """What the doctor says of it, and the exit status."""
    out = ctl(server, "doctor", "--json")
    found = [c for c in json.loads(out.stdout)["checks"]
             if c["check"] == check_name]
    check(found, check_name, out.stdout)
    return found[0], out.returncode


def test_doctor_of_a_service():
    """The one that runs, its seal and its port; and nothing is changed."""
    with Server() as server:
        said, status = doctor(server, "service")
        equal((said["status"], status), ("ok", 0), said)
        check(str(server.process.pid) in said["text"], said)
        port = "port " + server.config["listen"][0]
        said, _ = doctor(server, port)
        equal(said["status"], "ok", said)
        check("mcp-execd" in said["text"], said)
        said, _ = doctor(server, "audit seal")
        equal(said["status"], "warn", said)
        check("seal-init" in said["advice"], said)
        said, _ = doctor(server, "no_new_privs of the service")
        clock, _ = doctor(server, "clock")
        check(clock["status"] in ("ok", "warn"), clock)
        time.sleep(0.3)
        equal(server.audit(CONTROL, "audit-read"), [], "it asked nothing")
        server.stop()
        said, status = doctor(server, "service")
        equal((said["status"], status), ("warn", 0), said)
        equal(doctor(server, port)[0]["status"], "ok", "free")
        server.ctl("audit", "seal-init")
        server.start_once()
        equal(doctor(server, "audit seal")[0]["status"], "ok", "sealed")
        server.stop()
        raw = server.audit_file.read_bytes()
        server.audit_file.write_bytes(raw[:raw.rstrip().rfind(b"\n") + 1])
        said, status = doctor(server, "audit seal")
        equal((said["status"], status), ("fail", 1), said)
        check("its end was cut" in said["text"], said)
        server.audit_file.write_bytes(raw)
        equal(doctor(server, "audit seal")[0]["status"], "ok", "mended")
        server.start_once()


def test_doctor_of_a_unit():
    """As a service manager would start it, with and without what is missing."""
    with Server() as server:
        server.stop()
        server.wrapper = ["setpriv", "--no-new-privs", *(
            ["--bounding-set",
             "-sys_module,-sys_rawio,-sys_boot,-sys_time,-mknod,-syslog,"
             "-mac_admin,-bpf"] if ROOT else []), *server.wrapper]
        server.start_once()
        said, _ = doctor(server, "no_new_privs of the service")
        equal(said["status"], "ok", said)
        if ROOT:
            equal(doctor(server, "capabilities")[0]["status"], "ok", "caps")
        server.stop()
        server.wrapper = ["sh", "-c", "ulimit -n 200; exec \"$0\" \"$@\"",
                          *server.wrapper]
        server.start_once()
        said, _ = doctor(server, "descriptors")
        equal(said["status"], "warn", said)
        check("LimitNOFILE=" in said["advice"], said)


def started_by(server, *wrapper):
    """The server, started again by these words."""
    server.stop()
    server.wrapper = list(wrapper)
    server.start_once()


def test_doctor_of_a_poor_unit():
    """What a unit should do and this one does not, each with what to write."""
    with open("/proc/self/status", encoding="ascii") as f:
        own = dict(x.split(":\t", 1) for x in f.read().splitlines())
    with Server() as server:
        usual = list(server.wrapper)
        if own["NoNewPrivs"] == "0":
            said, _ = doctor(server, "no_new_privs of the service")
            equal(said["status"], "warn", said)
            check("NoNewPrivileges=yes" in said["advice"], said)
        if ROOT and int(own["CapBnd"], 16) >> 16 & 1:
            said, _ = doctor(server, "capabilities")
            equal(said["status"], "warn", said)
            check("CAP_SYS_MODULE" in said["text"], said)
        if ROOT and not os.statvfs("/usr").f_flag & os.ST_RDONLY:
            said, _ = doctor(server, "system files")
            equal(said["status"], "warn", said)
            check("could change /usr" in said["text"], said)
        if not ROOT:            # its environment is not shown to its user
            return
        started_by(server, "env", "NOTIFY_SOCKET=@nobody", *usual)
        said, _ = doctor(server, "watchdog")
        equal(said["status"], "warn", said)
        check("WatchdogSec=60" in said["advice"], said)
        started_by(server, "env", "NOTIFY_SOCKET=@nobody",
                   "WATCHDOG_USEC=600000000", *usual)
        equal(doctor(server, "watchdog")[0]["status"], "ok", "control")
        started_by(server, "setpriv", "--bounding-set", "-kill", *usual)
        said, status = doctor(server, "capabilities")
        equal((said["status"], status), ("fail", 1), said)
        check("runs without CAP_KILL" in said["text"], said)


def test_policy_that_hides_its_shell():
    """It loads, each call fails, and both check and doctor say so before."""
    hint = 'add "@system" to its key files.read'
    with Server(policy={"files": {"read": ["/etc"]}}) as server:
        out = server.ctl("check")
        check("no call of exec_cmd can start" in out and hint in out, out)
        found = [c for c in json.loads(ctl(server, "doctor", "--json").stdout)
                 ["checks"] if c.get("advice") == hint]
        equal([(c["check"], c["status"]) for c in found],
              [("policy test", "warn")], found)
        with Http(server) as c:
            check(c.sh("true").error, "it ran")
    with Server(policy={"files": {"read": ["/etc", "@system"]}}) as server:
        check("can start" not in server.ctl("check"), "a false note")
        check("can start" not in ctl(server, "doctor").stdout, "of the doctor")
        with Http(server) as c:
            check(not c.sh("true").error, "it does not run")


def test_check_of_directories():
    """One that others can write is a finding although nothing is in it."""
    server = Server()
    try:
        def said():
            run = ctl(server, "check")
            return run.returncode, run.stdout

        status, out = said()
        equal(status, 0, out)
        for key in "tool_dir", "token_dir", "policy_dir":
            path = server.dir / server.config[key]
            for file in path.iterdir():
                file.unlink()
            path.chmod(0o777)
            status, out = said()
            equal((status, out.count("chmod go-w it")), (1, 1), out)
            check(f"{path}: the directory can be written by others" in out,
                  out)
            path.chmod(0o755)
            equal(said()[0], 0, key)
        server.config["token_dir"] = "gone\u202e"
        server.config["tool_dir"] = "no-tools"
        (server.dir / "no-tools").mkdir()
        server.write()
        (server.dir / "no-tools").rmdir()
        status, out = said()
        equal(status, 1, out)
        check('gone\\u202e: No such file or directory: create the directory,'
              ' or set "token_dir"' in out, out)
        server.config["token_dir"] = "tokens.d"
        server.config_file.write_text(json.dumps(server.config))
        status, out = said()
        check(status == 0 and "no-tools, is not there" in out, out)
    finally:
        server.remove()


def test_policy_test_explains():
    """Why it does not work, and by which key, as the answer to a call has it."""
    with Server(policy={"files": {"hide": ["/etc/passwd"]}}) as server, \
            Http(server) as c:
        for words, said, status in (
                ("cat /etc/passwd", "refused: /etc/passwd is hidden", 1),
                ("touch /usr/x", "refused: /usr/x cannot be changed", 1),
                ("ls /var/lib/dpkg", "NOTE: /var/lib/dpkg is not in view", 2),
                ("nice -n -5 true | cat", "NOTE: a command can lower its", 0),
                ("echo a; echo b >&2; exit 3", "", 3)):
            run = ctl(server, "policy", "test", server.name, "--shell", "--",
                      words)
            lines = [x.removeprefix("mcp-execctl: ")
                     for x in run.stderr.splitlines()
                     if x.startswith("mcp-execctl: ")][1:]
            equal(run.returncode, status, run.stderr)
            r = c.sh(words)
            told = ([f"refused: {d}" for d in r.data["denials"]]
                    + [f"NOTE: {n}" for n in r.data.get("notes", [])])
            equal(sorted(lines), sorted(told), words)
            check(lines[0].startswith(said) if said else not lines, words,
                  lines)


def test_names_that_nothing_has():
    """An answer to a mistyped name is not an empty one."""
    with Server(name="alice") as server, Http(server) as c:
        c.sh("true")
        key = server.ctl("audit", "verify")
        check(" 1 to " in key, key)
        for words, status, said in (
                (("audit", "search", "--token", "alcie"), 0,
                 'Nothing found of the token "alcie": did you mean "alice"?'),
                (("audit", "search", "--policy", "zzzzzz"), 0,
                 'of the policy "zzzzzz", and there is none of this name now'),
                (("audit", "search", "--token", "alice", "no such text"), 0,
                 ""),
                (("audit", "search", "--run", "xyz"), 2, "of 0-9 and a-f"),
                (("audit", "search", "--since", "today", "--until",
                  "yesterday"), 2, "is not before --until"),
                (("audit", "verify", "--first", "99999"), 1,
                 "nothing was verified: give --first a smaller number"),
                (("token", "revoke", "alcie"), 1,
                 'nothing was revoked: did you mean "alice"?'),
                (("audit", "report", "--html", str(server.dir)), 1,
                 "Is a directory: name a file in it"),
                (("token", "revoke", "zzzzzz"), 1,
                 "nothing was revoked: see mcp-execctl token list"),
                (("setup", "--do", "deploy", "--directory", "/nonexistent",
                  "--user", "nobody"), 2,
                 "install -d -o nobody -m 0755 /nonexistent")):
            run = ctl(server, *words)
            equal(run.returncode, status, words)
            check(said in run.stderr if said else not run.stderr, words,
                  run.stderr)
        check(not c.sh("true").error, "the token is still there")


def test_seal_that_is_required():
    """Nothing starts without its state: check and doctor know it before."""
    server = Server(config={"audit": {"seal": "require"}})
    try:
        def seal():
            rows = json.loads(ctl(server, "doctor", "--json").stdout)["checks"]
            return [c for c in rows if c["check"] == "audit seal"]

        out = ctl(server, "check").stdout
        check("and there is no" in out and "1 finding:" in out, out)
        found = seal()
        equal([c["status"] for c in found], ["fail"], found)
        for said in out, found[0]["advice"]:
            check("seal.state along; else mcp-execctl audit seal-init" in said,
                  said)
        server.ctl("audit", "seal-init")
        server.ctl("check")
        check("fail" not in [c["status"] for c in seal()], seal())
        server.config["audit"]["seal"] = "off"
        server.write()
        server.ctl("check")
        found = seal()
        equal([c["status"] for c in found], ["warn"], found)
        check('set it to "auto", then' in found[0]["advice"], found)
    finally:
        server.remove()


def test_doctor_who_may_not_look():
    """He is told so, and not to make what is there already."""
    if not ROOT:
        raise Skip("another user is needed: for root only")
    server = Server()
    try:
        ours = shutil.copy(server.build / "mcp-execctl", server.dir)
        run = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
             ours, "-c", server.config_file, "doctor",
             "--json"], capture_output=True, text=True, timeout=60 * SLOW)
        found = [c for c in json.loads(run.stdout)["checks"]
                 if c["status"] == "fail"]
        equal([c["check"] for c in found], ["configuration"], found)
        check("run the doctor as root" in found[0]["advice"], found)
    finally:
        server.remove()


def test_policy_test_names_the_way_to_a_group():
    """What a shell has not got, and the service has: how to get it."""
    with Server() as server:
        server.add_policy("grouped", require=["cgroup"])

        def tried(cgroup):
            server.config["cgroup"] = cgroup
            server.write()
            return ctl(server, "policy", "test", "grouped", "--", "true")

        done = tried("auto")
        if done.returncode == 0:
            raise Skip("this process has a control group to give out")
        for done, advised in (done, True), (tried("off"), False):
            equal(done.returncode, 125, done.stderr)
            check('"cgroup" is required' in done.stderr, done.stderr)
            equal("systemd-run --scope -p Delegate=yes" in done.stderr,
                  advised, done.stderr)
