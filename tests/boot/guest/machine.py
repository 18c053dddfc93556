# SPDX-License-Identifier: MIT
"""What the steps in the booted machine share."""
import collections
import contextlib
import ctypes
import json
import os
import pathlib
import re
import subprocess
import threading
import time

import client
import modern

HERE = pathlib.Path(__file__).resolve().parent
Failed, Skip = client.Failed, client.Skip
check, equal = client.check, client.equal

SLOW = 8                # an emulated processor, which others share
UNIT = "mcp-execd.service"
ETC = pathlib.Path("/etc/mcp-execd")
AUDIT = pathlib.Path("/var/log/mcp-execd/audit.jsonl")
GROUP = pathlib.Path("/sys/fs/cgroup/system.slice") / UNIT
LANDLOCK_CREATE_RULESET = 444
TOKEN = re.compile(r"mxt_[A-Za-z0-9_-]{43}")

client.SLOW = SLOW
Step = collections.namedtuple("Step", "name run long always")
STEPS = []


def step(name, long=False, always=False):
    """always: what later steps need, whatever -k says."""
    def add(f):
        STEPS.append(Step(name, f, long, always))
        return f
    return add


def kernel():
    return os.uname().release


def landlock_abi():
    """As the kernel tells it, without our programs."""
    n = ctypes.CDLL(None).syscall(LANDLOCK_CREATE_RULESET, None, 0, 1)
    return max(n, 0)


def note(*words):
    """On the console, for a look at what a machine did that hangs."""
    with open("/dev/console", "w") as console:
        print(f"{time.monotonic():.1f}", *words, file=console)


def sh(*argv, ok=True, seconds=60, text=None):
    """Output of a program, both streams; it must succeed, unless not ok."""
    note(*argv[:8])
    run = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, errors="replace",
                         timeout=seconds * SLOW, check=False,
                         input=text if text is not None else "")
    check(not ok or run.returncode == 0, " ".join(str(a) for a in argv),
          f"status {run.returncode}:", run.stdout[-1000:])
    return run.stdout


def status(*argv, seconds=60):
    return subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, check=False,
                          stderr=subprocess.DEVNULL,
                          timeout=seconds * SLOW).returncode


def apt(verb, *packages):
    """apt-get, which keeps configuration that was changed."""
    if verb == "install":
        sh("apt-get", "update")
    return sh("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", verb, "-q",
              "-y", "-o", "Dpkg::Options::=--force-confold", *packages,
              seconds=120)


def version_of(deb):
    return sh("dpkg-deb", "-f", HERE / deb, "Version").partition("-")[0]


def version():
    """Of the executor that runs, in its own words."""
    return audit("start")[-1]["service.version"]


def show(key, unit=UNIT):
    return sh("systemctl", "show", "-P", key, unit).strip()


def exposure(unit, most):
    """systemd's own opinion of a unit; no worse than this."""
    out = sh("systemd-analyze", "security", "--no-pager", unit)
    value = float(re.search(r"Overall exposure level.*?: ([0-9.]+)", out)[1])
    check(value <= most, value, [
        line for line in out.splitlines() if "✗" in line])
    return str(value)


def journal(lines=30):
    with contextlib.suppress(Exception):
        return sh("journalctl", "-n", lines, "-o", "short-monotonic",
                  "--no-pager", "-u", "mcp-execd*",
                  ok=False).splitlines()
    return []


# --- the service --------------------------------------------------------------

class Service:
    """The installed one, as client.Modern sees a server."""
    address = ("127.0.0.1", 8001)
    token = None            # the first one


service = Service()


def healthy():
    with contextlib.suppress(OSError, Failed):
        with client.Connection(service) as c:
            return c.request("GET", "/healthz").status == 200
    return False


def up(seconds=10):
    client.within("the service answers", seconds, healthy)


def restart():
    status("systemctl", "reset-failed", UNIT)
    sh("systemctl", "restart", UNIT)
    up(20)


def audit(*actions):
    lines = AUDIT.read_bytes().split(b"\n")
    records = [client.strict_json(line) for line in lines[:-1]]
    return [r for r in records if not actions or r["event.action"] in actions]


def record(action, run):
    """That record of a run, as soon as it is there."""
    return client.within(f"{action} of {run}", 5, lambda: [
        r for r in audit(action) if r.get("run.id") == run])[-1]


def write_policy(name, **keys):
    path = ETC / "policies.d" / f"{name}.json"
    path.write_text(json.dumps(keys, indent=1) + "\n")
    path.chmod(0o600)
    return path


def reload():
    """systemctl reload; the record of it."""
    before = len(audit("reload"))
    sh("systemctl", "reload", UNIT)
    client.within("a reload record", 10,
                  lambda: len(audit("reload")) > before)
    return audit("reload")[-1]


def reload_ends(outcome, what):
    """A reload with this outcome; if another, its record says why."""
    said = reload()
    client.equal(said["event.outcome"], outcome, f"{what}: {said}")


def add_token(name, policy, *more):
    """A token by mcp-execctl, in force when this returns."""
    out = sh("mcp-execctl", "token", "add", name, "--policy", policy,
             "--structured", *more)
    token = TOKEN.search(out)
    check(token, "mcp-execctl printed no token:", out)
    client.within(f"token {name} in force", 10,
                  lambda: status_with(token.group()) != 401)
    return token.group()


def status_with(token):
    """HTTP status of a harmless request with that token."""
    with client.Connection(service) as c:
        headers = client.bearer(token) if token else {}
        return c.request("GET", "/mcp", headers).status


def as_client(token):
    return modern.Modern(service, token)


def call(token, command, **arguments):
    with as_client(token) as c:
        return c.call("exec_cmd", command=command, **arguments)


@contextlib.contextmanager
def running(token, command, **arguments):
    """A command that runs meanwhile; ended by closing its connection."""
    with as_client(token) as c:
        conn = c.begin(command, arguments=arguments)
        try:
            yield conn
        finally:
            conn.close()


def posture(result):
    return record("run-intent", result.data["run_id"])["posture"]


def result_record(result):
    return record("run-result", result.data["run_id"])


def groups_of_runs():
    """Control groups of runs that are there now."""
    with contextlib.suppress(OSError):
        return sorted(p.name for p in (GROUP / "runs").iterdir()
                      if p.is_dir())
    return []


def seconds_of(function):
    begin = time.monotonic()
    function()
    return time.monotonic() - begin


class Loop(threading.Thread):
    """A client that asks again and again, on a new connection each time."""

    def __init__(self, token, server=service):
        super().__init__(daemon=True)
        self.server = server
        self.token, self.over = token, threading.Event()
        self.good, self.bad, self.slowest = 0, [], 0.0

    def run(self):
        while not self.over.is_set():
            begin = time.monotonic()
            try:
                with modern.Modern(self.server, self.token) as c:
                    equal(c.call("exec_cmd", command="echo here").data[
                        "stdout"], "here\n", "answer")
                self.good += 1
            except ConnectionRefusedError as e:
                self.bad.append(f"refused: {e} at {begin:.1f} s")
            except Exception as e:  # a thread that dies would say nothing
                self.bad.append(f"{type(e).__name__}: {e}")
            self.slowest = max(self.slowest, time.monotonic() - begin)
            self.over.wait(0.1)
