# SPDX-License-Identifier: MIT
"""Jobs with a terminal: programs that ask, draw and are typed into."""
import json
import os
import pathlib
import re
import shutil

from client import Server, Skip, check, equal, mark, within
from test_jobs import (ID, body, ended, first, output, start,
                       take_jobs_away)
from test_refusals import restarted

JOBS = {"at_once": 8, "max_seconds": 60, "keep_seconds": 600, "keep": 16,
        "wait_ms": 4000, "output_bytes": 1 << 20}
SERVER = {"policy": {"structured": False, "text": "clean", "jobs": JOBS}}
DENIED = "may not have a terminal"
UNIT = (pathlib.Path(__file__).resolve().parents[2]
        / "packaging/systemd/mcp-execd.service")


def pty(c, command, **more):
    return start(c, command, pty=True, **more)


def type_in(c, job, **what):
    r = c.call("job_input", job=job, **what)
    check(not r.error, r)
    return r.text


def text(c, job):
    return body(output(c, job)).replace("\r", "")


def shows(c, job, what, seconds=20):
    """Its output, once that is in it."""
    return within(what, seconds, lambda: (lambda t: t if what in t else None)(
        text(c, job)))


def end(c, job, how="exited with status 0"):
    said = ended(c, job)
    check(how in first(said), said)
    return body(said).replace("\r", "")


def inputs(server, job):
    return [r for r in server.audit("job-input") if r["run.id"] == job]


def test_it_is_a_terminal(server):
    with server.http() as c:
        job = pty(c, "tty; stty size; echo $TERM; test -t 0 -a -t 1 -a -t 2 "
                  "&& echo all; ps -o tty= -p $$; stty -a | grep -o ' iutf8'; "
                  "exec </dev/tty && echo controlling; exit 3")
        said = end(c, job, "exited with status 3")
        check(re.match(r"/dev/pts/\d+\n24 80\nxterm-256color\nall\n", said),
              said)
        check(" iutf8\n" in said and said.endswith("controlling\n"), said)
        m = mark()
        job = pty(c, f"stty size; : {m}", columns=132, rows=43)
        equal(end(c, job), "43 132\n", "its size")
        plain = c.call("job_start", command="tty; echo $TERM; : </dev/tty")
        said = ended(c, ID.search(plain.text).group())
        check("not a tty\ndumb\n" in said and "status 0" not in first(said),
              "without it there is none", said)
        intent = server.run_records(m)[0]
        equal((intent["process.tty.columns"], intent["process.tty.rows"]),
              (132, 43), "recorded")


def test_bad_arguments(server):
    with server.http() as c:
        for more in ({"columns": 100}, {"pty": True, "columns": 19},
                     {"pty": True, "rows": 4}, {"pty": True, "columns": 501},
                     {"pty": True, "rows": 201}, {"pty": True, "rows": 65536},
                     {"pty": "yes"}, {"pty": True, "stdin": "x"}):
            r = c.call("job_start", command="true", **more)
            check(r.error and len(r.text) > 10, more, r)
        job = pty(c, "cat")
        for more in ({"keys": "Nope"}, {"keys": "C-"}, {"keys": "F13"},
                     {"columns": 10}, {"keys": "x" * 5000}, {"keys": "C-é"},
                     {"keys": "M-M-x"}, {"keys": "ab"}):
            r = c.call("job_input", job=job, **more)
            check(r.error and len(r.text) > 10, more, r)
        type_in(c, job, eof=True)
        equal(end(c, job), "", "nothing of it was typed")
        r = c.call("job_start", command="cat", input=True)
        job = ID.search(r.text).group()
        r = c.call("job_input", job=job, keys="Enter")
        check(r.error and '"pty": true' in r.text, r)
        c.call("job_stop", job=job, signal="KILL")


def test_policy_forbids(server):
    server.add_policy("noterm", jobs=dict(JOBS, pty=False))
    server.reload()
    with server.http(token=server.add("noterm", policy="noterm")) as c:
        r = c.call("job_start", command="true", pty=True)
        check(r.error and DENIED in r.text and "jobs.pty" in r.text, r)
        r = c.call("job_start", command="true")
        check(not r.error, "others go on", r)


def test_refused_leaves_no_terminal(server):
    """What was asked for is of that call alone: the next one, another's, of a
    policy without terminals, has none."""
    server.add_policy("noterm", jobs=dict(JOBS, pty=False))
    other = server.add("next", policy="noterm")
    look = "tty; test -t 0 || test -t 1 || test -t 2 || echo none"
    with server.http() as c, server.http(token=other) as d:
        job = pty(c, look, idempotency_key="again")
        check("none" not in ended(c, job), "control")
        for more in {"name": "x" * 100}, {"idempotency_key": "again"}:
            r = c.call("job_start", command=look, pty=True, **more)
            check(r.error == ("name" in more), r)
            check("none\n" in d.sh(look).text, more, "another's call")
            c.call("job_start", command=look, pty=True, **more)
            check("none\n" in ended(d, start(d, look)), more, "its job")
            c.call("job_start", command=look, pty=True, **more)
            equal(d.sh("cat", stdin="typed").text, "typed", more)


def test_line_editing_and_eof(server):
    with server.http() as c:
        job = pty(c, "cat; echo status $?")
        type_in(c, job, data="grüße 日本x", keys="Backspace Enter")
        shows(c, job, "grüße 日本\ngrüße 日本\n")
        type_in(c, job, data="end", eof=True)
        check(end(c, job).endswith("endendstatus 0\n"), "eof")


def test_interrupt(server):
    with server.http() as c:
        job = pty(c, "exec awk 'BEGIN { print \"ready\"; fflush(); "
                  "while (1) ; }'")
        shows(c, job, "ready")
        type_in(c, job, keys="C-c")
        end(c, job, "killed by signal 2")
        # sh may miss a signal while it starts a program
        job = pty(c, "trap 'echo got; exit 7' INT; echo ready; "
                  "while :; do :; done")
        shows(c, job, "ready")
        type_in(c, job, keys="C-c")
        check("got\n" in end(c, job, "status 7"), "a handler runs")


def test_resize(server):
    with server.http() as c:
        job = pty(c, "trap 'stty size' WINCH; stty size; "
                  "while :; do :; done")
        shows(c, job, "24 80\n")
        check("has the new size; read" in
              type_in(c, job, columns=100, rows=30), "what is told")
        shows(c, job, "30 100\n")
        type_in(c, job, rows=31)
        shows(c, job, "31 100\n")
        within("rows", 5, lambda: [
            (r["process.tty.columns"], r["process.tty.rows"])
            for r in inputs(server, job)] == [(100, 30), (100, 31)])
        c.call("job_stop", job=job, signal="KILL")


READ_RAW = ("stty raw -echo; {}printf ready; dd bs=1 count={} 2>/dev/null | "
            "od -An -tx1; stty sane")


def test_keys(server):
    plain = {"Up": "1b 5b 41", "F1 F12": "1b 4f 50 1b 5b 32 34 7e",
             "C-a C-z M-x é": "01 1a 1b 78 c3 a9", "Home": "1b 5b 48"}
    with server.http() as c:
        for mode, keys in ("", plain), ("printf '\\033[?7;1;25h'; ",
                                        {"Up End": "1b 4f 41 1b 4f 46"}), \
                ("printf '\\033[?1h\\033[?1l'; ", {"Left": "1b 5b 44"}), \
                ("printf '\\033[?1h\\033c'; ", {"Down": "1b 5b 42"}):
            for names, sent in keys.items():
                job = pty(c, READ_RAW.format(mode, len(sent.split())))
                shows(c, job, "ready")
                type_in(c, job, keys=names)
                check(sent in end(c, job), mode, names, sent)


def test_password_is_nowhere(server):
    secret, shown = "pw" + mark(), "name" + mark()
    with server.http() as c:
        job = pty(c, "printf 'name: '; read n; stty -echo; printf 'pass: '; "
                  "read p; stty echo; echo; echo ${#p} ${#n}")
        shows(c, job, "name: ")
        type_in(c, job, data=shown + "\n")
        shows(c, job, "pass: ")
        type_in(c, job, data=secret, keys="Enter")
        said = end(c, job)
        check(said.endswith(f"{len(secret)} {len(shown)}\n"), said)
        check(shown in said and secret not in said, said)
    one, two = within("both on record", 5, lambda: (
        found := inputs(server, job))[1:] and found)
    equal(one["stdin.bytes"], len(shown) + 1, "what is shown is measured")
    equal(two.get("stdin.withheld"), True, "withheld")
    check(not [k for k in two if k.startswith("stdin.") and
               k != "stdin.withheld"], two)
    log = json.dumps(server.audit())
    check(secret not in log, "the log")


def test_recording_has_what_was_seen(server):
    server.add_policy("rec", jobs=JOBS, audit={"output": "all"})
    server.reload()
    secret, shown = "pw" + mark(), "name" + mark()
    with server.http(token=server.add("rec", policy="rec")) as c:
        job = pty(c, "printf 'name: '; read n; stty -echo; printf 'pass: '; "
                  "read p; stty echo; echo; echo bye", columns=100, rows=30)
        shows(c, job, "name: ")
        type_in(c, job, data=shown, keys="Enter")
        shows(c, job, "pass: ")
        type_in(c, job, data=secret, keys="Enter")
        end(c, job)
    within("its record", 5, lambda: [
        r for r in server.audit("run-result") if r["run.id"] == job])
    text = (server.dir / f"recordings/{job}.cast").read_text()
    head, *events = [json.loads(line) for line in text.splitlines()]
    equal((head["width"], head["height"], head["env"]["TERM"]),
          (100, 30, "xterm-256color"), "head")
    equal([e[2] for e in events if e[1] == "i"], [shown + "\r"], "input")
    equal([e[2] for e in events if e[1] == "x"][:1], ["withheld"], "mark")
    check(secret not in text and secret not in server.log(), "the secret")
    check("bye" in server.ctl("audit", "replay", job), "replay")


def test_stop_and_time_out(server):
    deaf = ("trap '' INT TERM HUP; printf '\\033[?1049hready'; "
            "while :; do sleep 0.05; done")
    with server.http() as c:
        job = pty(c, deaf)
        shows(c, job, "ready")
        r = c.call("job_stop", job=job, signal="KILL")
        check("cancelled" in r.text, r)
        job = pty(c, deaf, timeout_ms=300)
        end(c, job, "timed_out")
        job = pty(c, "sleep 60 </dev/null >/dev/null 2>&1 & "
                  "exec </dev/null >/dev/null 2>&1; sleep 0.3; exit 4")
        end(c, job, "status 4")


def test_all_output_arrives(server):
    with server.http() as c:
        job = pty(c, "stty -onlcr; i=0; while [ $i -lt 40 ]; do "
                  "i=$((i+1)); printf '%5000s\\n' $i; done")
        said = ended(c, job)
        check(f"{40 * 5001} bytes of output in all" in said, first(said))
        check("exited with status 0" in first(said), first(said))


def test_terminals_are_the_runs_own(server):
    with server.http() as c:
        a, b = pty(c, "tty; cat"), pty(c, "tty; cat")
        equal([shows(c, j, "/dev/pts/")[:10] for j in (a, b)],
              ["/dev/pts/0"] * 2, "each has the first of its own")
        for j in a, b:
            c.call("job_stop", job=j, signal="KILL")


PUSH = ("python3 -c 'import fcntl, termios; print(\"begin\"); "
        "fcntl.ioctl(0, termios.TIOCSTI, b\"x\"); print(\"push\" + \"ed\")'")


def test_nothing_is_typed_by_the_run(server):
    with server.http() as c:
        said = end(c, pty(c, PUSH), "status 1")
        check("begin" in said and "Error" in said and "pushed" not in said,
              said)
        # what asks the terminal is not answered: nothing comes in
        job = pty(c, "stty raw -echo; printf '\\033[6n\\033[c\\033[>c"
                  "\\033]11;?\\a\\005ready'; dd bs=1 count=1 2>/dev/null | "
                  "od -An -tx1; stty sane")
        shows(c, job, "ready")
        type_in(c, job, data="z")
        check(" 7a\n" in end(c, job), "what was typed is the first")


SCREEN = re.compile(r"screen of (\d+) columns and (\d+) rows after byte \d+, the "
                    r"cursor in row (\d+), column (\d+)( \(not shown\))?; ")


def screen(c, job, **more):
    """Its rows, and the cursor's row and column."""
    said = output(c, job, screen=True, **more)
    m = SCREEN.search(said)
    check(m, said)
    return body(said).split("\n"), (int(m[3]), int(m[4]))


def draws(c, job, what, seconds=20):
    """The screen's rows, once one begins so."""
    return within(what, seconds, lambda: (lambda rows: rows if any(
        r.startswith(what) for r in rows) else None)(screen(c, job)[0]))


def test_screen_is_as_a_person_sees_it(server):
    with server.http() as c:
        job = pty(c, "printf 'one\\r\\n\\033[31mtwo\\033[0m\\033[5;10Hfive"
                  "\\033[2;2HW\\033[7;1H日本é\\r\\ngone\\033[2K\\033[6;3H'; "
                  "cat")
        rows = draws(c, job, "日本é")
        equal(rows, ["one", "tWo", "", "", " " * 9 + "five", "", "日本é", ""],
              "rows")
        equal(screen(c, job)[1], (6, 3), "cursor")
        # the whole screen, and what was there before
        job = pty(c, "echo before; printf '\\033[?1049h\\033[H\\033[?25lfull'"
                  "; read x; printf '\\033[?1049l\\033[?25hafter'; read x")
        equal(draws(c, job, "full"), ["full", ""], "all of it is taken")
        check("(not shown)" in output(c, job, screen=True), "cursor")
        type_in(c, job, keys="Enter")
        rows = draws(c, job, "after")
        equal(rows[0], "before", "it comes back")
        for more in {"view": "tail"}, {"screen": "yes"}:
            r = c.call("job_output", **{"job": job, "screen": True, **more})
            check(r.error, more, r)
        type_in(c, job, keys="Enter")
        ended(c, job)
        equal(draws(c, job, "after")[0], "before", "after its end too")
        plain = ID.search(c.call("job_start", command="echo x").text).group()
        r = c.call("job_output", job=plain, screen=True)
        check(r.error and "no terminal" in r.text, r)


def test_screen_of_another_size(server):
    with server.http() as c:
        job = pty(c, "trap 'tput cup 28 90 2>/dev/null || "
                  "printf \"\\033[29;91H\"; printf corner' WINCH; "
                  "echo ready; while :; do :; done", columns=20, rows=5)
        draws(c, job, "ready")
        type_in(c, job, columns=100, rows=30)
        rows = within("drawn", 20, lambda: (lambda r: r if len(r) > 28 else
                                            None)(screen(c, job)[0]))
        equal(rows[28], " " * 90 + "corner", "the new size")
        c.call("job_stop", job=job, signal="KILL")


def test_screen_waits(server):
    with server.http() as c:
        job = pty(c, "echo first; read x; sleep 0.2; printf '\\033[H\\033[J'; "
                  "echo second; cat")
        draws(c, job, "first")
        said = type_in(c, job, keys="Enter")
        cursor = int(re.search(r'"cursor": (\d+)', said)[1])
        at = cursor + 2                 # what is echoed
        rows = screen(c, job, cursor=at, wait_ms=4000)[0]
        equal(rows, ["second", ""], "what belongs together")


HOSTILE = [
    b"\x1b[999999999999;999999999999H\x1b[2147483647;2147483647rx",
    b"\x1b]0;" + b"t" * 100000 + b"\x07", b"\x1bP" + b"q" * 100000,
    b"\x1b[" + b"1;" * 50000 + b"m", b"\x1b[999999999L\x1b[999999999P",
    b"e" + "\u0301".encode() * 5000, b"\xff\xfe\xc0\x80\xed\xa0\x80",
    b"\x1b#8" + b"\x1b[?3h\x1b[?5h\x1b[8;9999;9999t", b"\x1b[?1049h" * 5000,
    "\u202e\u200b\u0085\u009b31m".encode(), b"\x1b[4294967295b" * 50,
    bytes(range(256)) * 200, b"\x1b[20;1H\x1b[5;3r\x1b[99999S\x1b[99999T",
]


def test_screen_of_hostile_output(server):
    (server.work / "hostile").mkdir()
    for i, data in enumerate(HOSTILE):
        (server.work / "hostile" / str(i)).write_bytes(data)
    with server.http() as c:
        for i, _ in enumerate(HOSTILE):
            job = pty(c, f"stty raw -echo; cat hostile/{i}; printf "
                      "'\\033c\\033[1;24r\\033[0m\\033[H\\033[JEND'")
            ended(c, job)
            rows, at = screen(c, job)
            check(len(rows) <= 25 and all(len(r) <= 80 for r in rows), i,
                  rows)
            check(at[0] <= 24 and at[1] <= 80, i, at)
        check("\x1b" not in output(c, job, screen=True), "no escape")


def test_programs(server):
    (server.work / "lines").write_text("".join(f"line {i}\n"
                                               for i in range(1, 201)))
    with server.http() as c:
        job = pty(c, "less lines")
        equal(draws(c, job, "line 23")[0], "line 1", "less")
        type_in(c, job, keys="Space Down")
        equal(draws(c, job, "line 47")[0], "line 25", "less, further")
        type_in(c, job, data="/line 150", keys="Enter")
        equal(draws(c, job, "line 150")[0], "line 150", "less, found")
        type_in(c, job, keys="q")
        end(c, job)
        job = pty(c, "exec python3 -q -c 'import code; code.interact(banner=\"\")'")
        draws(c, job, ">>>")
        type_in(c, job, data="6 * 7", keys="Enter")
        draws(c, job, "42")
        type_in(c, job, eof=True)
        end(c, job)


FULL = """
import curses
def main(w):
    while True:
        h, x = w.getmaxyx()
        w.erase()
        w.box()
        w.addstr(1, 2, f"size {x}x{h}")
        w.refresh()
        k = w.getch()
        if k == ord("q"):
            break
curses.wrapper(main)
"""


def box(columns, rows):
    line = "\u2500" * (columns - 2)
    said = f" size {columns}x{rows}"
    return ["\u250c" + line + "\u2510"] + [
        "\u2502" + (said if y == 1 else "").ljust(columns - 2) + "\u2502"
        for y in range(1, rows - 1)] + ["\u2514" + line + "\u2518", ""]


def test_full_screen_of_other_sizes(server):
    """Lines to the last column: repeated characters (REP), and a resize."""
    (server.work / "full.py").write_text(FULL)
    with server.http() as c:
        for locale in "C", "C.UTF-8":
            job = pty(c, f"echo before; LC_ALL={locale} python3 full.py",
                      columns=40, rows=8)
            within(f"{locale}: a box", 20,
                   lambda: screen(c, job)[0] == box(40, 8))
            type_in(c, job, columns=50, rows=6)
            within(f"{locale}: the new one", 20,
                   lambda: screen(c, job)[0] == box(50, 6))
            type_in(c, job, keys="q")
            end(c, job)
            equal(screen(c, job)[0][0], "before", "what was there")


def test_repeated_characters(server):
    drawn = {"\\033(0lq\\033[17bk\\r\\nx\\033[2bx\\033(B":
             ["\u250c" + "\u2500" * 18 + "\u2510", "\u2502" * 4],
             "a\\033[5;1bb\\033[?5bc\\033[bd": ["aaaaaabccd"],
             "\\033[9bx\\r\\n\\033[9by\\033[m\\033[9bz": ["x", "yz"],
             "é\\033[3b日\\033[2b": ["éééé日日日"],
             "x\\033[9999by\\033[99999bz": ["x" * 20, "y" * 20, "z"],
             "ab\\033[3 bc\\033[00003 bd": ["abccccd"]}
    with server.http() as c:
        for text, rows in drawn.items():
            job = pty(c, f"printf '{text}'", columns=20, rows=5)
            ended(c, job)
            equal(screen(c, job)[0][:-1], rows, text)


def test_editor(server):
    if not shutil.which("vi"):
        raise Skip("there is no vi")
    with server.http() as c:
        job = pty(c, "exec vi new.txt")
        draws(c, job, "~")
        type_in(c, job, keys="i")
        type_in(c, job, data="hello 世界\nsecond", keys="Escape")
        draws(c, job, "second")
        type_in(c, job, columns=60, rows=16)
        type_in(c, job, data=":wq", keys="Return")
        end(c, job)
    equal((server.work / "new.txt").read_text(), "hello 世界\nsecond\n",
          "what was written")


def test_with_the_power_of_the_unit(_):
    """The service of the package has what its unit says, and no CAP_CHOWN."""
    if os.geteuid():
        raise Skip("only root can take from the bounding set")
    caps = [name.removeprefix("CAP_").lower() for line in UNIT.read_text(
        ).splitlines() if line.startswith("CapabilityBoundingSet=")
        for name in line.partition("=")[2].split()]
    check("sys_admin" in caps and "chown" not in caps, caps)
    with Server(**SERVER) as server:
        restarted(server, "setpriv", "--bounding-set", ",".join(
            ["-all", *(f"+{c}" for c in caps)]))
        with server.http() as c:
            said = ended(c, pty(c, "stat -c '%u %a' $(tty); id -u; (exec "
                                "3>/dev/tty && echo on >&3)")).replace("\r", "")
            own, run = body(said).split("\n")[:2]
            equal(own, f"{run} 600", said)
            check("on\n" in said, said)


def test_taken_away_from_all(server):
    """Without jobs no output is kept, nor is a file of it."""
    with server.http() as c:
        take_jobs_away(server)
        within("its tools are gone", 5, lambda: len(c.tools()) == 2)
