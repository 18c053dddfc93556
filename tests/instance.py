# SPDX-License-Identifier: MIT
"""A throwaway instance of mcp-execd, for tests/serve and for the demo.

Everything lives in one temporary directory that goes away at the end.  Needs
Python's standard library only.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import pwd
import random
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

TOP = pathlib.Path(__file__).resolve().parent.parent
FRONTEND_USER = "mcp-execd"     # where the package made it ...
FRONTEND_UID = 65533            # ... and where nobody did
START_S = 20                    # to listen; times SLOW under a wrapper
STOP_S = 20                     # SIGTERM to the end
# A directory with cert.pem and key.pem: tests/e2e/run --tls.
TLS = os.environ.get("MCP_EXECD_TLS")
SLOW = 6
MACHINE = int(os.environ.get("MCP_EXECD_SLOW", "1"))    # one that is emulated
# Layers whose system calls valgrind does not have.
UNKNOWN_TO_VALGRIND = ["mounts", "pids", "ipc", "network", "landlock"]
TOKEN = re.compile(r"mxt_[A-Za-z0-9_-]{43}")
# What a sanitizer or valgrind says when it found something.
FINDING = re.compile(r"runtime error:|ERROR: (Address|Leak)Sanitizer"
                     r"|==\d+== (Invalid |Conditional jump|Use of uninit|Mism"
                     r"atched|Syscall param|Argument |Process terminating|.* a"
                     r"re (definitely|indirectly) lost)")


class Failure(Exception):
    """The instance could not be started, or did not end well."""


def strip_comments(text):
    """JSON with // and /* */ comments, without them; strings are kept."""
    return re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/',
                  lambda m: m.group(1) or " ", text, flags=re.S)


def read_json(path):
    if path is None:
        return {}
    return json.loads(strip_comments(pathlib.Path(path).read_text()))


def read_definitions(source):
    if source is None or isinstance(source, dict):
        return dict(source or {})
    return {p.stem: read_json(p)
            for p in sorted(pathlib.Path(source).glob("*.json"))}


def any_certificate():
    """For clients of our own instances: who answers there is known."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)   # and read no others
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def build_dir():
    return (TOP / os.environ.get("MCP_EXECD_BUILD", "build/release")).resolve()


_given = set()      # ports that this process was given


def free_port():
    """Below those of connections, so that none of these takes it while an
    instance is down; another one each time."""
    end = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
              .read_text().split()[0])
    for port in random.sample(range(10240, max(end, 10340)), 100):
        with socket.socket() as s, contextlib.suppress(OSError):
            if port in _given:
                continue
            s.bind(("127.0.0.1", port))
            _given.add(port)
            return port
    raise Failure("no port of 127.0.0.1 is free")


def user_ids(user):
    """uid and gid of a name, or of a number that need not have a name."""
    try:
        entry = (pwd.getpwnam(user) if isinstance(user, str)
                 else pwd.getpwuid(user))
        return entry.pw_uid, entry.pw_gid
    except KeyError:
        if isinstance(user, str) and not user.isdigit():
            raise Failure(f"there is no user {user}") from None
        return int(user), int(user)


def name_or_number(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return uid


def die_with_parent():
    """PR_SET_PDEATHSIG: no instance outlives a killed test."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)


def parents():
    """Of each process id, by one look at the machine's."""
    found = {}
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{int(name)}/stat", "rb") as f:
                fields = f.read().rpartition(b")")[2].split()
        except (ValueError, OSError):       # gone, in whichever way
            continue
        found[int(name)] = int(fields[1])
    return found


def children(pid):
    """Process ids whose parent is pid."""
    return sorted(p for p, parent in parents().items() if parent == pid)


class Instance:
    def __init__(self, config=None, policy=None, tools=None, user=None,
                 port=None, name="test", definitions=None):
        """config, policy: dictionaries; what they leave out is filled in.

        definitions: {name: a tool's definition}, or a folder of them.
        """
        self.definitions = read_definitions(definitions)
        self.build = build_dir()
        self.wrapper = shlex.split(os.environ.get("MCP_EXECD_WRAPPER", ""))
        self.slow = MACHINE * (
            SLOW if self.wrapper or "asan" in self.build.name else 1)
        self.name = name
        self.port = port
        self.process = None
        self.environ = {}       # of the server, in addition to ours
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="mcp-execd."))
        self.dir.chmod(0o755)   # the policy's user must get to its directory
        self.config_file = self.dir / "mcp-execd.json"
        self.stderr = self.dir / "stderr"
        try:
            self.policy = self.fill_policy(dict(policy or {}), tools, user)
            self.config = self.fill_config(dict(config or {}))
            self.write()
            self.token = self.add_token()
        except BaseException:
            self.remove()
            raise

    def fill_policy(self, policy, tools, user):
        if user is not None:
            policy["user"] = int(user) if user.isdigit() else user
        elif "user" not in policy:
            policy["user"] = ("nobody" if os.geteuid() == 0
                              else name_or_number(os.geteuid()))
        if isinstance(policy["user"], int) and "group" not in policy:
            # A number need not have an account, and then has no group.
            policy["group"] = (os.getegid() if policy["user"] == os.geteuid()
                               else user_ids(policy["user"])[1])
        if any("valgrind" in word for word in self.wrapper):
            policy.setdefault("disable", UNKNOWN_TO_VALGRIND)
        if os.environ.get("MCP_EXECD_LOG_ONLY"):    # tests/e2e/run --log-only
            policy["syscalls"] = {"log_only": True,
                                  **policy.get("syscalls", {})}
        # Most tests, and scripts from outside, look at fields of results.
        policy.setdefault("structured", True)
        if tools is not None:
            policy["tools"] = tools.split(",")
        directory = pathlib.Path(policy.setdefault("directory",
                                                   str(self.dir / "work")))
        if not directory.exists():
            directory.mkdir(0o755)
            if os.geteuid() == 0:
                os.chown(directory, *user_ids(policy["user"]))
        return policy

    def fill_config(self, config):
        self.fill_listen(config)
        for key, default in (("policy_dir", "policies.d"),
                             ("token_dir", "tokens.d"),
                             ("tool_dir", "tools.d")):
            path = self.dir / config.setdefault(key, default)
            path.mkdir(0o700, exist_ok=True)
        audit = dict(config.get("audit", {}))
        if "file" not in audit:
            (self.dir / "log").mkdir(0o700)
            audit["file"] = str(self.dir / "log" / "audit.jsonl")
        config["audit"] = audit
        # Tests fail to authenticate all the time, from one address.
        config.setdefault("penalties", {"exempt": ["127.0.0.0/8", "::1"]})
        config.setdefault("recordings", {}).setdefault(
            "directory", str(self.dir / "recordings"))
        if os.environ.get("MCP_EXECD_POSTURE"):     # an older kernel
            config.setdefault("posture", os.environ["MCP_EXECD_POSTURE"])
        frontend = dict(config.get("frontend", {}))
        frontend.setdefault("path", str(self.build / "mcp-execd-frontend"))
        if os.geteuid() == 0 and "user" not in frontend:
            try:
                pwd.getpwnam(FRONTEND_USER)
                frontend["user"] = FRONTEND_USER
            except KeyError:
                frontend["user"] = FRONTEND_UID
        config["frontend"] = frontend
        return config

    def fill_listen(self, config):
        """A free port where none is wanted; the URLs follow it."""
        self.own_port = "listen" not in config
        if self.own_port:
            address = f"127.0.0.1:{self.port or free_port()}"
            config["listen"] = [("tls:" if TLS else "") + address]
        if TLS and self.own_port:
            config["tls"] = {"certificate": f"{TLS}/cert.pem",
                             "key": f"{TLS}/key.pem"}
        self.secure = config["listen"][0].startswith("tls:")
        self.base = (("https://" if self.secure else "http://")
                     + config["listen"][0].removeprefix("tls:"))

    def write(self):
        self.config_file.write_text(json.dumps(self.config, indent=2) + "\n")
        policies = self.dir / self.config["policy_dir"]
        (policies / f"{self.name}.json").write_text(
            json.dumps(self.policy, indent=2) + "\n")
        tools = self.dir / self.config["tool_dir"]
        for name, text in self.definitions.items():
            (tools / f"{name}.json").write_text(json.dumps(text, indent=2))
        for path in self.dir, policies, tools:
            for file in path.glob("*.json"):
                file.chmod(0o600)

    def ctl(self, *args):
        """Run mcp-execctl on this instance; its standard output."""
        run = subprocess.run(
            [self.build / "mcp-execctl", "-c", self.config_file, *args],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=START_S * self.slow)
        if run.returncode != 0:
            raise Failure(f"mcp-execctl {' '.join(args)} failed "
                          f"({run.returncode}):\n{run.stderr}{run.stdout}")
        return run.stdout

    def add_token(self):
        out = self.ctl("token", "add", self.name, "--policy", self.name)
        found = TOKEN.search(out)
        if found is None:
            raise Failure("mcp-execctl token add printed no token:\n" + out)
        return found.group()

    def start(self):
        for last in (False, False, True):
            try:
                self.start_once()
                return
            except Failure as e:
                # Somebody else may have taken the free port meanwhile.
                taken = self.own_port and "uses this port" in str(e)
                if last or not taken or self.port:
                    raise
                del self.config["listen"]
                self.fill_listen(self.config)
                self.write()

    def start_once(self):
        with open(self.stderr, "ab") as err:
            self.process = subprocess.Popen(
                [*self.wrapper, self.build / "mcp-execd",
                 "-c", self.config_file], env={**os.environ, **self.environ},
                stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                start_new_session=True, preexec_fn=die_with_parent)
        end = time.monotonic() + START_S * self.slow
        while time.monotonic() < end:
            status = self.process.poll()
            if status is not None:
                self.process = None
                raise Failure("mcp-execd ended at start, "
                              f"status {status}:\n{self.log()}")
            if self.healthy():
                return
            time.sleep(0.02)
        self.kill()
        self.process = None
        raise Failure(f"mcp-execd did not listen on {self.base}:\n{self.log()}")

    def healthy(self):
        try:
            with urllib.request.urlopen(self.base + "/healthz", timeout=5,
                                        context=any_certificate()) as r:
                return r.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def frontend_pid(self):
        """The frontend: the executor's child with that on its command line."""
        pids = children(self.process.pid)
        for pid in pids:
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if b"frontend" in words:
                return pid
        return None

    def child_named(self, start):
        for pid in children(self.process.pid):
            try:
                name = pathlib.Path(f"/proc/{pid}/comm").read_text()
            except OSError:
                continue
            if name.startswith(start):
                return pid
        return None

    def launcher_pid(self):
        """The launcher, by its name: its guards have the same command line."""
        return self.child_named("mcp-execd-launc")

    def keeper_pid(self):
        """The keeper, which is of the launcher's program."""
        return self.child_named("mcp-execd-keep")

    def helpers(self):
        """Processes of the instance besides the executor: no runs."""
        return self.frontend_pid(), self.launcher_pid(), self.keeper_pid()

    def environment(self):
        return {
            "MCP_URL": self.base + "/mcp",
            "MCP_SSE_URL": self.base + "/sse",
            "MCP_TOKEN": self.token,
            "MCP_AUDIT": str(self.dir / self.config["audit"]["file"]),
            "MCP_DIR": self.policy["directory"],
            "MCP_CONFIG": str(self.config_file),
            "MCP_CTL": str(self.build / "mcp-execctl"),
            "MCP_STDERR": str(self.stderr),
            "MCP_EXECUTOR_PID": str(self.process.pid),
            "MCP_FRONTEND_PID": str(self.frontend_pid() or ""),
        }

    def log(self):
        return self.stderr.read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM and a bounded wait; Failure if it does not end well."""
        if self.process is None:
            return
        deliberate = self.process.poll() == -signal.SIGKILL
        self.process.terminate()
        try:
            status = self.process.wait(STOP_S * self.slow)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure("mcp-execd did not stop on SIGTERM:\n"
                          + self.log()) from None
        if status != 0 and not deliberate:
            raise Failure(f"mcp-execd ended with status {status}:\n"
                          + self.log())
        if FINDING.search(self.log()):
            raise Failure("a checker found something:\n" + self.log())

    def remove(self):
        if os.environ.get("MCP_KEEP"):
            print(f"kept: {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
