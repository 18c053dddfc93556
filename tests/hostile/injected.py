# SPDX-License-Identifier: MIT
"""A frontend that was taken over: its system calls, with hostile arguments.

The calls are made inside the running frontend of a real instance, by ptrace:
behind the filter that is in force there, with descriptors that are there.  A
call that is refused ends the frontend, another one comes, and serves.  The
control is a process with the same descriptors and no filter, where the same
calls work.
"""
import contextlib
import errno
import os
import platform
import signal
import socket
import struct
import subprocess
import sys
import time

import instance
from client import (FRONTEND_EXIT, ROOT, SLOW, Connection, Http, Server, Skip,
                    check, equal, within)

PAIR, LISTENER, CONNECTION = 3, 4, -1       # the last one is looked up
LONG = bool(os.environ.get("MCP_HOSTILE_LONG"))

NUMBERS = {
    "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "mmap": 9,
    "mprotect": 10, "rt_sigaction": 13, "rt_sigreturn": 15, "ioctl": 16,
    "readv": 19, "writev": 20, "pipe": 22, "mremap": 25, "madvise": 28,
    "shmget": 29, "dup": 32, "dup2": 33, "getpid": 39, "sendfile": 40,
    "socket": 41, "connect": 42, "accept": 43, "sendto": 44, "recvfrom": 45,
    "sendmsg": 46, "recvmsg": 47, "shutdown": 48, "bind": 49, "listen": 50,
    "socketpair": 53, "setsockopt": 54, "getsockopt": 55, "clone": 56,
    "fork": 57, "vfork": 58, "execve": 59, "kill": 62, "uname": 63,
    "fcntl": 72, "getrusage": 98, "sysinfo": 99, "ptrace": 101, "setuid": 105,
    "sigaltstack": 131, "personality": 135, "prctl": 157, "arch_prctl": 158,
    "setrlimit": 160, "chroot": 161, "mount": 165, "tkill": 200, "futex": 202,
    "remap_file_pages": 216, "timer_create": 222, "epoll_wait": 232, "epoll_ctl": 233,
    "tgkill": 234, "add_key": 248, "keyctl": 250, "inotify_init": 253,
    "openat": 257, "newfstatat": 262, "unshare": 272, "splice": 275,
    "vmsplice": 278, "timerfd_create": 283, "accept4": 288, "signalfd4": 289,
    "eventfd2": 290, "dup3": 292, "perf_event_open": 298, "recvmmsg": 299,
    "prlimit64": 302, "sendmmsg": 307, "setns": 308, "process_vm_readv": 310,
    "process_vm_writev": 311, "seccomp": 317, "memfd_create": 319, "bpf": 321,
    "execveat": 322, "userfaultfd": 323, "pkey_mprotect": 329, "statx": 332,
    "io_uring_setup": 425, "pidfd_send_signal": 424, "pidfd_open": 434,
    "clone3": 435, "close_range": 436, "openat2": 437, "pidfd_getfd": 438,
    "landlock_restrict_self": 446, "memfd_secret": 447,
}
FASTOPEN, OOB, NOSIGNAL = 0x20000000, 1, 0x4000
TCP = 6


def blob(data):
    return "=" + data.hex()


def address(port, host="127.0.0.1"):
    return struct.pack("!HH4s8x", 0x0200, port, socket.inet_aton(host))


TO = blob(address(9))
ONE = blob(struct.pack("<i", 1))
TEXT = blob(b"GET / HTTP/1.0\r\n\r\n")
EMPTY = blob(bytes(64))                     # a struct of zeroes

# What ends the frontend.  A negative CONNECTION stands for a connection's.
KILLED = [
    # listeners outlive the process: nothing but accept4 may be done to them
    *[("shutdown", LISTENER, how) for how in (0, 1, 2)],
    ("shutdown", LISTENER | 1 << 32, 0), ("shutdown", LISTENER - 2 ** 63, 2),
    ("setsockopt", LISTENER, TCP, 1, ONE, 4),
    ("setsockopt", LISTENER | 1 << 32, TCP, 1, ONE, 4),
    ("setsockopt", LISTENER, 1, 8, ONE, 4),             # SO_RCVBUF
    ("setsockopt", LISTENER, 1, 26, EMPTY, 16),         # SO_ATTACH_FILTER
    ("setsockopt", LISTENER, 1, 44, ONE, 4),            # SO_LOCK_FILTER
    ("setsockopt", LISTENER, TCP, 9, ONE, 4),           # TCP_DEFER_ACCEPT
    ("setsockopt", LISTENER, TCP, 23, ONE, 4),          # TCP_FASTOPEN
    ("setsockopt", PAIR, 1, 7, ONE, 4),
    ("fcntl", LISTENER, 4, 0), ("fcntl", LISTENER, 4, 0o20000),     # O_ASYNC
    ("fcntl", LISTENER, 8, 1), ("fcntl", LISTENER, 10, 9),
    ("ioctl", LISTENER, 0x5421, ONE), ("ioctl", LISTENER, 0x5452, ONE),
    ("ioctl", 2, 0x5401, EMPTY), ("ioctl", 2, 0x5412, TEXT),
    ("listen", LISTENER, 0), ("accept", LISTENER, 0, 0),
    ("accept4", PAIR, 0, 0, 0), ("accept4", CONNECTION, 0, 0, 0),
    # nobody is spoken to who did not connect
    ("sendto", LISTENER, TEXT, 18, FASTOPEN, TO, 16),
    ("sendto", LISTENER, TEXT, 18, FASTOPEN, 0, 0),
    ("sendto", LISTENER, TEXT, 18, FASTOPEN | NOSIGNAL, 0, 0),
    ("sendto", LISTENER, TEXT, 18, 0, TO, 16),
    ("sendto", CONNECTION, TEXT, 18, 0, TO, 16),
    ("sendto", CONNECTION, TEXT, 18, OOB, 0, 0),
    ("sendto", PAIR, TEXT, 18, NOSIGNAL, TO, 16),
    ("sendmsg", CONNECTION, EMPTY, 0), ("sendmsg", PAIR, EMPTY, 0),
    ("sendmsg", LISTENER, EMPTY, FASTOPEN), ("sendmmsg", PAIR, EMPTY, 1, 0),
    ("connect", LISTENER, TO, 16), ("connect", CONNECTION, EMPTY, 16),
    ("bind", LISTENER, TO, 16), ("socket", 2, 1, 0), ("socket", 1, 1, 0),
    ("socketpair", 1, 1, 0, EMPTY),
    ("setsockopt", CONNECTION, TCP, 30, ONE, 4),        # FASTOPEN_CONNECT
    ("setsockopt", CONNECTION, TCP, 31, blob(b"tls\0"), 4),         # TCP_ULP
    ("setsockopt", CONNECTION, 1, 50, ONE, 4),          # SO_ATTACH_BPF
    ("setsockopt", CONNECTION, 0, 1, ONE, 4),
    # no descriptor comes, goes or is made
    ("recvmsg", PAIR, EMPTY, 0), ("recvmmsg", PAIR, EMPTY, 1, 0, 0),
    ("recvfrom", CONNECTION, EMPTY, 64, 0, EMPTY, EMPTY),
    ("getsockopt", PAIR, 1, 77, EMPTY, blob(struct.pack("<i", 4))),
    ("dup", LISTENER), ("dup2", LISTENER, 100), ("dup3", LISTENER, 100, 0),
    ("fcntl", LISTENER, 0, 50), ("fcntl", LISTENER, 1030, 50),
    ("fcntl", PAIR, 4, 0), ("fcntl", PAIR, 2, 0), ("fcntl", 2, 1031, 4096),
    ("pidfd_getfd", 0, 0, 0), ("pidfd_open", 1, 0), ("memfd_create", TEXT, 0),
    ("userfaultfd", 1), ("timerfd_create", 1, 0), ("inotify_init",),
    ("io_uring_setup", 8, EMPTY), ("bpf", 0, EMPTY, 64), ("pipe", EMPTY),
    ("signalfd4", -1, EMPTY, 8, 0), ("perf_event_open", EMPTY, 0, -1, -1, 0),
    ("splice", CONNECTION, 0, PAIR, 0, 1, 0), ("vmsplice", 2, EMPTY, 0, 0),
    ("sendfile", CONNECTION, PAIR, 0, 1), ("readv", PAIR, EMPTY, 1),
    ("close_range", 0, -1, 0), ("memfd_secret", 0),
    # memory: never executable, never a file's
    ("mmap", 0, 4096, 7, 0x22, -1, 0), ("mmap", 0, 4096, 5, 0x22, -1, 0),
    ("mmap", 0, 4096, 4, 0x22, -1, 0), ("mmap", 0, 4096, 3, 1, LISTENER, 0),
    ("mmap", 0, 4096, 1, 2, 2, 0), ("mprotect", 0, 4096, 5),
    ("mprotect", 0, 4096, 4), ("mprotect", 0, 4096, 7),
    ("pkey_mprotect", 0, 4096, 7, 0), ("mremap", 0, 4096, 4096, 3, 0),
    ("mremap", 0, 4096, 4096, 4), ("madvise", 0, 4096, 100),
    ("madvise", 0, 4096, 12), ("madvise", 0, 4096, 9),
    ("remap_file_pages", 0, 4096, 7, 0, 0), ("shmget", 0, 4096, 0o1600),
    ("personality", 0x400000), ("futex", EMPTY, 0, 1), ("futex", EMPTY, 134),
    ("futex", EMPTY, 132, 1, 1, EMPTY, 0), ("futex", EMPTY, 140, 1, 1, EMPTY),
    # no other program, process or file
    ("execve", TEXT, 0, 0), ("execveat", -100, TEXT, 0, 0, 0x1000),
    ("fork",), ("vfork",), ("clone", 17, 0), ("clone3", EMPTY, 64),
    ("clone", 0x10900, 0), ("unshare", 0x10000000), ("setns", PAIR, 0),
    ("ptrace", 0, 0, 0, 0), ("process_vm_readv", 1, EMPTY, 1, EMPTY, 1, 0),
    ("process_vm_writev", 1, EMPTY, 1, EMPTY, 1, 0), ("kill", 0, 9),
    ("kill", -1, 0), ("tkill", 1, 9), ("tgkill", 1, 1, 6),
    ("tgkill", 0, 0, 9), ("pidfd_send_signal", PAIR, 9, 0, 0),
    ("open", blob(b"/etc/passwd\0"), 0), ("openat", -100, TEXT, 0),
    ("openat2", -100, TEXT, EMPTY, 24), ("stat", blob(b"/etc/passwd\0"), EMPTY),
    ("statx", -100, blob(b"/etc/passwd\0"), 0x1000, 0x7ff, EMPTY),
    ("chroot", TEXT), ("mount", 0, 0, 0, 0, 0), ("setuid", 0),
    ("prctl", 4, 1), ("prctl", 1, 0), ("prctl", 22, 0, 0), ("prctl", 38, 0),
    ("arch_prctl", 0x1002, 0), ("seccomp", 0, 0, 0), ("seccomp", 1, 8, EMPTY),
    ("rt_sigaction", 31, EMPTY, 0, 8), ("rt_sigreturn",), ("sigaltstack", 0, 0),
    ("setrlimit", 7, EMPTY), ("prlimit64", 0, 7, EMPTY, 0),
    ("timer_create", 0, 0, EMPTY), ("add_key", 0, 0, 0, 0, -1), ("keyctl", 0),
    ("landlock_restrict_self", -1, 0), ("uname", EMPTY), ("sysinfo", EMPTY),
    ("getrusage", 0, EMPTY),
    # other ABIs of the machine
    (0x40000000 | 39,), (0x40000000 | 59, 0, 0, 0), (1000,), (-1,),
]

# What is let be: the errno, or None for any answer; nothing is left behind.
BORNE = [
    (("newfstatat", -100, blob(b"/etc/passwd\0"), EMPTY, 0x1000),
     errno.ENOENT),
    (("newfstatat", -100, blob(b"/\0"), EMPTY, 0), errno.ENOENT),
    (("sendto", LISTENER, TEXT, 18, NOSIGNAL, 0, 0), errno.EPIPE),
    (("recvfrom", LISTENER, EMPTY, 64, 0x40, 0, 0), errno.ENOTCONN),
    (("read", LISTENER, EMPTY, 64), errno.ENOTCONN),
    (("write", LISTENER, TEXT, 18), errno.EPIPE),
    (("getsockopt", LISTENER, 1, 3, EMPTY, blob(struct.pack("<i", 4))), 0),
    (("mmap", 0, 1 << 46, 3, 0x22, -1, 0), errno.ENOMEM),
    (("eventfd2", 1, 0), None),
    (("setsockopt", CONNECTION, TCP, 1, ONE, 4), 0),
    (("shutdown", CONNECTION, 2), 0),
    (("close", CONNECTION), 0),
    (("epoll_ctl", PAIR, 1, LISTENER, EMPTY), errno.EINVAL),
    (("accept4", LISTENER, 0, 0, 0), errno.EAGAIN),
]


def kit():
    if not ROOT:
        raise Skip("only root may trace the frontend")
    if platform.machine() != "x86_64":
        raise Skip("calls are injected on x86-64 only")
    path = instance.build_dir() / "hostile_inject"
    if "asan" in str(path) or os.environ.get("MCP_EXECD_WRAPPER"):
        raise Skip("this build has no filter")
    return path


def inject(pid, *calls, connection=None):
    """What each call gave: -errno or a value, or the words of its end."""
    lines = []
    for name, *args in calls:
        number = NUMBERS.get(name, name)
        args = [connection if a == CONNECTION and i == 0 and
                connection is not None else a for i, a in enumerate(args)]
        lines.append(" ".join(map(str, [number, *args])))
    out = subprocess.run([kit(), str(pid)], input="\n".join(lines) + "\n",
                         text=True, capture_output=True, timeout=20 * SLOW,
                         check=False)
    check(out.returncode == 0, out.stderr)
    return [int(line) if line.lstrip("-").isdigit() else line
            for line in out.stdout.splitlines()]


def connection_of(pid):
    """The highest descriptor that is a socket: of who connected last."""
    found = []
    for link in os.scandir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(link.path).startswith("socket:"):
                found.append(int(link.name))
    return max(found)


def flags(pid, fd):
    for line in open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii"):
        if line.startswith("flags:"):
            return int(line.split()[1], 8)
    return None


def listens(server):
    """Is the port in state LISTEN, as the kernel says?"""
    want = f"{server.address[1]:04X}"
    with open("/proc/net/tcp", encoding="ascii") as f:
        return any(row.split()[1].endswith(":" + want) and
                   row.split()[3] == "0A" for row in list(f)[1:])


def serves(server):
    within("it serves", 5, server.healthy)
    check(listens(server), "the listener is gone")


@contextlib.contextmanager
def victim():
    """A process with the frontend's descriptors, and no filter."""
    code = ("import os,select,socket\n"
            "s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen()\n"
            "a,b=socket.socketpair(); c=socket.create_connection("
            "s.getsockname()); d,_=s.accept()\n"
            "n=[os.dup(x.fileno()) for x in (a,s,d)]\n"
            "m=[os.dup2(x,30+i) for i,x in enumerate(n)]\n"
            "for i,x in enumerate(m): os.dup2(x,3+i)\n"
            "print(flush=True); p=select.epoll()\n"
            "while 1: p.poll()\n")
    child = subprocess.Popen([sys.executable, "-c", code],
                             stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        time.sleep(0.1)
        yield child.pid
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_control():
    """Without the filter these calls work: the kit does what it says."""
    kit()
    calls = [("getpid",), ("socket", 2, 1, 0), ("dup", LISTENER),
             ("setsockopt", LISTENER, 1, 8, ONE, 4),
             ("fcntl", LISTENER, 4, 0), ("fcntl", LISTENER, 0, 50),
             ("mmap", 0, 4096, 7, 0x22, -1, 0),
             ("newfstatat", -100, blob(b"/etc/passwd\0"), blob(bytes(256)),
              0x1000), ("prctl", 38, 1, 0, 0, 0),
             ("shutdown", LISTENER, 0)]
    with victim() as pid:
        got = inject(pid, *calls)
        equal(len(got), len(calls), "answers")
        equal(got[0], pid, "getpid")
        for call, value in zip(calls, got):
            check(isinstance(value, int) and value >= 0, call, value)
        # shut down, the listener is a socket that connects
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            s.settimeout(5 * SLOW)
            to = blob(address(s.getsockname()[1]))
            inject(pid, ("sendto", LISTENER, TEXT, 18, FASTOPEN, to, 16))
            conn, _ = s.accept()
            conn.close()


def test_what_is_borne():
    """Calls that stay allowed leave nothing behind."""
    with Server() as server:
        kit()
        for call, wanted in BORNE:
            with Connection(server) as conn:
                conn.send(b"GET /healthz HTTP/1.1\r\n")
                time.sleep(0.05)
                pid = server.frontend_pid()
                got = inject(pid, call, connection=connection_of(pid))[0]
                check(isinstance(got, int), call, got)
                if wanted is not None:
                    equal(max(-got, 0), wanted, str(call))
        os.kill(server.frontend_pid(), signal.SIGKILL)
        serves(server)
        with Http(server) as c:
            equal(c.sh("echo yes").text, "yes\n", "a run")


def test_journal():
    """What it writes to its stderr or stdout comes as the frontend's."""
    with Server() as server:
        kit()
        pid = server.frontend_pid()
        forged = b"<0>executor: forged\n"
        for n, fd in enumerate((1, 2)):
            text = forged * 3 + b"<6>frontend: control %d\n" % n
            equal(inject(pid, ("write", fd, blob(text), len(text))),
                  [len(text)], "written")
            within("the lines", 5, lambda n=n:
                   f"<6>frontend: control {n}\n" in server.log())
        found = [x for x in server.log().splitlines() if "forged" in x]
        equal(found, ["<3>frontend: executor: forged"] * 6, "lines")
        equal(server.frontend_pid(), pid, "the frontend")
        # its end of the pipe cannot be read; closing it harms only the frontend
        equal(inject(pid, ("read", 2, EMPTY, 64), ("close", 1),
                     ("close", 2)), [-errno.EBADF, 0, 0], "calls")
        within("it serves", 10, server.healthy)


def test_what_is_killed():
    """Each hostile call ends the frontend, and the next one serves."""
    with Server() as server:
        kit()
        before = flags(server.frontend_pid(), LISTENER)
        wrong = []
        for call in KILLED if LONG else KILLED[::4] + KILLED[1:24:4]:
            pid = within("a frontend", 10, server.frontend_pid)
            serves(server)
            pid = server.frontend_pid()
            with Connection(server) as conn:
                conn.send(b"GET /healthz HTTP/1.1\r\n")
                time.sleep(0.02)
                got = inject(pid, call, connection=connection_of(pid))
            if got != ["killed SYS"]:
                wrong.append((call, got))
        equal(wrong, [], "not killed")
        serves(server)
        equal(flags(server.frontend_pid(), LISTENER), before, "file flags")
        ends = server.audit(FRONTEND_EXIT)
        check(ends and all("SYS" in r["frontend.status"] for r in ends), ends)
        with Http(server) as c:
            equal(c.sh("echo yes").text, "yes\n", "a run")
