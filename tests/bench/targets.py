# SPDX-License-Identifier: MIT
"""What tests/bench/run compares: ours, its peers, and floors.

Peers are in peers/, each a hundred lines of what people run today; their
libraries are installed below build/bench.  A target whose toolchain is not
here says so, and is left out.
"""
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(TOP / "tests"))
import instance  # noqa: E402

OUT = TOP / "build" / "bench"
PEERS = HERE / "peers"
START_S = 20
SHELL = ["sh", "-c", "true"]
LIMITS = {"runs": 300, "runs_per_minute": 0}
CONFIG = {"limits": {"runs": 512, "connections_per_address": 1024,
                     "connections": 4096, "sessions": 4096,
                     "sessions_per_token": 4096}}


class Missing(Exception):
    """It cannot be measured here, and why."""


def need(program):
    found = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")
    if found is None:
        raise Missing(f"there is no {program} here")
    return found


def build(command, where, env=None):
    run = subprocess.run(command, cwd=where, env={**os.environ, **(env or {})},
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, check=False)
    if run.returncode != 0:
        last = (run.stdout.strip().splitlines() or ["no reason given"])[-1]
        raise Missing(f"{' '.join(map(str, command[:3]))}: {last[:160]}")


def copy(name):
    """Its sources, where what is generated next to them does not matter."""
    place = OUT / name
    shutil.copytree(PEERS / name, place, dirs_exist_ok=True)
    return place


def tree(pid):
    """The process and all that descend from it."""
    found = [pid]
    for one in found:
        found += instance.children(one)
    return found


def is_guard(pid):
    with contextlib.suppress(OSError):
        text = pathlib.Path(f"/proc/{pid}/comm").read_text()
        return text.strip() == "mcp-execd-guard"
    return False


class Target:
    """Something that answers calls of `true`, from up() to down()."""

    mode, path, token, tool = "http", "/mcp", "", "exec_cmd"
    serves = True

    def __init__(self, name):
        self.name = name
        self.process = self.port = None

    def prepare(self):
        """Install what it needs; Missing: it cannot be measured here."""

    def command(self):
        """What is started, and in which directory."""
        raise NotImplementedError

    def make(self):
        """What there is before it is started: a port, its files."""
        self.port = instance.free_port()

    def launch(self):
        command, where = self.command()
        self.process = subprocess.Popen(
            command, cwd=where, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=instance.die_with_parent)

    def up(self):
        self.make()
        self.launch()
        self.wait_for_port()

    def wait_for_port(self):
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(
                    ("127.0.0.1", self.port), 1):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        raise Missing(f"{self.name} did not start")

    def down(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def settle(self):
        """Nothing waits for a next call: time is read in ticks of 10 ms, and
        that of many processes would be cut off for each."""

    def pids(self):
        return tree(self.process.pid)

    def load(self):
        """The generator's words for it."""
        return [self.mode, str(self.port), "--path", self.path,
                "--token", self.token]


class Go(Target):
    def __init__(self, name, peer, mode, path):
        super().__init__(name)
        self.peer, self.mode, self.path = peer, mode, path

    def prepare(self):
        go, place = need("go"), copy(self.peer)
        build([go, "mod", "tidy"], place, {"GOFLAGS": "-mod=mod"})
        build([go, "build", "-o", "server", "."], place)

    def command(self):
        return [OUT / self.peer / "server", self.mode, str(self.port)], OUT


class Python(Target):
    def __init__(self, name, mode, path):
        super().__init__(name)
        self.mode, self.path = mode, path

    def prepare(self):
        place = copy("python")
        if not (OUT / "venv").exists():
            build([sys.executable, "-m", "venv", OUT / "venv"], TOP)
        build([OUT / "venv/bin/pip", "install", "-q", "-r",
               place / "requirements.txt"], place)

    def command(self):
        return [OUT / "venv/bin/python", OUT / "python/server.py", self.mode,
                str(self.port)], OUT


class TypeScript(Target):
    def prepare(self):
        npm = need("npm")
        need("node")
        build([npm, "install", "--silent", "--no-audit", "--no-fund",
               "--ignore-scripts", "--no-package-lock"], copy("typescript"))

    def command(self):
        return ["node", "server.mjs", "http",
                str(self.port)], OUT / "typescript"


class Nothing(Target):
    """Answers at once: what the generator can do at most."""

    tool = None

    def command(self):
        return [instance.build_dir() / "bench_load", "serve",
                str(self.port)], OUT


class Ours(Target):
    """The policy that is there without a word, as user nobody if root."""

    def __init__(self, name, mode="http", path="/mcp", policy=None,
                 config=None):
        super().__init__(name)
        self.mode, self.path = mode, path
        self.config = {**CONFIG, **(config or {})}
        self.policy = {"limits": LIMITS, "tools": ["exec_cmd", "cli_command"],
                       **(policy or {})}
        self.server = None

    def make(self):
        self.server = instance.Instance(config=self.config,
                                        policy=self.policy)
        self.port = int(self.server.config["listen"][0].rpartition(":")[2])
        self.token = self.server.token

    def launch(self):
        with open(self.server.stderr, "ab") as err:
            self.process = self.server.process = subprocess.Popen(
                [self.server.build / "mcp-execd", "-c",
                 self.server.config_file], stdin=subprocess.DEVNULL,
                stdout=err, stderr=err, start_new_session=True,
                preexec_fn=instance.die_with_parent)

    def settle(self):
        self.process.send_signal(signal.SIGHUP)     # which ends all guards
        end = time.monotonic() + START_S
        while time.monotonic() < end and any(map(is_guard, self.pids())):
            time.sleep(0.005)

    def down(self):
        if self.server is not None:
            self.server.stop()
            self.server.remove()
            self.server = self.process = None


class Spawned(Target):
    """No server: the generator starts a command for each call."""

    mode, tool, serves = "spawn", None, False

    def __init__(self, name, words):
        super().__init__(name)
        self.words = words

    def prepare(self):
        need(self.words[0])

    def up(self):
        pass

    def load(self):
        return [self.mode]


class Ssh(Spawned):
    """One connection to a server on loopback, shared by all calls."""

    CONFIG = ("Port {port}\nListenAddress 127.0.0.1\nHostKey {dir}/host\n"
              "AuthorizedKeysFile {dir}/user.pub\nPidFile none\nUsePAM no\n"
              "PasswordAuthentication no\nStrictModes no\nMaxSessions 1000\n"
              "PermitRootLogin yes\n")

    def __init__(self, name):
        super().__init__(name, ["ssh"])
        self.dir = self.master = None

    def prepare(self):
        for program in "ssh", "sshd", "ssh-keygen":
            need(program)

    def up(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="mcp-execd-bench."))
        self.port = instance.free_port()
        for key in "host", "user":
            build(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                   self.dir / key], self.dir)
        (self.dir / "sshd_config").write_text(
            self.CONFIG.format(port=self.port, dir=self.dir))
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [need("sshd"), "-D", "-f", self.dir / "sshd_config"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=instance.die_with_parent)
        self.wait_for_port()
        user = pwd.getpwuid(os.geteuid()).pw_name
        shared = ["-S", str(self.dir / "shared"), "-F", "none"]
        build(["ssh", *shared, "-M", "-f", "-N", "-p", str(self.port), "-i",
               self.dir / "user", "-o", "StrictHostKeyChecking=no", "-o",
               f"UserKnownHostsFile={self.dir}/known",
               f"{user}@127.0.0.1"], self.dir)
        self.words = ["ssh", *shared, "there", "true"]

    def down(self):
        if self.dir is not None:
            subprocess.run(["ssh", *self.words[1:5], "-O", "exit", "there"],
                           stderr=subprocess.DEVNULL, check=False)
            super().down()
            shutil.rmtree(self.dir)
            self.dir = None


BARE = {"network": "host", "syscalls": {"profile": "none"}, "disable": [
    "mounts", "pids", "ipc", "network", "landlock", "cgroup"]}

OURS = "mcp-execd"
ALL = [
    Ours(OURS),
    Ours("mcp-execd, SSE", "sse", "/sse"),
    Ours("mcp-execd, no layer", policy=BARE),
    Ours("mcp-execd, jobs", policy={"jobs": {"survive": True}}),
    Ours("mcp-execd, a guard each", config={"reuse_guards": False}),
    Go("mcp-go", "mcp-go", "http", "/mcp"),
    Go("mcp-go, SSE", "mcp-go", "sse", "/sse"),
    Go("Go SDK", "go-sdk", "http", "/"),
    Python("Python SDK", "http", "/mcp"),
    Python("Python SDK, SSE", "sse", "/sse"),
    TypeScript("TypeScript SDK"),
    Ssh("ssh, one connection"),
    Spawned("bubblewrap", ["bwrap", "--unshare-all", "--ro-bind", "/", "/",
                           "--proc", "/proc", "--dev", "/dev", "--tmpfs",
                           "/tmp", *SHELL]),
    Spawned("posix_spawn alone", SHELL),
    Nothing("a server that does nothing"),
]
