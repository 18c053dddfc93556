# SPDX-License-Identifier: MIT
"""Runs: output, directories, environment, time, and what is left behind."""
import json
import os
import signal
import time

from client import (ROOT, Skip, check, equal, mark, processes, within)

SERVER = {"policy": {"limits": {"output_bytes": 65536}},
          "config": {"limits": {"body_bytes": 8 << 20}}}


def test_exec_cmd_text(server):
    with server.http() as c:
        r = c.sh("echo out; sleep 0.4; echo err >&2; sleep 0.4; echo more")
        equal((r.error, r.text), (False, "out\nerr\nmore\n"), "order")
        equal((r.data["stdout"], r.data["stderr"]), ("out\nmore\n", "err\n"),
              "streams")
        equal(r.data["bytes"], {"stdout": 9, "stderr": 4}, "bytes")
        r = c.sh("true")
        equal((r.error, r.data["exit_code"]), (False, 0), "silence")
        r = c.sh("echo so far; exit 7")
        check(r.error and r.text.startswith("execution failed: "), r)
        check("7" in r.text and "so far\n" in r.text, r)
        equal(r.data["exit_code"], 7, "exit_code")
        r = c.sh("echo one | tr o 0 && X=5 && echo $((X * 2)) > f && cat f")
        equal(r.text, "0ne\n10\n", "a pipeline, a redirection")


def test_cli_command_text(server):
    with server.http() as c:
        r = c.call("cli_command", command="echo 'a  b' \"c\" d\\ e")
        equal(r.text, "STDOUT: a  b c d e\n\n\nSTDERR: \nRETURNCODE: 0\n"
              "SUCCESS: True", "text")
        r = c.call("cli_command", command="ls /usr/no/such/file")
        check(not r.error, "its end is an answer, whatever the status", r)
        check(r.text.startswith("STDOUT: \n\nSTDERR: ls: "), r)
        check(r.text.endswith("RETURNCODE: 2\nSUCCESS: False"), r)
        r = c.call("cli_command", command="echo $HOME `id` $(id) ; rm * | x")
        check("STDOUT: $HOME `id` $(id) ; rm * | x\n" in r.text, r)
        for odd in ("echo 'open", 'echo "open', "echo a\\", "  ", "''"):
            r = c.call("cli_command", command=odd)
            check(r.error and len(r.text) > 8, odd, r)
        r = c.call("cli_command", command="echo a\nb\tc")
        check("STDOUT: a b c\n" in r.text, "newline and tab part words", r)


def test_not_found(server):
    with server.http() as c:
        r = c.call("cli_command", command="nosuchprogram")
        check(r.error and "not found" in r.text, r)
        r = c.call("cli_command", command="/etc/passwd")
        check(r.error and "ermission" in r.text, r)
        r = c.sh("nosuchprogram")
        equal((r.error, r.data["exit_code"]), (True, 127), "by the shell")
        (server.work / "here").write_text("#!/bin/sh\necho found\n")
        (server.work / "here").chmod(0o755)
        check(c.call("cli_command", command="here").error, "never from cwd")
        check("found" in c.call("cli_command", command="./here").text, "./")


def test_signals(server):
    with server.http() as c:
        for name in "KILL", "SEGV", "TERM", "ABRT":
            r = c.sh(f"echo before; kill -{name} $$")
            check(r.error and "before" in r.text, name, r)
            equal((r.data["exit_code"], r.data["signal"]), (None, name), name)


def test_stdin(server):
    with server.http() as c:
        for text in ("", "one\ntwo\n", "é€😀\0\x1b[0m", "x" * 900000):
            r = c.sh("wc -c; ", stdin=text)
            equal(int(r.text), len(text.encode()), "bytes")
        equal(c.sh("cat", stdin="é\0€").data["stdout"], "é\0€", "unchanged")
        equal(c.sh("cat").data["stdout"], "", "empty without")
        equal(c.sh("readlink /proc/self/fd/0").text, "/dev/null\n", "null")
        r = c.sh("true", stdin="x" * 900000)
        check(not r.error, "not read at all", r)
        r = c.sh("head -c 5", stdin="x" * 900000)
        equal(r.text, "xxxxx", "read in part")


def test_environment(server):
    with server.http() as c:
        env = dict(line.split("=", 1) for line in
                   c.sh("env", env={"CI": "1", "ANSWER": "a b=c\n"[:-1]})
                   .text.splitlines())
        equal((env["CI"], env["ANSWER"], env["FIXED"], env["LANG"]),
              ("1", "a b=c", "yes", "C.UTF-8"), "variables")
        extra = set(env) - {
            "CI", "ANSWER", "FIXED", "LANG", "PATH", "HOME", "USER",
            "LOGNAME", "SHELL", "TERM", "PWD", "SHLVL", "_", "OLDPWD"}
        equal(extra, set(), "inherited")
        check(all(p.startswith("/") for p in env["PATH"].split(":")), env)
        for name in ("LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "PATH",
                     "BASH_ENV", "ENV", "IFS", "PYTHONPATH", "PERL5OPT",
                     "NODE_OPTIONS", "GIT_SSH_COMMAND", "FIXED", "HOME",
                     "NOPE", "ci"):
            r = c.sh("touch envran", env={name: "x"})
            check(r.error and name in r.text, name, r)
        check(not (server.work / "envran").exists(), "it ran")


def test_never_allowed_environment(server):
    """A policy cannot allow what would run code, or it has no effect."""
    path = server.dir / "policies.d" / "bad.json"
    text = dict(server.policy, environment={"allow": ["LD_PRELOAD"]})
    path.write_text(json.dumps(text))
    path.chmod(0o600)
    r = server.reload()
    path.unlink()
    equal(r["event.outcome"], "failure", r)
    check("LD_PRELOAD" in r["event.reason"], r)
    server.reload()


def test_working_dir(server):
    for name in ("in/deep", "closed", "evil"):
        (server.work / name).mkdir(parents=True)
    (server.work / "file").write_text("x")
    (server.work / "link-in").symlink_to("in")
    (server.work / "link-out").symlink_to("/etc")
    (server.work / "link-up").symlink_to("../..")
    (server.work / "link-loop").symlink_to("link-loop")
    (server.work / "link-root").symlink_to("/")
    (server.work / "link-abs-in").symlink_to(server.work / "in")
    (server.work / "in" / "up").symlink_to("../..")
    beside = server.work.parent / (server.work.name + "evil")
    beside.mkdir()
    os.chmod(server.work / "closed", 0)
    top = os.path.realpath(server.work)
    good = {"in": "/in", "in/deep": "/in/deep", "./in/": "/in", ".": "",
            "in/../in": "/in", "link-in": "/in", "link-in/deep": "/in/deep",
            str(server.work): "", str(server.work) + "/in": "/in",
            str(server.work) + "/": ""}
    bad = ["..", "../", "in/../..", "in/../../..", "/", "/etc", "/tmp",
           str(server.work) + "/..", str(beside), "link-out", "link-up",
           "link-loop", "link-root/etc", "in/up", "missing", "file",
           "in\0x", "/proc/self/cwd", "/proc/self/root", "/dev/fd/3",
           "/proc/self/fd/3", "x" * 5000, "~", "$HOME", "in\n",
           str(server.work) + "/link-out"]
    with server.http() as c:
        for tool, key in (("exec_cmd", "working_dir"),
                          ("cli_command", "work_dir")):
            for asked, want in good.items():
                r = c.call(tool, command="/bin/pwd -P", **{key: asked})
                check(not r.error, asked, r)
                equal(r.data["stdout"], f"{top}{want}\n", asked)
            for asked in bad:
                r = c.call(tool, command="touch wdran", **{key: asked})
                check(r.error, tool, repr(asked), r)
                check(r.data is None or r.data["state"] == "refused", r)
                check(len(r.text) > 10, asked, r)
        equal(c.sh("pwd").text, f"{server.work}\n", "default")
        r = c.sh("touch wdran", working_dir="closed")
        if ROOT:
            # the policy's user may not enter it, whatever root may
            check(r.error, "closed", r)
    os.chmod(server.work / "closed", 0o755)
    for where in (server.work, server.work.parent, beside,
                  server.work / "in", server.work / "closed"):
        check(not (where / "wdran").exists(), "it ran in", where)
    beside.rmdir()


def test_directory_of_a_token(server):
    (server.work / "narrow" / "sub").mkdir(parents=True)
    token = server.add("narrow", "--directory", str(server.work / "narrow"))
    with server.http(token=token) as c:
        equal(c.sh("pwd -P").text.strip(),
              os.path.realpath(server.work / "narrow"), "default")
        check(not c.sh("true", working_dir="sub").error, "inside")
        for outside in ("..", str(server.work), "../in"):
            check(c.sh("true", working_dir=outside).error, outside)


def test_any_bytes(server):
    """Whatever a command prints comes out as valid JSON and UTF-8."""
    pieces = {
        r"a\000b": "a\0b", r"\033[31mred\033[0m": "\x1b[31mred\x1b[0m",
        r"\303\251\342\202\254\360\237\230\200": "é€😀",
        r"\377\376": None, r"\355\240\200x": None, r"\300\257": None,
        r"\360\237\230": None, r"\342\200\250\342\200\251": "\u2028\u2029",
        r"\364\220\200\200": None, r"\177\001\010\014": "\x7f\1\b\f",
        r'"\134/': '"\\/', r"\r\n\t": "\r\n\t", r"\357\273\277": "\ufeff",
    }
    for transport in server.http, server.sse:
        with transport() as c:
            for octal, want in pieces.items():
                command = f"printf '{octal}'"
                r = c.sh(command)
                check(not r.error, octal, r)
                if want is not None:
                    equal(r.text, want, octal)
                else:
                    check("\ufffd" in r.text or r.text, octal, r)
            r = c.sh("head -c 60000 /dev/urandom")
            equal(c.sh("echo on").text, "on\n", "goes on")
            r = c.sh("i=0; while [ $i -lt 256 ]; do printf \"\\\\$(printf "
                     "%03o $i)\"; i=$((i+1)); done")
            check(all(chr(i) in r.text for i in range(128)), r)


def test_utf8_across_pieces(server):
    """Characters that fall on a read's or a frame's border stay whole."""
    with server.http() as c:
        r = c.sh("i=0; while [ $i -lt 9000 ]; do printf é€; i=$((i+1)); "
                 "done; sleep 0.1; printf '\\303'; sleep 0.2; "
                 "printf '\\251'")
        equal(r.text, "é€" * 9000 + "é", "text")


def test_large_command(server):
    with server.http() as c:
        r = c.sh("true " + "x" * 100000)
        check(not r.error, "100 kB", r)
        for tool in "exec_cmd", "cli_command":
            r = c.call(tool, command="true " + "x" * (1 << 20))
            check(r.error and "command" in r.text, tool, r)
            check("131071" in r.text or "most" in r.text, tool, r)
        r = c.call("cli_command", command="true " + "x " * 60000)
        check(r.error and "word" in r.text or not r.error, r)


def test_time_out(server):
    with server.http() as c:
        for tool in "exec_cmd", "cli_command":
            begin = time.monotonic()
            r = c.call(tool, command="sh -c 'echo so far; echo err >&2; "
                       "sleep 1000305; echo late'", timeout_ms=1200)
            took = time.monotonic() - begin
            check(1.1 < took < 10 * c.server.slow, "took", took)
            check(r.error and "so far" in r.text and "err" in r.text, r)
            check("late" not in r.text, r)
            equal((r.data["timed_out"], r.data["state"]),
                  (True, "timed_out"), r)
            check("1200" in r.text, "says how long", r)
        equal(processes("1000305"), [], "processes")


def test_time_out_of_the_policy(server):
    server.add_policy("quick", limits={"timeout_ms": 300,
                                       "timeout_max_ms": 1000})
    token = server.add("quick", policy="quick")
    with server.http(token=token) as c:
        check(c.sh("sleep 1000306").data["timed_out"], "default")
        check(not c.sh("sleep 0.5", timeout_ms=1000).error, "within")
        r = c.sh("true", timeout_ms=1001)
        check(r.error and "1000" in r.text, "over the maximum", r)


def test_ignores_term(server):
    with server.http() as c:
        begin = time.monotonic()
        r = c.sh("trap '' TERM INT HUP; echo on; "
                 "while :; do sleep 1000307; done", timeout_ms=1000)
        took = time.monotonic() - begin
        check(r.error and r.data["timed_out"] and "on" in r.text, r)
        check(1.3 < took < 12 * server.slow, "took", took)
        equal(processes("1000307"), [], "processes")
        r = c.sh("trap 'echo bye; exit 3' TERM; echo on; sleep 1000308 & wait",
                 timeout_ms=1000)
        check("bye" in r.text, "TERM comes first, and time to go", r)


def test_stopped_command(server):
    with server.http() as c:
        r = c.sh("kill -STOP $$; echo never", timeout_ms=300)
        check(r.data["timed_out"], r)


def test_output_cap(server):
    """Head and tail are kept, with a marker and the counts."""
    with server.http() as c:
        r = c.sh("seq 1 200000")
        total = sum(len(str(i)) + 1 for i in range(1, 200001))
        check(not r.error and r.data["truncated"], r)
        equal(r.data["bytes"]["stdout"], total, "bytes written")
        out = r.data["stdout"]
        check(out.startswith("1\n2\n3\n"), out[:40])
        check(out.endswith("199999\n200000\n"), out[-40:])
        check(50000 < len(out) <= 65536 + 100, "kept", len(out))
        head, _, rest = out.partition("\n[…")
        number, _, tail = rest.partition("…]\n")
        left_out = int("".join(ch for ch in number if ch.isdigit()))
        equal(len(head) + left_out + len(tail), total, "all is accounted for")
        r = c.sh("seq 1 5000 >&2; seq 1 10")
        check(not r.data["truncated"], "below the cap", r.data["bytes"])
        r = c.sh("seq 1 200000 >&2; echo fine")
        check(r.data["truncated"] and r.data["stdout"] == "fine\n", "stderr")


def test_yes(server):
    with server.http() as c:
        begin = time.monotonic()
        r = c.sh("yes", timeout_ms=1500)
        check(time.monotonic() - begin < 12 * server.slow, "in time")
        check(r.data["timed_out"] and r.data["truncated"], r)
        check(r.data["bytes"]["stdout"] > 1 << 20, "it was not blocked", r)
        check(r.data["stdout"].startswith("y\ny\n"), r)
        r = c.sh("yes | head -c 20000000; echo; echo end")
        check(not r.error and r.data["stdout"].endswith("end\n"), r)
        equal(r.data["bytes"]["stdout"], 20000005, "bytes")
        r = c.sh("yes >&2 & yes & sleep 0.3; kill $!; exit 4")
        equal(r.data["exit_code"], 4, "both streams")


def test_many_flips(server):
    """Thousands of changes between the streams: bounded, nothing lost."""
    with server.http() as c:
        r = c.sh("i=0; while [ $i -lt 3000 ]; do echo o; echo e >&2; "
                 "i=$((i+1)); done")
        check(not r.error, r.text[-200:])
        equal((r.data["stdout"].count("o\n"), r.data["stderr"].count("e\n")),
              (3000, 3000), "lines")


def test_background(server):
    """A run ends with its shell, and takes what it left along."""
    with server.http() as c:
        begin = time.monotonic()
        r = c.sh("sleep 1000309 & until grep -q sleep /proc/$!/comm; do :; done; "
                 "echo started")
        check(time.monotonic() - begin < 15 * server.slow, "returns at once")
        check(not r.error and r.text.startswith("started\n"), r)
        check("ended with the command: sleep" in r.text, r)
        within("the sleeper is dead", 5, lambda: not processes("1000309"))
        r = c.sh("(sleep 1000310; echo late) >&2 & exec true")
        check(not r.error, r)
        within("the sleeper is dead", 5, lambda: not processes("1000310"))


def daemon_script(server):
    path = server.work / "daemon.py"
    path.write_text(
        "import os, signal, sys, time\n"
        "if os.fork(): os._exit(0) if len(sys.argv) > 2 else time.sleep(9)\n"
        "os.setsid()\n"
        "for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):\n"
        "    signal.signal(s, signal.SIG_IGN)\n"
        "if os.fork(): os._exit(0)\n"
        "os.chdir('/')\n"
        "open(sys.argv[1], 'w').write(str(os.getpid()))\n"
        "null = os.open('/dev/null', os.O_RDWR)\n"
        "for fd in (0, 1, 2): os.dup2(null, fd)\n"
        "time.sleep(1000)\n")
    return path


def test_double_fork(server):
    """setsid, double fork, ignored signals: the daemon dies with its run."""
    script = daemon_script(server)
    with server.http() as c:
        for how, timeout in (" x", 20000), ("", 5000):
            flag = server.work / mark()
            conn = c.begin(
                f"python3 {script} {flag}{how}; while [ ! -e {flag}.go ]; do "
                "sleep 0.02; done; exit 0", timeout_ms=timeout)
            server.file(flag.name)
            check(processes(str(flag)), "the daemon was never there")
            flag.with_suffix(".go").touch()
            r = c.finish(conn)
            equal(r.data["timed_out"], not how, "timed out")
            within("the daemon is dead", 5,
                   lambda: not processes(str(flag)))
            conn.close()


def test_closed_streams(server):
    with server.http() as c:
        r = c.sh("exec >&- 2>&-; sleep 0.3; exit 5")
        equal(r.data["exit_code"], 5, "exit code of a silent one")
        r = c.sh("exec 1>&-; echo x >&2")
        equal(r.data["stderr"], "x\n", "one of them")


PROBE = r"""
import os, signal, sys
s = dict(l.rstrip("\n").split(":\t", 1) for l in open("/proc/self/status")
         if ":\t" in l)
links = {}
for n in os.listdir("/proc/self/fd"):
    try: links[n] = os.readlink("/proc/self/fd/" + n)
    except OSError: pass
import json
print(json.dumps({"status": s, "fds": {n: t for n, t in links.items()
      if not t.startswith("/proc/")}, "sid": os.getsid(0),
      "pgid": os.getpgrp(), "pid": os.getpid(), "ppid": os.getppid(),
      "umask": os.umask(0), "groups": os.getgroups(),
      "tty": os.path.exists("/dev/tty") and not os.system(
          "exec 2>/dev/null; : < /dev/tty"),
      "nofile": __import__("resource").getrlimit(7),
      "core": __import__("resource").getrlimit(4)}))
"""


def probe(c, **more):
    r = c.call("cli_command", command="python3 -", stdin=PROBE, **more)
    check(not r.error, r)
    return json.loads(r.data["stdout"])


def test_confinement(server):
    """What the command finds itself to be, by its own /proc."""
    with server.http() as c:
        p = probe(c)
        s = p["status"]
        for caps in "CapInh", "CapPrm", "CapEff", "CapAmb":
            equal(int(s[caps], 16), 0, caps)
        if ROOT:
            equal(int(s["CapBnd"], 16), 0, "CapBnd")
            nobody = __import__("pwd").getpwnam("nobody")
            equal(s["Uid"].split(), [str(nobody.pw_uid)] * 4, "Uid")
            equal(s["Gid"].split(), [str(nobody.pw_gid)] * 4, "Gid")
            check(set(p["groups"]) <= {nobody.pw_gid}, p["groups"])
        equal((s["NoNewPrivs"], s["Seccomp"]), ("1", "2"), "NNP, seccomp")
        equal(sorted(p["fds"]), ["0", "1", "2"], p["fds"])
        equal([int(s[k], 16) for k in ("SigBlk", "SigPnd", "ShdPnd")],
              [0, 0, 0], "signals blocked")
        # python itself ignores SIGPIPE and SIGXFSZ
        python = 1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1)
        equal(int(s["SigIgn"], 16) & ~python, 0, "signals ignored")
        equal(c.sh("grep SigIgn /proc/self/status").text.split()[1],
              "0" * 16, "signals ignored")
        equal((p["sid"], p["pgid"]), (p["pid"], p["pid"]), "session, group")
        equal(p["umask"], 0o077, "umask")
        equal((p["nofile"], p["core"]), ([1024, 1024], [1, 1]), "rlimits")
        check(not p["tty"], "there is a terminal")
        fds = probe(c, **{"timeout_ms": 5000})["fds"]
        check(all("pipe:" in fds[n] for n in "12"), fds)


def test_policy_limits(server):
    server.add_policy("tight", umask="0027", limits={
        "open_files": 64, "file_size_bytes": 10000, "cpu_seconds": 1})
    with server.http(token=server.add("tight", policy="tight")) as c:
        equal(c.sh("umask").text.strip(), "0027", "umask")
        equal(c.sh("ulimit -n").text.strip(), "64", "open files")
        r = c.sh("head -c 20000 /dev/zero > big")
        check(r.error and (server.work / "big").stat().st_size <= 10000, r)
        r = c.sh("while :; do :; done", timeout_ms=20000)
        check(r.error and not r.data["timed_out"], "cpu_seconds", r)


def test_seccomp_effect(server):
    """Calls that the default profile refuses do fail, and are tried."""
    with server.http() as c:
        for command in ("unshare -U true", "mount -t tmpfs x /mnt",
                        "unshare -r id"):
            r = c.sh(command)
            check(r.error, command, r)
        r = c.sh("python3 -c 'import ctypes, os; l = ctypes.CDLL(None, "
                 "use_errno=True); r = l.ptrace(16, 1, 0, 0); "
                 "print(r, ctypes.get_errno())'")
        check(r.text.startswith("-1 "), "ptrace", r)


def test_files_of_the_daemon(server):
    """A run may not read tokens, configuration's secrets or the audit."""
    if not ROOT:
        raise Skip("as an ordinary user, commands run as the daemon's user")
    with server.http() as c:
        for path in (server.audit_file, server.dir / "tokens.d",
                     server.dir / "mcp-execd.json"):
            r = c.sh(f"cat {path} {path}/*")
            check(r.error and r.data["stdout"] == "", path, r)
            check("ermission denied" in r.text or "No such" in r.text, r)
        pid = server.process.pid
        for what in ("mem", "environ", "fd/0", "maps"):
            check(c.sh(f"head -c1 /proc/{pid}/{what}").error, what)
        for p in (pid, server.frontend_pid()):
            check(c.sh(f"kill -9 {p}").error, "kill", p)
        check(not c.sh("true").error, "alive")


def test_quick_ones(server):
    with server.http() as c:
        begin = time.monotonic()
        for i in range(100):
            equal(c.call("cli_command", command=f"echo {i}").data["stdout"],
                  f"{i}\n", "answer")
        took = time.monotonic() - begin
        check(took < 40 * server.slow, "100 runs took", took)


def test_control_characters_in_records(server):
    m = mark()
    with server.http() as c:
        c.sh(f"echo {m} '\n\r\x1b[2J\u202e\u2028 \x7f'")
        intent, _ = server.run_records(m)
        raw = [line for line in server.audit_file.read_bytes().split(b"\n")
               if m.encode() in line and b"run-intent" in line]
        equal(len(raw), 1, "one line")
        for byte in (b"\r", b"\x1b", b"\x7f"):
            check(byte not in raw[0], "raw control character", byte)
        check("\x1b[2J" in intent["process.command_line"], intent)
