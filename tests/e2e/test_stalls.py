# SPDX-License-Identifier: MIT
"""Runs that keep the kernel's lock of their output or input: the server, which
reads or writes at the other end, waits in the kernel, and no signal ends that.

splice(2) has the lock of its pipe for as long as it waits for the socket at the
other end, so that nothing here depends on disks or on a moment.  Where it has
not, the run says so, and the test is skipped."""
import json
import re
import time

from client import RESULT, SLOW, Server, Skip, check, equal, within
from test_jobs import JOBS, ended, first, output, start

# Only if nobody ended it, which is what the tests are about.
LONGEST_S = int(60 * SLOW)
HOLD = """
import fcntl, os, select, signal, socket, sys, termios, time

stream, go = int(sys.argv[1]), sys.argv[2]


def late(*_):
    open(go + ".late", "x").close()
    sys.exit()


signal.signal(signal.SIGALRM, late)
signal.alarm(LONGEST_S)
ours, other = socket.socketpair()
way = (other.fileno(), stream)
if stream == 0:
    # to a socket that is full, once there is something to be sent
    way = (0, ours.fileno())
    ours.setblocking(False)
    try:
        while True:
            ours.send(bytes(4096))
    except BlockingIOError:
        pass
    ours.setblocking(True)
    select.select([0], [], [])


def begin(what):
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LONGEST_S)
        os.write(tell, b"x")
        what()
        os._exit(0)
    os.read(told, 1)
    return pid


def state(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rpartition(")")[2].split()[0]


def until(pid, wanted):
    # false: it has ended
    while state(pid) != wanted:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        time.sleep(0.01)
    return True


held = until(begin(lambda: os.splice(*way, 4096)), "S") and until(begin(
    lambda: fcntl.ioctl(stream, termios.FIONREAD, b"1234")), "D")
open(go + (".held" if held else ".free"), "x").close()
while held and not os.path.exists(go):
    time.sleep(0.01)
if held:
    os.write(2, b"look\\n")
    signal.pause()
"""
WAIT = re.compile("held up all others on this server and was ended; "
                  "the next may begin in ([0-9]+) s")
BESIDE = "ended by the server, because two other commands of this token"
ENDED = "ended by the server, because it held up all others"


def server_of(**jobs):
    jobs = {**JOBS, "wait_ms": 20000, "max_seconds": 3600, **jobs}
    server = Server(policy={"jobs": jobs})
    (server.work / "hold.py").write_text(
        HOLD.replace("LONGEST_S", str(LONGEST_S)))
    return server


def hold(server, stream, name):
    """The command; see wait_until_held() and go()."""
    return f"exec python3 {server.work}/hold.py {stream} {server.work}/{name}"


def wait_until_held(server, name):
    def look():
        if (server.work / (name + ".free")).exists():
            raise Skip("splice of this kernel keeps no lock of a pipe")
        return (server.work / (name + ".held")).exists()
    within("it has the lock", 20, look)


def go(server, name):
    """Now there is something to be read; it was not before."""
    (server.work / name).touch()


def check_ended(server, n=1):
    """By the server, as the records of n runs say."""
    within("results", 5, lambda: sum(
        ENDED in json.dumps(r) for r in server.audit(RESULT)) == n)
    check(not list(server.work.glob("*.late")), "a run ended by itself")


def test_output():
    """Whose output cannot be read is ended; another token's call goes on, and
    so does the server."""
    with server_of() as server:
        other = server.add("other")
        with server.http() as c, server.http(token=other) as d:
            equal(c.sh("echo before").text, "before\n", "its token may")
            job = start(c, hold(server, 1, "a"))
            wait_until_held(server, "a")
            equal(d.sh("echo yet").text, "yet\n", "nobody waits yet")
            go(server, "a")
            text = ended(c, job)
            check(ENDED in text, text)
            equal(d.sh("echo a").text, "a\n", "another token")
        check_ended(server)
        check("a run holds up the executor at a pipe" in server.log(),
              server.log())


def test_input():
    """As above, where it is the input that cannot be written."""
    with server_of() as server:
        other = server.add("other")
        with server.http() as c, server.http(token=other) as d:
            job = start(c, hold(server, 0, "a"), input=True)
            r = c.call("job_input", job=job, data="first")
            check(not r.error, r)
            wait_until_held(server, "a")
            c.call("job_input", job=job, data="second")
            text = ended(c, job)
            check(ENDED in text, text)
            equal(d.sh("echo a").text, "a\n", "another token")
        check_ended(server)


def test_its_token_waits():
    """Four at once hold up the server twice: the other two are ended before.
    Then the token waits, for 20 s from the second on."""
    with server_of(at_once=4) as server:
        other = server.add("other")
        with server.http() as c, server.http(token=other) as d:
            jobs = [start(c, hold(server, 1, n)) for n in "abcd"]
            spared = start(d, "sleep 600")
            for n in "abcd":
                wait_until_held(server, n)
            equal(c.sh("echo before").text, "before\n", "its token may")
            begin = time.monotonic()
            for n in "abcd":
                go(server, n)
            texts = [ended(c, job) for job in jobs]
            equal([sum(why in t for t in texts) for why in (ENDED, BESIDE)],
                  [2, 2], texts)
            for r in (c.sh("echo a"), c.call("job_start", command="echo a")):
                said = WAIT.search(r.text)
                check(r.error and said and 1 <= int(said[1]) <= 20
                      or time.monotonic() > begin + 20, r)
            equal(d.sh("echo a").text, "a\n", "another token")
            check(" running for " in first(output(d, spared)), "its job")
        check_ended(server, 2)


def test_adopted():
    """One that has the lock when the executor is killed is the next one's."""
    with server_of(survive=True) as server:
        with server.http() as c:
            job = start(c, hold(server, 1, "a"))
            wait_until_held(server, "a")
        server.kill()
        server.start()
        go(server, "a")
        with server.http() as c:
            text = ended(c, job)
            check(ENDED in text, text)
        check_ended(server)


def test_input_held_by_the_launcher():
    """The end of a job's input, where the launcher has it too: that starts
    everybody's runs, and does not wait for the pipe of one."""
    with server_of(survive=True) as server:
        other = server.add("other")
        with server.http() as c, server.http(token=other) as d:
            job = start(c, hold(server, 0, "a"), input=True)
            r = c.call("job_input", job=job, data="first")
            check(not r.error, r)
            wait_until_held(server, "a")
            c.call("job_input", job=job, data="", eof=True)
            for _ in range(3):
                equal(d.sh("echo a").text, "a\n", "another token")
            c.call("job_stop", job=job)
            ended(c, job)
        check(not list(server.work.glob("*.late")), "it ended by itself")
