# SPDX-License-Identifier: MIT
"""Jobs that outlive the executor, where something or somebody is against it."""
import contextlib
import hashlib
import os
import shutil
import signal
import socket
import struct
import sys

from client import ROOT, Server, Skip, check, equal, processes, within
from test_control import LOOSE
from test_hand_over import groups, members
from test_jobs import ended, first, output, start
from test_process import take_sockets
from test_survive import (POLICY, crash, gone, held, of, read_all, result_of,
                          server_of)

# struct launchmsg_order: LAUNCHMSG_RELEASE of a run that there is not
RELEASE = (11).to_bytes(8, sys.byteorder) + bytes([255] * 8) + bytes(400)


def test_output_fills_meanwhile():
    """It waits in its write, and not a byte is lost."""
    size = 3 << 20
    with server_of(jobs={"output_bytes": 4 << 20}) as server:
        go = server.work / "go"
        with server.http() as c:
            job = start(c, f"until [ -e {go} ]; do sleep 0.02; done; "
                           f"yes 1000781 | head -c {size}; exit 5")
            within("it runs", 5, lambda: processes("1000781"))
        server.kill()
        go.touch()
        within("it writes", 10, lambda: processes("yes\0001000781"))
        server.start()
        with server.http() as c:
            check("exited with status 5" in ended(c, job), "its end")
            kept = read_all(c, job, size)
        whole = b"1000781\n" * (size // 8)
        equal(kept, whole, "kept")
        equal(result_of(server, job)["stdout.sha256"],
              hashlib.sha256(whole).hexdigest(), "digest")


PACKETS = """
import os
r, w = os.pipe2(os.O_DIRECT)
for i in range(5):
    os.write(w, b"packet %d of the one\\n" % i)
os.splice(r, 1, 65536)
"""


def test_packets_of_another_job():
    """What one writes as packets, pipe(2), is its own output, all of it, and
    none of another token's."""
    want = b"".join(b"packet %d of the one\n" % i for i in range(5))
    with server_of() as server, server.http() as a:
        b = server.http(token=server.add("other"))
        (server.work / "packets.py").write_text(PACKETS)
        job = start(a, f"exec python3 {server.work}/packets.py")
        text = ended(a, job)
        check("status 0" in text, text)
        for _ in range(2):
            check(ended(b, start(b, "echo the other")).endswith(
                "\n\nthe other\n"), "the other's own")
        check(ended(a, job).encode().endswith(b"\n\n" + want), "all of it")
        equal(result_of(server, job)["stdout.sha256"],
              hashlib.sha256(want).hexdigest(), "digest")
        b.close()


def test_launcher_was_killed():
    """Nobody holds its jobs then: they end with the executor, on record; those
    of the next launcher go on."""
    with server_of() as server:
        old = {server.launcher_pid()}
        with server.http() as c:
            alone = start(c, "sleep 1000782")
            within("it runs", 5, lambda: processes("1000782"))
            os.kill(server.launcher_pid(), signal.SIGKILL)
            within("on record", 10, lambda: server.audit("launcher-exit"))
            job = within("a job of the next launcher", 10, lambda: start(
                c, "sleep 1000783"))
            within("it runs", 5, lambda: processes("1000783"))
            check("running" in first(output(c, alone)), "it goes on so far")
        crash(server, old)
        within("it is ended", 10, lambda: not processes("1000782"))
        equal(result_of(server, alone)["run.state"], "lost", "its state")
        check(processes("1000783"), "control")
        equal(len(of(server, "run-adopted", job)), 1, "adopted")
        server.ctl("audit", "verify")
        with server.http() as c:
            c.call("job_stop", job=job)
        within("launchers are gone", 20, lambda: gone(old))


def no_run_is_left(c, group):
    c.sh("true")        # which has one, and may be answered before it has not
    within("no group is left", 20, lambda: not list(
        (group / "runs").glob("*/")) or not c.sh("true"), step=1)


def remove_groups(group):
    for place in (group / "runs", group / "guards", group / "supervisor",
                  group):
        within(f"{place} is empty", 5, lambda p=place: not members(p))
        place.rmdir()


def test_withdrawn_in_its_group():
    """What may not go on any more is ended, and its control group removed."""
    group = groups() / f"mcp-execd-withdrawn.{os.getpid()}"
    group.mkdir()
    with server_of(config={"cgroup": str(group)}) as server:
        with server.http() as c:
            job = start(c, "sleep 1000786")
            within("it is there", 5, lambda: members(group / "runs" / job))
        server.kill()
        path = server.dir / "policies.d" / f"{server.name}.json"
        path.write_text(path.read_text().replace('"survive": true',
                                                 '"survive": false'))
        server.start()
        equal(result_of(server, job)["run.state"], "lost", "its state")
        with server.http() as c:
            no_run_is_left(c, group)
        equal(processes("1000786"), [], "processes")
    remove_groups(group)


def test_reboot():
    """Everything is gone at once, and what was in /run: closed as lost, and
    what it wrote can be read."""
    with server_of() as server:
        with server.http() as c:
            job = start(c, "echo before; sleep 1000787")
            within("its output", 5, lambda: "before" in output(c, job))
            within("it runs", 5, lambda: processes("1000787"))
        launcher = server.launcher_pid()
        server.process.send_signal(signal.SIGSTOP)
        os.kill(launcher, signal.SIGKILL)
        for pid in processes("1000787"):
            with contextlib.suppress(ProcessLookupError):   # its guard was first
                os.kill(pid, signal.SIGKILL)
        server.kill()
        within("all are gone", 10, lambda: not processes("1000787")
               and gone({launcher}))
        shutil.rmtree(held(server))
        server.start()
        equal(result_of(server, job)["run.state"], "lost", "its state")
        with server.http() as c:
            check("before" in output(c, job, cursor=0), "its output")
        server.ctl("audit", "verify")


PLANT = """
mine=$(sed -n 's/^0:://p' /proc/self/cgroup)
mine=%s$mine
mkdir $mine/inside $mine/inside/deeper $mine/../planted && echo planted
(setsid sleep 1000784 & echo $! > $mine/inside/deeper/cgroup.procs)
(setsid sleep 1000785 & echo $! > $mine/../planted/cgroup.procs)
until [ -e go ]; do sleep 0.02; done; exit 3
"""


def test_plants_control_groups():
    """A run without any layer, root's own: nothing of it stays, and the next
    executor starts next to it."""
    tree = groups()
    group = tree / f"mcp-execd-planted.{os.getpid()}"
    group.mkdir()
    server = Server(policy={**POLICY, "user": "root", "network": "host",
                            "disable": LOOSE},
                    config={"cgroup": str(group)})
    server.policy["directory"] = str(server.dir)
    server.write()
    with server:
        old = set()
        with server.http() as c:
            job = start(c, PLANT % tree)
            within("it has planted", 10, lambda: processes("1000784")
                   and processes("1000785"))
            within("it says so", 10,
                   lambda: "planted" in output(c, job, cursor=0))
        inside = group / "runs" / job / "inside/deeper"
        within("inside", 5, lambda: members(inside))
        within("next to it", 5, lambda: members(group / "runs/planted"))
        crash(server, old)
        equal(len(of(server, "run-adopted", job)), 1, "adopted")
        within("what is next to it is ended", 10, lambda: not members(
            group / "runs/planted"))
        check(members(inside), "what is inside of it goes on")
        (server.dir / "go").touch()
        with server.http() as c:
            check("exited with status 3" in ended(c, job), "its end")
            no_run_is_left(c, group)
        equal(processes("1000784"), [], "processes")
    remove_groups(group)


def peer_inode(inode):
    """The other end of a UNIX socket: sock_diag(7)."""
    ask = struct.pack("=IHHII BBHIIIII", 40, 20, 1, 1, 0,
                      socket.AF_UNIX, 0, 0, 0xffffffff, inode, 4, 0xffffffff,
                      0xffffffff)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as s:
        s.settimeout(10)
        s.send(ask)
        answer = s.recv(4096)
    if len(answer) < 16 + 16 + 8 or answer[4:6] != ask[4:6]:
        raise Skip("the kernel does not tell the other end of a socket")
    return struct.unpack_from("=I", answer, 16 + 16 + 4)[0]


def fill_pair(executor, launcher):
    """With words that tell the launcher nothing, until it takes no more."""
    inode = os.stat(f"/proc/{launcher}/fd/3").st_ino
    taken = [socket.socket(fileno=fd) for fd in take_sockets(executor)]
    other = peer_inode(inode)
    pair, = [s for s in taken if os.fstat(s.fileno()).st_ino == other]
    try:
        while True:
            pair.send(RELEASE, socket.MSG_DONTWAIT)
    except BlockingIOError:
        pass
    for s in taken:
        s.close()


def test_launcher_does_not_read():
    """The end of a job's input waits for it, and is not lost."""
    if not ROOT:
        raise Skip("sockets of the executor: only root may take them")
    with server_of() as server, server.http() as c:
        job = start(c, "cat; echo over; exit 4", input=True)
        c.call("job_input", job=job, data="one\n")
        within("one", 5, lambda: "one" in output(c, job))
        launcher = server.launcher_pid()
        os.kill(launcher, signal.SIGSTOP)
        try:
            fill_pair(server.process.pid, launcher)
            r = c.call("job_input", job=job, eof=True)
            check(not r.error, r)
            check("running" in first(output(c, job)), "the launcher's copy")
        finally:
            os.kill(launcher, signal.SIGCONT)
        check("exited with status 4" in ended(c, job), "its end")
        equal(read_all(c, job, 9), b"one\nover\n", "kept")
