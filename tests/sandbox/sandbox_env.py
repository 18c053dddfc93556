# SPDX-License-Identifier: MIT
"""What the cases share: a server in one mode, the places around it, attacks.

An attack is a command and an effect.  It is first run directly, as the
policy's user and without a sandbox, and the effect must be seen: that is the
positive control.  Then it is run through the server, and the effect must not
be seen.  What an attack `needs` are the layers any one of which stops it; in
a mode that has none of them the attack must still come through, so that the
gaps that README.md documents stay true, and it counts as skipped.
"""
import contextlib
import ctypes
import fcntl
import os
import pathlib
import random
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parent)]
import client  # noqa: E402
import instance  # noqa: E402

ROOT = os.geteuid() == 0
THROUGH = "CAME-THROUGH"        # said by try.c
SECRET = "s3cret-of-the-host"
END = "the-end-of-it"
FILES = ("mounts", "landlock")
# Where a policy lets the helper program be executed, if not in the directory.
TRY = {"files": "{ro}/try", **dict.fromkeys(
    ("programs", "programs_build", "programs_unrecorded"), "{tools}/try")}
NAMESPACES = ["mounts", "pids", "ipc", "network", "user"]
SYSTEM = [p for p in ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc")
          if os.path.exists(p)]
REFUSED = "this mode refuses"       # what the cases of refusal look at

# Keys of every policy of a mode, and how the server is started.
MODES = {
    "full": ({}, None),
    "no-landlock": ({"disable": ["landlock"]}, None),
    "landlock": ({"disable": NAMESPACES}, None),
    "no-userns": ({}, "no_userns"),     # of an ordinary user only
    "filtered": ({}, "unit_filter"),    # of an ordinary user only
    "cgroup": ({}, None),               # of root only
}
CGROUP_TREES = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")


@contextlib.contextmanager
def alone(path):
    """The only one, of the modes that run at the same time, that changes it."""
    with open(path) as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def uid_of_this_run():
    """One that nobody else has, so that what is left can be told apart."""
    return random.randrange(200000, 600000) if ROOT else os.geteuid()


# --- places that hear and see ----------------------------------------------

class Ear:
    """Listens on the host, and remembers what it was told."""

    def __init__(self):
        self.said = b""
        self.lock = threading.Lock()
        self.poll = selectors.DefaultSelector()
        self.sockets = []
        self.port = None
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            if not self.sockets:
                time.sleep(0.01)
                continue
            for key, _ in self.poll.select(0.2):
                with contextlib.suppress(OSError):
                    self.take(key)

    def take(self, key):
        if key.data == "listen":
            conn, _ = key.fileobj.accept()
            self.poll.register(conn, selectors.EVENT_READ, "conn")
            return
        data = key.fileobj.recv(4096)
        with self.lock:
            self.said += data
        if key.data == "conn" and not data:
            self.poll.unregister(key.fileobj)
            key.fileobj.close()

    def add(self, family, kind, address):
        s = socket.socket(family, kind)
        s.bind(address)
        if kind == socket.SOCK_STREAM:
            s.listen(64)
        self.sockets.append(s)
        self.poll.register(s, selectors.EVENT_READ, "listen" if kind ==
                           socket.SOCK_STREAM else "datagrams")
        return s

    def heard(self, word, seconds):
        """Was that said?  Waits while it may be under way."""
        end = time.monotonic() + seconds
        while True:
            with self.lock:
                if word.encode() in self.said:
                    return True
            if time.monotonic() > end:
                return False
            time.sleep(0.005)


class Effect:
    """Something to see on the host.  reset, then happened."""

    def reset(self, w):
        pass

    def happened(self, w, out, control):
        raise NotImplementedError


class says(Effect):
    def __init__(self, *words):
        self.words = words

    def happened(self, w, out, control):
        return all(w.text(word) in out for word in self.words)


class matches(Effect):
    def __init__(self, pattern):
        self.pattern = pattern

    def happened(self, w, out, control):
        return re.search(w.text(self.pattern), out, re.M) is not None


through = says(THROUGH)


class made(Effect):
    """A file or directory that was not there."""

    def __init__(self, path):
        self.path = path

    def reset(self, w):
        path = w.path(self.path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def happened(self, w, out, control):
        return os.path.lexists(w.path(self.path))


class changed(Effect):
    """A file of the policy's user that is not what it was, or is gone."""

    def __init__(self, path):
        self.path = path

    def reset(self, w):
        path = w.path(self.path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        w.file(path, "as it was\n")
        os.utime(path, (1, 1))
        self.before = self.look(path)

    @staticmethod
    def look(path):
        try:
            st = path.lstat()
            return (path.read_text(), st.st_mode, st.st_mtime,
                    sorted(os.listxattr(path)))
        except OSError as e:
            return e.errno

    def happened(self, w, out, control):
        return self.look(w.path(self.path)) != self.before


class heard(Effect):
    """The listener of the host was told {word}."""

    def reset(self, w):
        w.names["word"] = f"w{random.randrange(1 << 60)}"

    def happened(self, w, out, control):
        # Who was let through is heard of at once.
        return w.ear.heard(w.names["word"], 2 if control else 0.02)


class Attack:
    def __init__(self, name, command, effect, policy="base", needs=(),
                 control="user", direct=None, before=None, may_refuse=False,
                 ends=True, covers="", only=None, why_gap="", **arguments):
        """control: user, root (or a user namespace of one's own);
        direct: the control's command, where it cannot be the same;
        ends: the command comes to its end, and says so."""
        self.name = name
        self.command = command
        self.effect = effect
        self.policy = policy
        self.needs = needs
        self.control = control
        self.direct = direct or command
        self.before = before
        self.may_refuse = may_refuse
        self.ends = ends
        self.covers = covers
        self.only = only
        self.why_gap = why_gap
        self.arguments = arguments

    def __call__(self, w):
        if self.only:
            self.only(w)
        w.names["try"] = w.text(TRY.get(self.policy, "{work}/try"))
        w.need_policy(self.policy)
        self.check_control(w)
        self.prepare(w)
        out = w.inside(self.command, self.policy, self.may_refuse,
                       self.ends, **self.arguments)
        happened = self.effect.happened(w, out, False)
        if self.needs and not any(n in w.layers for n in self.needs):
            client.check(happened, "no longer a gap without",
                         " or ".join(self.needs), "- take it out of the list:",
                         out)
            # What the table in README.md promises without that layer: this.
            return f"gap without {' or '.join(self.needs)}, as documented"
        client.check(not happened, "came through:", out)
        return ""

    def prepare(self, w):
        w.tidy()
        if self.before:
            self.before(w)
        self.effect.reset(w)

    def check_control(self, w):
        self.prepare(w)
        out = w.direct(self.direct, self.control)
        if self.effect.happened(w, out, True):
            return
        if self.control == "root" and not ROOT:
            once(w)
            raise client.Skip("an ordinary user cannot do this even without "
                              "the sandbox")
        raise client.Failed("the control did not work: " + out)


CASES = []          # (name, function of World), in the order of the files


def add(*attacks):
    for a in attacks:
        CASES.append((a.name, a))


def case(name, only=None, covers=""):
    def put(f):
        def run(w):
            if only:
                only(w)
            f(w)
        run.covers = covers
        CASES.append((name, run))
        return f
    return put


BUILDERS = []       # functions of World, for places and tools of some cases
OFFERS = []         # the same, for policies of theirs, once it has started
TABLES = []         # (name, function of World that yields (name, function))


def table(name):
    def put(f):
        TABLES.append((name, f))
        return f
    return put


# --- conditions --------------------------------------------------------------

def as_root(w):
    if not ROOT:
        once(w)
        raise client.Skip("needs root to set the scene")


def with_mounts(w):
    if "mounts" not in w.layers:
        raise client.Skip("has a meaning with the layer mounts only")


def kernel_has_landlock(w):
    """Of policies that disable the other wall, whatever w itself has."""
    if landlock_abi() == 0:
        raise client.Skip("has a meaning with Landlock in the kernel only")


def once(w):
    """Does not depend on the layers: in one mode is enough."""
    if w.mode != "full":
        raise client.Skip("is the same in mode full")


# --- the world ----------------------------------------------------------------

def around(wrapper):
    """What makes something unavailable and goes on with a program."""
    return [sys.executable, str(HERE / f"{wrapper}.py")]


class World:
    def __init__(self, mode):
        self.mode = mode
        self.uid = uid_of_this_run()
        keys, wrapper = MODES[mode]
        self.keys = dict(keys)
        self.names = {}
        self.clients = {}
        self.tokens = {}
        self.unavailable = {}
        self.no_shell = set()       # policies that offer none
        self.ear = Ear()
        self.group = make_group() if mode == "cgroup" else None
        self.server = client.Server(
            config={"limits": {"sessions_per_token": 64},
                    "cgroup": str(self.group) if self.group else "auto"},
            policy={**self.identity(), **keys,
                    "limits": {"runs": 16,
                               "timeout_ms": 20000 * client.SLOW}})
        if wrapper:
            self.server.wrapper = around(wrapper)
        self.build_places()
        for build in BUILDERS:
            build(self)

    def identity(self):
        return ({"user": self.uid, "group": self.uid, "groups": []}
                if ROOT else {})

    # places

    def own(self, path):
        if ROOT:
            os.chown(path, self.uid, self.uid, follow_symlinks=False)
        return path

    def file(self, path, text, mode=0o644):
        path = pathlib.Path(path)
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return self.own(path)

    def folder(self, name, mode=0o755):
        path = self.server.dir / name
        path.mkdir(exist_ok=True)
        path.chmod(mode)
        return self.own(path)

    def build_places(self):
        w = self.server
        out, ro, rw, sock = map(self.folder, ("out", "ro", "rw", "sock"))
        evil = self.folder("workevil")
        tools = self.folder("tools")
        program = w.build / "sandbox_try"
        if not program.exists():
            raise instance.Failure(f"there is no {program}: run make tests")
        for place in (w.work, tools, ro):
            shutil.copy2(program, place / "try")
            (place / "try").chmod(0o755)
        shutil.copy2("/usr/bin/id", tools / "copy")
        hidden = self.own_made(rw / "hidden")
        for place in (out, ro, rw, hidden, evil):
            self.file(place / "secret", SECRET + "\n")
        self.file(rw / "masked", SECRET + "\n")
        for name in "up", "up/conf", "up/conf/keys", "up/lib", "up/lib/vendor":
            self.own_made(rw / name)
        self.file(rw / "up/conf/keys/secret", SECRET + "\n")
        self.file(rw / "up/env", SECRET + "\n")
        self.file(rw / "up/lib/vendor/code", "as it was\n")
        for name in "sub", ".git", ".git/hooks":
            self.own_made(w.work / name)
        self.file(w.work / "plain", "inside\n")
        self.names = {
            "work": str(w.work), "out": str(out), "ro": str(ro),
            "rw": str(rw), "sock": str(sock), "tools": str(tools), "passing": str(self.folder("passing")),
            "dir": str(w.dir), "secret": SECRET, "uid": str(self.uid),
            "try": str(w.work / "try"), "tag": f"sb{self.uid}x{os.getpid()}",
        }

    def tidy(self):
        """The directory as it was at first."""
        for path in self.server.work.iterdir():
            if path.name in self.keep:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def own_made(self, path):
        path.mkdir(exist_ok=True)
        return self.own(path)

    def open_ears(self):
        """Listeners of the host, as other services have them."""
        n, ear = self.names, self.ear
        tcp = ear.add(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        port = tcp.getsockname()[1]
        udp = ear.add(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        n.update(port=str(port), udp=str(udp.getsockname()[1]))
        with contextlib.suppress(OSError):
            six = ear.add(socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0))
            n["port6"] = str(six.getsockname()[1])
        n["abstract"] = f"@{n['tag']}"
        ear.add(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + n["tag"])
        for place in ("sock/granted", "sock/other", "sock/datagrams",
                      "work/host.sock", "work/datagrams", "ro/host.sock",
                      "out/host.sock"):
            path = self.server.dir / place
            kind = (socket.SOCK_DGRAM if place.endswith("datagrams")
                    else socket.SOCK_STREAM)
            ear.add(socket.AF_UNIX, kind, str(path))
            path.chmod(0o777)

    def path(self, text):
        return pathlib.Path(self.text(text))

    def text(self, text):
        """{name} replaced for the names there are, and for no others."""
        return re.sub(r"\{(\w+)\}", lambda m: self.names.get(
            m.group(1), m.group()), str(text))

    # running

    def start(self):
        self.open_ears()
        self.keep = {p.name for p in self.server.work.iterdir()}
        self.server.start()
        self.tokens["base"] = self.server.token
        self.inside("true")
        posture = self.posture()
        self.layers = list(posture["layers"])
        if "landlock" in self.layers and posture["landlock.abi"] >= 6:
            self.layers.append("scopes")    # of signals and abstract sockets
        client.equal("cgroup" in self.layers, self.group is not None,
                     "the layer cgroup")
        self.names["executor"] = str(self.server.process.pid)
        self.add_policies()
        for name in self.tokens.keys() - self.no_shell:
            self.inside("true", name)
        self.steady = self.quiet_look()

    def posture(self):
        return self.server.audit(client.INTENT)[-1]["posture"]

    def add_policies(self):
        for name, keys in policies(self).items():
            self.offer(name, keys)
        for offer in OFFERS:
            offer(self)

    def offer(self, name, keys):
        """A further policy with a token; why not, if it cannot be loaded."""
        full = {**self.keys, **self.identity(), **keys}
        path = self.server.add_policy(name, **full)
        outcome = self.server.audit("reload")[-1]
        if outcome["event.outcome"] != "success":
            self.unavailable[name] = self.check_config()
            path.unlink()
            self.server.reload()
            return
        narrower = {"narrow": ["--directory", self.text("{work}/sub")],
                    "hidden_narrow": ["--directory", self.text("{rw}/up")],
                    }.get(name, [])
        self.tokens[name] = self.server.add(name, *narrower, policy=name)

    def check_config(self):
        """What mcp-execctl finds, where the server runs."""
        run = subprocess.run(
            [*self.server.wrapper, self.server.build / "mcp-execctl", "-c",
             self.server.config_file, "check"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=30 * client.SLOW, check=False)
        return run.stdout if run.returncode else ""

    def need_policy(self, name):
        if name in self.unavailable:
            raise client.Skip(f"{REFUSED} policy {name} at load")

    def client(self, policy):
        """One connection a policy; the server closes idle ones."""
        c = self.clients.get(policy)
        if c is None or c.conn.closed(0):
            c = self.server.http(token=self.tokens[policy])
            self.clients[policy] = c
        return c

    def call(self, command, policy="base", tool="exec_cmd", **arguments):
        return self.client(policy).call(tool, command=command, **arguments)

    def inside(self, command, policy="base", may_refuse=False, ends=True,
               **arguments):
        """Output of a command in the sandbox; it must really have run."""
        arguments = {k: self.text(v) if isinstance(v, str) else v
                     for k, v in arguments.items()}
        text = self.text(command)
        if ends:
            text += f"\necho {END}\n"
        r = self.call(text, policy, **arguments)
        if r.data is None or r.data.get("run_id") is None:
            client.check(may_refuse, "did not run:", r)
            return r.text
        out = r.data["stdout"] + r.data["stderr"]
        client.check(may_refuse or not ends or END in out,
                     "did not come to its end:", r)
        return out

    def demote(self):
        return ({"user": self.uid, "group": self.uid, "extra_groups": []}
                if ROOT else {})

    def argv(self, command, control="user"):
        words = ["/bin/sh", "-c", self.text(command)]
        if control == "root" and not ROOT:
            words = ["unshare", "-Urm", *words]
        return words, {} if control == "root" else self.demote()

    ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:"
                   "/usr/bin:/sbin:/bin", "HOME": "/", "LANG": "C.UTF-8"}

    def direct(self, command, control="user", seconds=20):
        """Output of the same command without a sandbox."""
        words, more = self.argv(command, control)
        run = subprocess.run(
            words, cwd=self.server.work, env=self.ENVIRONMENT, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=seconds * client.SLOW,
            errors="replace",
            start_new_session=True, check=False, **more)
        return run.stdout

    @contextlib.contextmanager
    def beside(self, command):
        """The same, going on meanwhile; yields its first line."""
        words, more = self.argv("exec " + command)
        with subprocess.Popen(
                words, cwd=self.server.work, env=self.ENVIRONMENT, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                start_new_session=True, **more) as child:
            try:
                yield child, child.stdout.readline().strip()
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)

    @contextlib.contextmanager
    def running(self, command, policy="base"):
        """A command that runs in the sandbox meanwhile: pids on the host."""
        mark = client.mark()
        c = self.client(policy)
        conn = c.begin(self.text(command) + f" # {mark}")
        id = c.ids
        try:
            self.server.running(mark)
            yield mark
        finally:
            c.notify("notifications/cancelled", {"requestId": id})
            conn.close()
            client.within("it has ended", 9, lambda: self.server.run_records(
                mark)[1])

    # afterwards

    def processes(self):
        """Of the policy's user, which nobody else is; or the executor's."""
        if not ROOT:
            return [p for p in client.descendants(self.server.process.pid)
                    if p not in self.server.helpers()]
        found = []
        for d in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if d.stat().st_uid == self.uid and client.alive(d.name):
                    found.append(int(d.name))
        return found + [
            p for p in client.descendants(self.server.process.pid)
            if p not in self.server.helpers()]

    def quiet_look(self):
        """The same, with no client there."""
        for c in self.clients.values():
            c.close()
        self.clients.clear()
        time.sleep(0.5)
        return self.look()

    def look(self):
        """What must be the same when all runs are over."""
        executor, frontend = self.server.process.pid, \
            self.server.frontend_pid()
        # An empty network namespace for the next run, one of each policy.
        held = held_namespaces(executor, frontend)
        kept = [t for t in held if t.startswith("net:")]
        return {
            "descriptors of the executor": count_fds(executor, kept),
            "descriptors of the frontend": count_fds(frontend),
            "namespaces held": [t for t in held if t not in kept]
            + kept[len(self.tokens):],
            "mounts": mounts_of(executor, self.names["dir"]),
            "mounts of the host": mounts_of("self", self.names["dir"]),
            "System V objects": sysv(self.uid),
            "message queues": queues(self.uid),
            "temporary files": temporary(self.uid, self.names["dir"]),
            "control groups": control_groups(executor)
            + groups_of_runs(self.group),
        }

    def stop(self):
        for c in self.clients.values():
            c.close()
        try:
            self.server.stop()
        finally:
            self.server.remove()
            if self.group:
                remove_group(self.group)


def jail(n, read):
    """Rules inside of the directory itself."""
    rw = n["rw"]
    return {"directory": rw, "files": {
        "read": [*read, rw + "/up/lib/vendor"], "protect": ["up/lib/name"],
        "hide": [rw + "/hidden", rw + "/up/conf/keys", rw + "/up/env"]}}


def policies(w):
    """The further policies of each mode, by name."""
    n = w.names
    read = [*SYSTEM, n["tools"]]
    hide = ([n["rw"] + "/hidden", n["rw"] + "/masked"]
            if "mounts" in w.layers else [])
    programs = ["/usr/bin/cat", "/usr/bin/cp", "/usr/bin/ln",
                "/usr/bin/chmod", n["tools"] + "/try"]
    return {
        "files": {"files": {"read": [*read, n["ro"]], "write": [n["rw"]],
                            "hide": hide, "noexec": True,
                            "tmp_bytes": 1 << 20}},
        **{name: {"programs": programs, "files": {"read": [*read, n["ro"]]},
                  **keys} for name, keys in (
            ("programs", {}),
            ("programs_build", {"syscalls": {"profile": "build"}}),
            ("programs_unrecorded", {"audit": {"exec": False}}))},
        "protect": {"files": {"write": [n["rw"]], "protect": [
            ".git/hooks", ".ssh", "authorized_keys", "deep/er/name"]}},
        "pinned": {"files": {
            "read": [*read, n["rw"] + "/up/lib/vendor"], "write": [n["rw"]],
            "hide": [n["rw"] + "/up/conf/keys", n["rw"] + "/up/env"]}},
        "unfiltered": {"syscalls": {"profile": "none"}, "files": {
            "read": [*read, n["rw"] + "/up/lib/vendor"], "write": [n["rw"]]}},
        "loopback": {"network": "loopback"},
        "host": {"network": "host"},
        "granted": {"unix_sockets": [n["sock"] + "/granted"]},
        "meeting": {"unix_sockets": [n["work"] + "/meet.sock"]},
        "both": {"unix_sockets": [n["sock"] + "/granted"],
                 "network": "host"},
        "other": {},
        "look": {"network": "look"},
        "no_sockets": {"unix_sockets": []},
        **({"kept": {"capabilities": ["@packages", "CAP_NET_BIND_SERVICE"],
                     "network": "loopback" if "network" in w.layers
                     else "host"},
            "kept_root": {"user": "root", "group": 0, "capabilities": [
                "@packages", "@services", "@network-tools"]}}
           if ROOT else {}),
        "whole": {"files": {"read": ["/"]}},
        "see": {"processes": "see", "files": {"read": ["/"]},
                "syscalls": {"profile": "build"}},
        **({"hidden_jail": jail(n, read), "hidden_narrow": jail(n, read)}
           if "mounts" in w.layers else {}),
        "other_rw": {"files": {"write": [n["rw"]]}},
        "narrow": {},
        **({"rootuser": {"user": "root", "group": 0}} if ROOT else {}),
        "passing": {"files": {"read": SYSTEM, "write": [n["passing"]]}},
        "strict": {"syscalls": {"profile": "strict"}},
        "build": {"syscalls": {"profile": "build"}},
        "network": {"syscalls": {"profile": "network"}, "network": "host"},
        "limits": {"limits": {
            "processes": 64 + len(uid_processes(w.uid)), "open_files": 64,
            "memory_bytes": 96 << 20, "cpu_seconds": 1,
            "file_size_bytes": 1 << 20, "output_bytes": 65536,
            "timeout_ms": 10000, "runs": 3, "kill_grace_ms": 200}},
    }


# --- what is left --------------------------------------------------------------

def uid_processes(uid):
    found = []
    for d in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if d.stat().st_uid == uid and client.alive(d.name):
                found.append(int(d.name))
    return found


def count_fds(pid, but=()):
    try:
        return len([t for t in client.fds(pid).values() if t not in but])
    except PermissionError:
        return "not to be seen"


def held_namespaces(*pids):
    """Descriptors of the daemons that keep a namespace alive."""
    found = []
    for pid in pids:
        with contextlib.suppress(PermissionError):
            found += [t for t in client.fds(pid).values()
                      if re.match(r"(mnt|net|pid|ipc|user|uts|cgroup):\[", t)]
    return found


def mounts_of(pid, place):
    """Mounts that have to do with this instance, or with namespaces."""
    text = pathlib.Path(f"/proc/{pid}/mountinfo").read_text()
    return [line.split(" ", 3)[3] for line in text.splitlines()
            if place in line or " nsfs " in line]


def sysv(uid):
    lines = []
    for kind in ("shm", "sem", "msg"):
        with contextlib.suppress(OSError):
            table = pathlib.Path(f"/proc/sysvipc/{kind}").read_text()
            lines += [line.split()[:3] for line in table.splitlines()[1:]
                      if f" {uid} " in line]
    return lines


def queues(uid):
    try:
        return sorted(p.name for p in pathlib.Path("/dev/mqueue").iterdir()
                      if p.stat().st_uid == uid)
    except OSError:
        return []


def temporary(uid, place):
    """Files of the policy's user outside of the instance."""
    found = []
    for top in ("/tmp", "/var/tmp", "/dev/shm", "/run/lock"):
        with contextlib.suppress(OSError):
            for p in pathlib.Path(top).iterdir():
                with contextlib.suppress(OSError):
                    if p.lstat().st_uid == uid and str(p) != place and ROOT:
                        found.append(str(p))
    return sorted(found)


def cgroup_tree():
    """Where this machine has control groups of version 2, or None."""
    for tree in CGROUP_TREES:
        if os.path.exists(tree + "/cgroup.controllers"):
            return pathlib.Path(tree)
    return None


def make_group():
    """For one server, with what controllers the tree's top hands on."""
    group = cgroup_tree() / f"mcp-execd-test.{os.getpid()}"
    group.mkdir()
    return group


def groups_of_runs(group):
    """What the executor itself could not remove at once goes with the next
    run; that there is one shows in many."""
    if not group:
        return []
    found = sorted(p.name for p in (group / "runs").iterdir() if p.is_dir())
    return found[1:]


def remove_group(group):
    """Its processes have ended; runs of a killed server may have left one."""
    for place in (*(group / "runs").glob("*/"), group / "runs",
                  group / "guards", group / "supervisor", group):
        client.within(f"{place} is empty", 5, lambda p=place: not (
            p / "cgroup.procs").read_text())
        place.rmdir()


def control_groups(pid):
    """Groups below that of the executor."""
    found = []
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().split():
            number, _, path = line.split(":", 2)
            for top in CGROUP_TREES:
                own = pathlib.Path(top + path)
                if number == "0" and len(path) > 1 and own.is_dir():
                    found += [str(p) for p in own.rglob("*") if p.is_dir()]
    return sorted(found)


def landlock_abi():
    """As the kernel tells it; 0: it has none."""
    return max(libc().syscall(444, None, 0, 1), 0)


def libc():
    return ctypes.CDLL(None, use_errno=True)


def stop_pid(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
