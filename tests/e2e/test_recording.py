# SPDX-License-Identifier: MIT
"""What commands write, recorded: whole, bounded, played, never changed."""
import contextlib
import hashlib
import json
import os
import pty
import random
import re
import select
import shutil
import subprocess
import time

from client import (ROOT, RUN_ID, S_RUN_ID, Server, Skip, check, equal, mark,
                    within)
from test_jobs import JOBS

NASTY = (r"printf 'plain\tx\r\ny\033]0;title\007\033[31mred\377\376\000"
         r"\342\200\256bidi\303'")
NASTY_BYTES = (b"plain\tx\r\ny\x1b]0;title\x07\x1b[31mred\xff\xfe\0"
               b"\xe2\x80\xaebidi\xc3")


def recording(output, more=None, **config):
    return Server(policy={"audit": {"output": output, **(more or {})}},
                  config={"recordings": config} if config else None)


def result_of(server, run):
    return within("a result", 5, lambda: [
        r for r in server.audit("run-result") if r[RUN_ID] == run])[0]


def cast(server, run):
    return server.dir / "recordings" / f"{run}.cast"


def replay(server, *args, status=0, terminal=False):
    """Its standard output and error."""
    done = subprocess.run(
        [server.build / "mcp-execctl", "-c", server.config_file, "audit",
         "replay", *args], stdin=subprocess.DEVNULL, capture_output=True,
        timeout=20 * server.slow)
    equal(done.returncode, status, f"replay {args}: {done.stderr}")
    return done.stdout, done.stderr.decode()


def at_terminal(*words, seconds=20):
    """What a program writes to a terminal of its own."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execvp(words[0], words)
    out, end = b"", time.monotonic() + seconds
    with contextlib.suppress(OSError):      # EIO: it has ended
        while time.monotonic() < end:
            if select.select([fd], [], [], 0.2)[0]:
                data = os.read(fd, 65536)
                if not data:
                    break
                out += data
    os.close(fd)
    return out, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_both_streams_come_back():
    with recording("all") as server, server.http() as c:
        r = c.sh(f"echo first; {NASTY}; echo wrong >&2; {NASTY} >&2; "
                 "seq 1 30000")
        run = r.data[S_RUN_ID]
        numbers = "".join(f"{i}\n" for i in range(1, 30001)).encode()
        out = b"first\n" + NASTY_BYTES + numbers
        err = b"wrong\n" + NASTY_BYTES
        result = result_of(server, run)
        file = cast(server, run)
        raw = file.read_bytes()
        equal(file.stat().st_mode & 0o777, 0o600, "mode of the file")
        equal(file.parent.stat().st_mode & 0o777, 0o700, "of the directory")
        equal(result["recording.output"], "all")
        equal(result["recording.bytes"], len(raw))
        equal(result["recording.sha256"], hashlib.sha256(raw).hexdigest())
        equal(result["stdout.bytes"], len(out), "bytes of stdout")
        fast = "--raw", "--speed", "0", run
        equal(replay(server, "--stream", "stdout", *fast)[0], out, "stdout")
        equal(replay(server, "--stream", "stderr", *fast)[0], err, "stderr")
        both = replay(server, *fast)[0]
        equal(len(both), len(out) + len(err), "both")
        # the form of asciicast v2
        lines = raw.decode("utf-8").splitlines()
        head = json.loads(lines[0])
        equal((head["version"], head["width"], head["height"]), (2, 80, 24))
        last = 0.0
        for line in lines[1:]:
            at, code, text = json.loads(line)
            check(code in "ox" and isinstance(text, str), line[:100])
            check(at >= last, "time goes back")
            last = at


def test_asciinema_plays():
    if not shutil.which("asciinema"):
        raise Skip("asciinema is not installed: tests/deps")
    with recording("all") as server, server.http() as c:
        r = c.sh("echo to-stdout; sleep 0.3; echo to-stderr >&2; "
                 "printf '\\377bad \\303\\251\\n'")
        file = str(cast(server, r.data[S_RUN_ID]))
        for words in (["cat", file], ["play", "-s", "10", file]):
            out, status = at_terminal("asciinema", *words)
            equal(status, 0, f"asciinema {words[0]}: {out!r}")
            text = out.decode("utf-8")
            check("to-stdout\r\n" in text and "to-stderr\r\n" in text, text)
            check("\ufffdbad é\r\n" in text, text)


def test_replay_is_safe():
    with recording("all") as server, server.http() as c:
        r = c.sh(NASTY)
        run = r.data[S_RUN_ID]
        out, _ = replay(server, run[:12])       # a beginning is enough
        for bad in (b"\x1b", b"\x07", b"\0", b"\xff", b"\r",
                    b"\xe2\x80\xae"):
            check(bad not in out, bad, out)
        check(b"\\u001b[31mred" in out and b"\\xff" in out, out)
        check(b"plain\tx" in out, out)
        check(b"\x1b[31mred" in replay(server, "--raw", run)[0], "raw")
        # at a terminal: colours of ours, nothing of the command's
        shown, status = at_terminal(
            str(server.build / "mcp-execctl"), "-c", str(server.config_file),
            "audit", "replay", run)
        equal(status, 0)
        check(b"\x1b]0" not in shown and b"\x1b[31m" not in shown, shown)
        text = server.ctl("audit", "show", run)
        check("Output" in text and "plain\tx" in text, text)
        check("\x1b" not in text and "\u202e" not in text, text)


def test_replay_keeps_time():
    with recording("all") as server, server.http() as c:
        run = c.sh("echo a; sleep 1; echo b").data[S_RUN_ID]

        def took(*args):
            begin = time.monotonic()
            equal(replay(server, *args, run)[0], b"a\nb\n")
            return time.monotonic() - begin
        fast = min(took("--speed", "0") for _ in range(3))
        usual = took()
        check(usual > 0.9, f"played in {usual:.2f} s")
        check(fast < usual - 0.5, f"--speed 0 took {fast:.2f} s")
        check(min(took("--speed", "10") for _ in range(3)) < usual - 0.5,
              "--speed 10")
        for bad in ("-1", "x", "1e9", "nan"):
            replay(server, "--speed", bad, run, status=2)
        replay(server, "--stream", "both", run, status=2)
        replay(server, "xyz", status=2)
        check("no run" in replay(server, "0" * 32, status=1)[1])


def test_changed_is_not_played():
    with recording("all") as server, server.http() as c:
        run = c.sh("echo true words").data[S_RUN_ID]
        file = cast(server, run)
        raw = file.read_bytes()
        for changed in (raw.replace(b"true", b"fals"), raw[:-9], raw + raw):
            file.write_bytes(changed)
            out, err = replay(server, run, status=1)
            equal(out, b"", "something was shown")
            check("not as it was recorded" in err, err)
            check("not as it was recorded" in server.ctl(
                "audit", "show", run), "show")
        file.write_bytes(raw[:-9])
        out, err = replay(server, "--unverified", run)
        equal(out, b"true words\n")
        check("ends before the run did" in err, err)
        file.write_bytes(raw)
        equal(replay(server, run)[0], b"true words\n")      # the control
        file.unlink()
        check("removed to make room" in replay(server, run, status=1)[1])


def test_tail():
    with recording("tail", {"output_bytes": 8192}) as server, \
            server.http() as c:
        run = c.sh("echo beginning; seq 1 100000; sleep 0.3; "
                    "echo end >&2").data[
            S_RUN_ID]
        equal(result_of(server, run)["recording.output"], "tail")
        out, err = replay(server, "--speed", "0", run)
        check(b"99999\n100000\n" in out and b"end\n" in out, out[-60:])
        check(b"beginning" not in out and 8192 <= len(out) < 13000, len(out))
        check("only the end was recorded" in err, err)
        with recording("off") as plain, plain.http() as d:
            run = d.sh("echo x").data[S_RUN_ID]
            check("recording.bytes" not in result_of(plain, run), "off")
            equal(list((plain.dir / "recordings").iterdir()), [], "a file")
            check("was not recorded" in replay(plain, run, status=1)[1])


def test_all_means_all():
    """Beyond the bound the run is ended; what is not recorded is not told."""
    with recording("all", {"output_bytes": 8192}) as server, \
            server.http() as c:
        m = mark()
        r = c.sh(f": {m}; seq 1 100000; echo survived > after; sleep 30")
        check(r.error and "audit.output_bytes" in r.text, r)
        result = server.ended(m)
        equal(result["run.state"], "cancelled")
        check("8192" in result["recording.error"], result)
        told = len(r.data["stdout"])
        check(told <= 8192, f"{told} bytes were told")
        out, _ = replay(server, "--raw", "--speed", "0", result[RUN_ID])
        check(out.startswith(b"1\n2\n3\n"), out[:20])
        check(len(out) >= result["stdout.returned_bytes"] >= told, told)
        check(not c.sh("seq 1 1500").error, "control")


def test_oldest_goes_first():
    with Server(policy={"audit": {"output": "all"}},
                config={"recordings": {"max_bytes": 1 << 20}}) as server, \
            server.http() as c:
        runs = [c.sh("head -c 250000 /dev/zero | tr '\\0' x").data[S_RUN_ID]
                for _ in range(6)]
        gone = within("removals", 5, lambda: server.audit(
            "recording-remove")[1:] and server.audit("recording-remove"))
        equal([r[RUN_ID] for r in gone], runs[:2], "removed")
        within("files removed", 5, lambda: not cast(server, runs[1]).exists())
        check(cast(server, runs[2]).exists() and
              cast(server, runs[5]).exists(), "the newer are kept")
        total = sum(f.stat().st_size
                    for f in (server.dir / "recordings").iterdir())
        check(total <= 1 << 20, f"{total} bytes")
        check("max_bytes" in gone[0]["event.reason"], gone)
        # by age, after a reload
        server.config["recordings"]["max_seconds"] = 1
        server.write()
        time.sleep(1.2)
        server.reload()
        within("all are gone", 5, lambda: [
            f.name for f in (server.dir / "recordings").iterdir()] == ["keys"])
        within("on record", 5, lambda: "max_seconds" in server.audit(
            "recording-remove")[-1]["event.reason"])
        equal(server.process.poll(), None)


def test_who_records_most_loses():
    """A token that records much pushes out its own, and nobody else's."""
    with Server(policy={"audit": {"output": "all"}},
                config={"recordings": {"max_bytes": 1 << 20}}) as server:
        other = server.add("hungry")
        with server.http() as modest, server.http(token=other) as hungry:
            his = modest.sh("seq 1 999").data[S_RUN_ID]
            runs = [hungry.sh("head -c 250000 /dev/zero | tr '\\0' x").data[
                S_RUN_ID] for _ in range(8)]
            within("removals", 5,
                   lambda: not cast(server, runs[3]).exists())
            gone = within("on record", 5, lambda: (
                found := server.audit("recording-remove"))[3:] and found)
            equal({r["token.name"] for r in gone}, {"hungry"}, "whose")
            equal([r[RUN_ID] for r in gone], runs[:len(gone)], "their order")
            equal(replay(server, "--speed", "0", his)[0],
                  "".join(f"{i}\n" for i in range(1, 1000)).encode())
            # one command that wants it all does not get it either
            r = hungry.sh("head -c 1200000 /dev/zero | tr '\\0' x; sleep 30")
            check(r.error and "recordings.max_bytes" in r.text, r)
            check(cast(server, his).exists(), "gone")
            # as it was found at the next start
            server.stop()
            server.process = None
            server.start()
        with server.http(token=other) as hungry:
            hungry.sh("head -c 900000 /dev/zero | tr '\\0' x")
            check(cast(server, his).exists(), "gone after a start")


def test_jobs_push_out_no_recording():
    """One room for both: many jobs of one token against another's recordings."""
    jobs = {**JOBS, "at_once": 16, "keep": 64, "output_bytes": 65536}
    limits = {"runs": 64, "runs_per_minute": 6000}
    with Server(policy={"audit": {"output": "all"}, "limits": limits},
                config={"recordings": {"max_bytes": 1 << 20}}) as server:
        server.add_policy("many", audit={}, jobs=jobs)
        many = server.add("many", policy="many")
        flood = "head -c 60000 /dev/zero | tr '\\0' y"
        with server.http() as c, server.http(token=many) as a:
            kept = [c.sh("head -c 90000 /dev/zero | tr '\\0' x").data[S_RUN_ID]
                    for _ in range(3)]
            for _ in range(30):         # of those that have ended
                check(not a.sh(flood).error, "a call that is kept")
            for _ in range(16):         # and of those that go on
                a.call("job_start", command=f"{flood}; sleep 60")
            within("the room is full", 20, lambda: room(server) > 900_000)
            # more than is left, and it is below its share
            for _ in range(2):
                r = c.sh("head -c 90000 /dev/zero | tr '\\0' z")
                check(not r.error, r)
                kept.append(r.data[S_RUN_ID])
            equal(server.audit("recording-remove"), [], "removed")
            check(all(cast(server, run).exists() for run in kept), kept)
            check(room(server) <= 1 << 20, room(server))
            check(re.search(r"recordings +\d+ bytes on disk",
                            server.ctl("status")), server.ctl("status"))
            check("running" in a.call("job_list").text, "jobs go on")
            # control: of its own it loses the oldest
            for _ in range(9):
                c.sh("head -c 90000 /dev/zero | tr '\\0' z")
            check(server.audit("recording-remove"), "control")


def room(server):
    return json.loads(server.ctl("status", "--json"))["runs"]["room_bytes"]


def test_killed_executor():
    """What was written by then is there, on record, and can be played."""
    with recording("all") as server:
        with server.http() as c:
            done = c.sh("echo before").data[S_RUN_ID]
            m = mark()
            conn = c.begin(f": {m}; echo half; sleep 60")
            server.running(m)
            intent, _ = server.run_records(m)
            run = intent[RUN_ID]
            within("recorded", 5, lambda: cast(server, run).exists() and
                   b"half" in cast(server, run).read_bytes())
            server.process.kill()
            server.process.wait()
            conn.close()
        server.start()
        result = result_of(server, run)
        equal(result["run.state"], "lost")
        raw = cast(server, run).read_bytes()
        equal((result["recording.bytes"], result["recording.sha256"]),
              (len(raw), hashlib.sha256(raw).hexdigest()))
        out, err = replay(server, run)
        equal(out, b"half\n")
        check("ends before the run did" in err, err)
        equal(replay(server, done)[0], b"before\n")


def test_killed_at_any_time():
    """Whatever a kill leaves, log and recordings tell the same."""
    with recording("all") as server:
        rng, place = random.Random(11), server.dir / "recordings"
        for _ in range(4):
            before = len(list(place.glob("*.cast")))
            with server.http() as c:
                conns = [c.begin("for i in 1 2 3 4 5 6 7 8 9; do seq 1 900;"
                                 " sleep 0.05; done") for _ in range(6)]
                within("three begin", 10, lambda before=before: len(
                    list(place.glob("*.cast"))) >= before + 3)
                time.sleep(rng.uniform(0, 0.7))
                server.process.kill()
                server.process.wait()
                for conn in conns:
                    conn.close()
            server.start()
        results = {r[RUN_ID]: r for r in server.audit("run-result")}
        intents = {r[RUN_ID] for r in server.audit("run-intent")}
        equal(set(results), intents, "a result for each run")
        files = {f.stem: f.read_bytes()
                 for f in (server.dir / "recordings").iterdir()
                 if f.name != "keys"}
        check(set(files) <= intents and len(files) > 8, len(files))
        for run, raw in files.items():
            r = results[run]
            equal((r["recording.bytes"], r["recording.sha256"]),
                  (len(raw), hashlib.sha256(raw).hexdigest()), r)
        for run in list(files)[:6]:
            if files[run]:
                replay(server, "--speed", "0", run)


@contextlib.contextmanager
def small_disk(path):
    path.mkdir(0o700)
    if not ROOT or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "none",
             path], capture_output=True).returncode != 0:
        raise Skip("no tmpfs can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def test_disk_full():
    """The run is ended, the server goes on, and recovers by itself."""
    server = recording("all")
    disk = server.dir / "recordings"
    try:
        with small_disk(disk), server, server.http() as c:
            ballast = disk / "ballast"      # room that can be given back
            ballast.write_bytes(b"x" * 65536)
            m = mark()
            r = c.sh(f": {m}; head -c 400000 /dev/zero | tr '\\0' x; "
                     "sleep 30")
            check(r.error and "be recorded" in r.text, r)
            result = server.ended(m)
            equal(result["run.state"], "cancelled")
            check("recording.error" in result, result)
            check(len(r.data["stdout"]) <= 256 << 10, "told and not recorded")
            out, _ = replay(server, "--raw", "--speed", "0", result[RUN_ID])
            check(set(out) == {ord("x")}, "half of a line")
            with contextlib.suppress(OSError), open(
                    disk / "filler", "wb", buffering=0) as f:
                while True:
                    f.write(b"x" * 4096)
            there = set(os.listdir(disk))
            r = c.sh("echo never")
            check(r.error and "be recorded" in r.text, r)
            check("never" not in (r.data or {}).get("stdout", ""), r)
            equal(set(os.listdir(disk)), there, "files of what did not run")
            ballast.unlink()
            within("recovered", 5, lambda: not c.sh("echo again").error)
    finally:
        if disk.exists():
            server.remove()


def test_directory_is_ours():
    """A directory that others may enter, or none at all: no start."""
    with recording("all") as server:
        server.stop()
        (server.dir / "recordings").chmod(0o755)
        server.process = None
        try:
            server.start()
        except Exception as e:
            check("chmod 0700" in str(e), e)
        else:
            check(False, "started with an open directory")
        (server.dir / "recordings").chmod(0o700)
        server.start()
        check(re.search(r"^\{", server.audit_file.read_text(), re.M))


def test_recordings_are_hidden():
    """No run gets at recordings, wherever their directory is."""
    if not ROOT:
        raise Skip("needs root: a command of root is what could")
    with Server(policy={"user": "root",
                        "audit": {"output": "all"}}) as server:
        place = server.dir / "recordings"
        server.policy["files"] = {"read": ["@system", str(server.dir)]}
        server.stop()
        for f in place.iterdir():
            f.unlink()
        place.rmdir()
        server.process = None
        server.write()
        server.start()              # rebuilt, after policies were read
        with server.http() as c:
            c.sh("echo kept")
            r = c.sh(f"ls {server.dir}; ls -A {place}; cat {place}/*")
            check("stderr" in r.text and list(place.iterdir()), "control", r)
            check(".cast" not in r.text and "kept" not in r.text, r)
