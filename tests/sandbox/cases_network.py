# SPDX-License-Identifier: MIT
"""The network, and sockets of services that would act on one's behalf."""
import contextlib
import os
import pathlib
import subprocess
import time

import sandbox_env
from sandbox_env import (add, as_root, Attack, case, client, heard, once, says,
                         table, THROUGH, with_mounts)

told = heard()
TCP = "{try} tcp 127.0.0.1 {port} {word}"
TCP6 = "{try} tcp ::1 {port6} {word}"
UDP = "{try} udp 127.0.0.1 {udp} {word}"

# Nothing at all by default.
add(
    Attack("network.tcp", TCP, told),
    Attack("network.tcp6", TCP6, told),
    Attack("network.tcp_mapped", "{try} tcp ::ffff:127.0.0.1 {port} {word}",
           told),
    Attack("network.tcp_any", "{try} tcp 0.0.0.0 {port} {word}", told),
    Attack("network.fastopen", "{try} fastopen 127.0.0.1 {port} {word}",
           told),
    Attack("network.udp", UDP, told),
    Attack("network.listen", "{try} listen 0", says("listening")),
    Attack("network.interfaces", "{try} sockets", says("netlink.route ok")),
    Attack("network.bash", "bash -c 'echo {word} >/dev/tcp/127.0.0.1/{port}'",
           told),
    Attack("network.child", "sh -c 'sh -c \"" + TCP + "\" & wait'", told),
)

# Of its own only.
add(
    Attack("network.loopback_tcp", TCP, told, policy="loopback"),
    Attack("network.loopback_tcp6", TCP6, told, policy="loopback"),
    Attack("network.loopback_udp", UDP, told, policy="loopback"),
    Attack("network.loopback_fastopen",
           "{try} fastopen 127.0.0.1 {port} {word}", told,
           policy="loopback"),
)


@case("network.loopback_works")
def loopback(w):
    w.need_policy("loopback")
    out = w.inside("{try} listen 4321 20000 >ear & until grep -q . ear; do "
                   "sleep 0.05; done; {try} tcp 127.0.0.1 4321 hello; "
                   "kill $!; cat ear; rm ear", "loopback")
    client.check("listening" in out and sandbox_env.THROUGH in out, out)


@case("network.loopback_between_runs")
def between_runs(w):
    """Two runs of one policy do not meet on their loopback."""
    w.need_policy("loopback")
    with w.running("{try} listen 4322 2000", "loopback"):
        time.sleep(0.2)
        out = w.inside("{try} tcp 127.0.0.1 4322 hello; :", "loopback")
    client.check(sandbox_env.THROUGH not in out, "came through:", out)
    with w.beside("{try} listen 4322 5000"):
        out = w.direct("{try} tcp 127.0.0.1 4322 hello")
    client.check(sandbox_env.THROUGH in out, "the control did not work:", out)


# To be looked at only: nothing is reached, and nothing listens.
add(
    Attack("network.look_tcp", TCP, told, policy="look"),
    Attack("network.look_tcp6", TCP6, told, policy="look"),
    Attack("network.look_udp", UDP, told, policy="look"),
    Attack("network.look_fastopen",
           "{try} fastopen 127.0.0.1 {port} {word}", told, policy="look"),
    Attack("network.look_listen", "{try} listen 0", says("listening"),
           policy="look"),
    Attack("network.look_abstract", "{try} unix {abstract} {word}", told,
           policy="look"),
    Attack("network.look_unix", "{try} unix {out}/host.sock {word}", told,
           policy="look"),
    Attack("network.look_changes", "ip route replace 198.51.100.77/32 dev lo && "
           "echo " + sandbox_env.THROUGH + "; ip route del 198.51.100.77/32 dev lo; "
           ":", sandbox_env.through, policy="look", control="root", only=as_root),
)


@case("network.look_works")
def look(w):
    """Listeners, connections, addresses and routes of the machine."""
    w.need_policy("look")
    out = w.inside("ss -Htln; ip -o address; ip route; "
                   "cat /proc/net/tcp", "look")
    client.check(f":{w.names['port']} " in out, "ss", out)
    client.check(f"0100007F:{int(w.names['port']):04X}" in out, out)
    client.check("127.0.0.1/8" in out, "ip", out)
    client.equal(w.posture()["network"], "look", "the record")


@case("network.host_works")
def host(w):
    told.reset(w)
    out = w.inside(TCP + "; " + UDP, "host")
    client.check(told.happened(w, out, True), "not heard", out)


@case("network.after_reload")
def reload(w):
    """A reload loses no rule."""
    for _ in range(3):
        w.server.reload()
        told.reset(w)
        out = w.inside(TCP + "; " + UDP + "; :")
        client.check(not told.happened(w, out, False), "came through", out)


# UNIX sockets: by name, by abstract name, one by one.
UNIX = "{try} unix "
add(
    Attack("sockets.outside", UNIX + "{out}/host.sock {word}", told),
    Attack("sockets.outside_with_grant", UNIX + "{out}/host.sock {word}",
           told, policy="granted", needs=["mounts"]),
    Attack("sockets.abstract", UNIX + "{abstract} {word}", told),
    Attack("sockets.abstract_with_network", UNIX + "{abstract} {word}", told,
           policy="host"),
    Attack("sockets.abstract_with_grant", UNIX + "{abstract} {word}", told,
           policy="granted"),
    Attack("sockets.abstract_with_both", UNIX + "{abstract} {word}", told,
           policy="both"),
    Attack("sockets.not_granted", UNIX + "{sock}/other {word}", told,
           policy="granted", needs=["mounts"]),
    Attack("sockets.not_granted_datagram",
           "{try} unix-dgram {sock}/datagrams {word}", told,
           policy="granted", needs=["mounts"]),
    Attack("sockets.empty_list", UNIX + "{work}/host.sock {word}", told,
           policy="no_sockets"),
    Attack("sockets.in_directory", UNIX + "{work}/host.sock {word}", told),
    Attack("sockets.in_readable", UNIX + "{ro}/host.sock {word}", told,
           policy="files"),
    Attack("sockets.pair_sends", "{try} unix-pair {work}/datagrams {word}",
           told),
    Attack("sockets.pair_connects",
           "{try} unix-pair-connect {work}/datagrams {word}", told),
    Attack("sockets.by_link", "ln -sf {out}/host.sock s; "
           + UNIX + "s {word}", told),
)


def own(name, path, policy="base", works=True, **more):
    """A listener of the run's own, and what connects to it."""
    @case("sockets.own_" + name, **more)
    def run(w):
        w.need_policy(policy)
        out = w.inside("{try} unix-own " + path + "; :", policy)
        # without openat2(2) there are none, unless a policy names some
        there = works and (w.mode != "filtered" or policy == "granted")
        client.equal(sandbox_env.THROUGH in out, there, out)
    return run


own("in_tmp", "/tmp/own.sock", only=with_mounts)
own("in_directory", "{work}/own.sock")
own("in_directory_with_network", "{work}/own.sock", "host")
own("by_relative_name", "own.sock")
own("beside_granted", "{work}/own.sock", "granted", only=with_mounts)
own("none_with_empty_list", "{work}/own.sock", "no_sockets", works=False)
own("none_in_strict", "{work}/own.sock", "strict", works=False)
own("abstract", "@own.{tag}", only=with_mounts)
own("abstract_in_the_host's_network", "@own.{tag}", "host", works=False)

# Everything by which an address might be taken for another's.
add(
    Attack("sockets.race_address", "{try} unix-race {work}/own.sock "
           "{work}/host.sock {word}", told),
    Attack("sockets.race_readable", "{try} unix-race {work}/own.sock "
           "{ro}/host.sock {word}", told, policy="files"),
    Attack("sockets.own_name", "cd {work} && " + UNIX + "host.sock {word}",
           told),
    Attack("sockets.by_proc", UNIX + "/proc/self/cwd/host.sock {word}", told),
    Attack("sockets.renamed", "mv {work}/host.sock {work}/mine; "
           + UNIX + "{work}/mine {word}; mv {work}/mine {work}/host.sock",
           told),
)


@case("sockets.pairs_work")
def pairs(w):
    """Of streams and of packets, which stay what they are."""
    out = w.inside("{try} pairs")
    client.check("pairs ok" in out, out)


@case("sockets.granted_works", only=with_mounts)
def granted(w):
    told.reset(w)
    out = w.inside(UNIX + "{sock}/granted {word}", "granted")
    client.check(told.happened(w, out, True), "not heard", out)


# --- two runs of one token at the same time ---------------------------------------

def meet(w, path, policy, *ways):
    """What another run of that policy hears from a listener of the first, by
    each of the ways, while a process of the first run reaches it."""
    w.need_policy(policy)
    if w.mode == "filtered":
        raise client.Skip("has a meaning with openat2(2) only")
    w.tidy()
    with w.beside(f"{{try}} unix-listen {path} 9000") as (_, said):
        client.equal(said, "listening", "the control's listener")
        out = w.direct(f"{{try}} unix {path} x")
    client.check(THROUGH in out, "the control did not work:", out)
    w.tidy()
    with contextlib.suppress(FileNotFoundError):
        w.path(path).unlink()
    ready = w.path("{work}/ready")
    with w.running(f"{{try}} unix-listen {path} 9000 & "
                   f"until {{try}} unix {path} mine | grep -q {THROUGH}; "
                   "do sleep 0.01; done; touch {work}/ready; wait", policy):
        client.within("its own process reaches it", 9, ready.exists)
        return w.inside("; ".join(ways or (f"{{try}} unix {path} x",)) +
                        "; :", policy)


def between(name, path, *ways, policy="base", **more):
    @case("sockets.between_runs_" + name, **more)
    def run(w):
        out = meet(w, path, policy, *ways)
        client.check(THROUGH not in out, "came through:", out)
    return run


OTHERS = "{work}/first.sock"
between("in_tmp", "/tmp/{tag}.sock", only=with_mounts)
between("abstract", "@{tag}.runs", only=with_mounts)
between("abstract_with_grant", "@{tag}.runs", policy="granted",
        only=with_mounts)
between("in_directory", OTHERS,
        UNIX + OTHERS + " x", "cd {work}; " + UNIX + "first.sock x",
        UNIX + "/proc/self/cwd/first.sock x",
        "ln {work}/first.sock {work}/other; " + UNIX + "{work}/other x",
        "ln -sf first.sock {work}/link; " + UNIX + "{work}/link x",
        "mv {work}/first.sock {work}/moved; " + UNIX + "{work}/moved x")
between("in_directory_with_network", OTHERS, policy="host")
between("in_directory_beside_granted", OTHERS, policy="granted",
        only=with_mounts)
between("in_a_whole_tree", OTHERS, policy="see")
between("in_writable", "{rw}/first.sock", policy="other_rw")


@case("sockets.between_runs_if_named", only=with_mounts)
def named(w):
    """A policy may say that they meet."""
    out = meet(w, "{work}/meet.sock", "meeting")
    client.check(THROUGH in out, "not reached:", out)


# --- delegated authority ------------------------------------------------------

# Services that do as they are asked, with rights of their own.
DELEGATES = (
    "/run/dbus/system_bus_socket", "/run/user/{uid}/bus",
    "/run/user/{uid}/systemd/private", "/run/user/{uid}/gnupg/S.gpg-agent",
    "/run/systemd/private", "/run/systemd/notify",
    "/run/systemd/journal/socket", "/run/systemd/journal/stdout",
    "/run/systemd/userdb/io.systemd.DynamicUser",
    "/run/systemd/io.systemd.ManagedOOM", "/run/systemd/machine/x",
    "/run/docker.sock", "/run/docker/x.sock", "/run/podman/podman.sock",
    "/run/containerd/containerd.sock", "/run/crio/crio.sock",
    "/run/buildkit/buildkitd.sock", "/run/lxd/unix.socket",
    "/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock",
    "/run/snapd.socket", "/run/snapd-snap.socket", "/run/acpid.socket",
    "/run/cups/cups.sock", "/run/pcscd/pcscd.comm", "/run/uuidd/request",
    "/run/rpcbind.sock", "/run/screen/S-x/x", "/run/tmux/{uid}/default",
    "/run/udev/control", "/run/polkit/agent-helper.socket",
)
LATE = "/run/docker.sock", "/run/podman/podman.sock", "/run/snapd.socket"
OTHER = "/run/other/x.sock"             # the one that is granted
LISTENER = """
import os, socket, sys, selectors
poll = selectors.DefaultSelector()
for path in sys.argv[2:]:
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    s = socket.socket(socket.AF_UNIX)
    s.bind(path); s.listen(8); os.chmod(path, 0o777)
    poll.register(s, selectors.EVENT_READ)
print("ready", flush=True)
heard = open(sys.argv[1], "ab", 0)
while True:
    for key, _ in poll.select():
        c, _ = key.fileobj.accept()
        c.settimeout(2)
        try:
            heard.write(c.recv(200) + b"\\n")
        except OSError:
            pass
        c.close()
"""


class Delegates:
    """A server whose machine has a /run of its own, full of services.

    Its policy grants one socket, so that only the masks stand before the
    others; a second policy grants none.
    """

    def __init__(self, w):
        self.w = w
        self.helpers = []
        self.hearing = w.server.dir / "heard"
        self.hearing.write_text("")
        self.hearing.chmod(0o666)
        self.files = {"read": [*sandbox_env.SYSTEM, "/run"]}
        self.server = client.Server(policy={
            **w.keys, **w.identity(), "files": self.files})
        self.server.wrapper = ["unshare", "-m", "sh", "-c",
                               "mount -t tmpfs -o mode=755 run /run && "
                               "exec \"$0\" \"$@\""]

    def __enter__(self):
        tool = self.server.work / "try"
        tool.write_bytes((self.server.build / "sandbox_try").read_bytes())
        tool.chmod(0o755)
        self.server.start()
        self.listen([self.w.text(p) for p in (*DELEGATES, OTHER)
                     if p not in LATE])
        self.server.add_policy("granted", unix_sockets=[OTHER])
        # mcp-execctl must see the same files as the executor
        out = subprocess.run(
            self.within(str(self.server.build / "mcp-execctl"), "-c",
                        str(self.server.config_file), "token", "add", "g",
                        "--policy", "granted"),
            stdout=subprocess.PIPE, text=True, check=True).stdout
        self.tokens = {"none": self.server.token,
                       "granted": sandbox_env.instance.TOKEN.search(out).group()}
        client.within("the token in force", 5, lambda: self.server.accepts(
            self.tokens["granted"]))
        return self

    def __exit__(self, *_):
        for helper in self.helpers:
            helper.kill()
            helper.wait()
        try:
            self.server.stop()
        finally:
            self.server.remove()

    def within(self, *words):
        return ["nsenter", "-t", str(self.server.process.pid), "-m", *words]

    def listen(self, paths):
        helper = subprocess.Popen(
            self.within("python3", "-c", LISTENER, str(self.hearing), *paths),
            stdout=subprocess.PIPE, text=True,
            preexec_fn=sandbox_env.instance.die_with_parent)
        self.helpers.append(helper)
        client.equal(helper.stdout.readline(), "ready\n", "listener")

    def heard(self, word, seconds=0.05):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if word in self.hearing.read_text():
                return True
            time.sleep(0.005)
        return False

    def control(self, path, word):
        subprocess.run(
            self.within("setpriv", f"--reuid={self.w.uid}",
                        f"--regid={self.w.uid}", "--clear-groups",
                        str(self.server.work / "try"), "unix", path, word),
            stdout=subprocess.DEVNULL, check=False)
        client.check(self.heard(word, 5), "the control did not work", path)

    def attack(self, path, policy):
        self.control(path, f"c{path}c")
        word = f"s{policy}{path}s"
        with self.server.http(token=self.tokens[policy]) as c:
            c.sh(f"./try unix {path} {word}")
        return self.heard(word, 2 if path == OTHER else 0.05)


@table("delegates")
def delegates(w):
    """One server for all rows, closed by the last one."""
    if os.geteuid() != 0 or "mounts" not in w.layers:
        yield "all", refuse_here
        return
    stack = contextlib.ExitStack()
    place = stack.enter_context(Delegates(w))
    yield "granted_works", lambda w: client.check(
        place.attack(OTHER, "granted"), "not reached")
    for path in DELEGATES:
        if path not in LATE:
            yield name_of(path), lambda w, p=w.text(path): masked(place, p)
    yield "late", lambda w: late(place)
    yield "late_granted", lambda w: late_granted(place)
    yield "closed", lambda w: stack.close()


def name_of(path):
    return path.removeprefix("/run/").replace("/", ".").format(uid="uid")


def masked(place, path):
    for policy in place.tokens:
        client.check(not place.attack(path, policy), "reached", path,
                     "with", policy)


def late(place):
    """Services that come up after the policy was loaded."""
    place.listen(list(LATE))
    reached = [p for p in LATE if place.attack(p, "none")]
    client.equal(reached, [], "reached, as they came after the load")


def late_granted(place):
    """Masks are of what there was at the load."""
    reached = [p for p in LATE if place.attack(p, "granted")]
    if reached:
        once(place.w)
        raise client.Skip("a policy that shows all of /run and grants a "
                          "socket there hides what was there when it was "
                          "loaded, as README.md says; reached: "
                          + " ".join(reached))


def refuse_here(w):
    as_root(w)
    sandbox_env.with_mounts(w)


@case("sockets.agent_in_tmp")
def agent(w):
    """ssh-agent and tmux leave their sockets in /tmp."""
    folder = pathlib.Path(f"/tmp/ssh-{w.names['tag']}")
    w.own_made(folder)
    path = folder / "agent.1"
    w.ear.add(1, 1, str(path))
    path.chmod(0o777)
    try:
        Attack("", UNIX + f"{path} {{word}}", told, policy="granted",
               needs=["mounts"])(w)
    finally:
        path.unlink()
        folder.rmdir()


@case("sockets.cron", only=once)
def cron(w):
    """Spools of cron and at are not written."""
    out = w.inside("for d in /var/spool/cron/crontabs /var/spool/cron "
                   "/var/spool/at /etc/cron.d /var/spool/anacron; do "
                   "echo x >$d/{tag} && echo wrote $d; done; :")
    client.check("wrote" not in out, out)
