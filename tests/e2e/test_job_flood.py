# SPDX-License-Identifier: MIT
"""Much output, from one job and from twenty: memory and disk stay bounded."""
import os
import random
import re
import statistics
import threading
import time

from client import (LONG, ROOT, SLOW, Server, check, equal, fds, instance,
                    status_of)
from test_jobs import body, ended, first, output, start

LINE = 100                              # bytes of each line, with its newline
LINES = (10 << 20) // 10 if LONG else 160_000
MOST = (2200 << 20) if LONG else 24 << 20       # recordings.max_bytes
FLOODS = 20
GREW_KIB = 4096                         # that a process may, whatever the bytes
READ_MS = 50
ENOUGH = 20         # reads, for their median
JOBS = {"at_once": 32, "max_seconds": 1200, "keep_seconds": 600, "keep": 64,
        "wait_ms": 400, "output_bytes": 4 << 30}
POLICY = {"structured": False, "text": "raw", "jobs": JOBS,
          "limits": {"runs": 64, "runs_per_minute": 6000,
                     "output_bytes": 65536}}
FLOOD = f"awk 'BEGIN {{ for (i = 0; i < {LINES}; i++) printf \"%0{LINE - 1}d\\n\", i }}'"
OF_ALL = re.compile(r"(\d+) bytes of output")


def anonymous_kib(pid):
    return int(status_of(pid)["RssAnon"].split()[0])


def on_disk(server):
    """Bytes of blocks, of files without a name as well."""
    folder = server.dir / "recordings/jobs"
    named = sum(p.stat().st_blocks * 512 for p in folder.glob("*"))
    if not ROOT:
        return named
    pid = server.process.pid
    for fd, name in fds(pid).items():
        if "/recordings/jobs/" in name and "(deleted)" in name:
            with open(f"/proc/{pid}/fd/{fd}", "rb") as f:
                named += os.fstat(f.fileno()).st_blocks * 512
    return named


class Watch(threading.Thread):
    """The most that each process and the disk had, from now on."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.over = server, threading.Event()
        self.disk = 0
        self.first = {p: anonymous_kib(p) for p in
                      (server.process.pid, *server.helpers())}
        self.most = dict(self.first)

    def run(self):
        while not self.over.wait(0.1):
            try:
                self.disk = max(self.disk, on_disk(self.server))
                for p in self.first:
                    self.most[p] = max(self.most[p], anonymous_kib(p))
            except OSError:     # a file that went meanwhile
                continue

    def grew(self):
        return max(self.most[p] - self.first[p] for p in self.first)


def total_of(text):
    found = OF_ALL.search(first(text))
    return int(found[1]) if found else 0


def read_at(c, job, at, lost=False):
    """Milliseconds that it took to read there; each byte is right."""
    begin = time.monotonic()
    r = c.call("job_output", job=job, cursor=at)
    took = (time.monotonic() - begin) * 1000
    check(not r.error, r)
    found = re.search(r"bytes (\d+) to (\d+) follow", r.text)
    if lost and found[1] == found[2]:   # what came when there was no room
        return took
    at = int(found[1])
    line = at // LINE
    want = f"{line:0{LINE - 1}d}\n"[at % LINE:]
    equal(body(r.text)[:len(want)], want, f"byte {at}: {r.text[:300]}")
    return took


def ranges(c, job, total, n, **more):
    made = random.Random(n)
    return [read_at(c, job, made.randrange(total - LINE), **more)
            for _ in range(n)]


def follow(c, jobs):
    """Until all are over; times of reads meanwhile."""
    took, left = [], set(jobs)
    while left:
        for job in sorted(left):
            text = output(c, job, cursor=1 << 50)
            if " running for " not in first(text):
                left.discard(job)
            elif total_of(text) > LINE:
                took += ranges(c, job, total_of(text), 1, lost=True)
        time.sleep(0.2)
    return took


def test_floods():
    """One, then twenty at once, together far beyond what is kept."""
    with Server({"recordings": {"max_bytes": MOST}}, POLICY) as server, \
            server.http() as c:
        c.sh("true")
        watch = Watch(server)
        watch.start()
        one = start(c, FLOOD)
        took = {"one": follow(c, [one])}
        text = output(c, one, cursor=1 << 50)
        equal(total_of(text), LINES * LINE, "bytes of one")
        check("exited with status 0" in first(text), text)
        took["one, ended"] = ranges(c, one, LINES * LINE, 2 * ENOUGH)
        jobs = [start(c, FLOOD) for _ in range(FLOODS)]
        took["twenty"] = follow(c, jobs)
        for job in jobs:
            text = output(c, job, cursor=1 << 50)
            equal(total_of(text), LINES * LINE, "bytes of each")
            check("exited with status 0" in first(text), text)
        took["twenty, ended"] = ranges(c, jobs[-1], LINES * LINE,
                                       2 * ENOUGH, lost=True)
        small = start(c, f"printf '%0{LINE - 1}d\\n' 0 1")
        ended(c, small)
        control = statistics.median(ranges(c, small, 2 * LINE, ENOUGH))
        watch.over.set()
        watch.join()
        print(f"# {watch.grew()} KiB more at most, {watch.disk >> 20} of "
              f"{MOST >> 20} MiB on disk, read in " + ", ".join(
                  f"{statistics.median(t):.1f} ms (most {max(t):.0f}) of {k}"
                  for k, t in took.items() if t), flush=True)
        # a checker's allocator keeps what is freed
        check(instance.build_dir().name != "release" or
              watch.grew() < GREW_KIB * SLOW, watch.first, watch.most)
        check(MOST // 2 < watch.disk <= MOST + (1 << 20), watch.disk)
        for k, t in took.items():       # a few say nothing on a busy machine
            check(len(t) < ENOUGH or statistics.median(t)
                  < READ_MS * SLOW + 4 * control, k, t, control)
