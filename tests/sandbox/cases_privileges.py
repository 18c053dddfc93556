# SPDX-License-Identifier: MIT
"""Who a run is, what it may become, and whom it may touch."""
import contextlib
import os
import pathlib
import re
import struct
import subprocess
import time

import sandbox_env
from sandbox_env import (FILES, ROOT, THROUGH, Attack, add, as_root, case, client,
                   matches, once, says, through)

# How long one lives that must not be reached: longer than any look at it.
VICTIM_MS = 20000 * client.SLOW

NONE = "0000000000000000"


def status(w, policy="base", tool="cat /proc/self/status"):
    return dict(re.findall(r"^(\w+):\t(.*)$", w.inside(tool, policy), re.M))


@case("privileges.capabilities")
def capabilities(w):
    """None in any set, also in those for later."""
    direct = dict(re.findall(r"^(\w+):\t(.*)$", w.direct(
        "cat /proc/self/status", "root"), re.M))
    client.check(direct["CapBnd"] != NONE, "the control did not work", direct)
    inside = status(w)
    sets = ["CapInh", "CapPrm", "CapEff", "CapAmb"]
    if ROOT or "user" in w.layers:
        sets.append("CapBnd")
    for name in sets:
        client.equal(inside[name], NONE, name)


KEPT = 0x800000fb | 1 << 10         # @packages, ports below 1024


@case("privileges.kept", only=as_root)
def kept(w):
    """Those that the policy names, by all that the run starts, and no more."""
    for words in "cat /proc/self/status", "sh -c 'sh -c \"cat /proc/self/status\"'":
        inside = status(w, "kept", words)
        for name in "CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd":
            client.equal(int(inside[name], 16), KEPT, name)
        client.equal(inside["NoNewPrivs"], "1", "NoNewPrivs")
    out = w.inside("touch o; chown 1 o && stat -c o=%u o; rm o; "
                   "python3 -c 'import socket; s = socket.socket(); "
                   "s.bind((\"127.0.0.1\", 81)); print(\"bound\")'", "kept")
    client.check("o=1" in out and "bound" in out, "they are of use", out)
    client.check("cap_chown" in w.posture()["capabilities"], "the record")


@case("privileges.kept_does_not_escape", only=as_root)
def kept_stays(w):
    """Rights of root over files, of what the run sees; layers stay."""
    for policy in "kept", "kept_root":
        out = w.inside(
            "cat {out}/secret; echo x >/etc/{tag}; touch /usr/{tag}; "
            "cp /usr/bin/id s && chmod 4755 s && chown 0 s; "
            "mount -t tmpfs x /tmp; unshare -m true && echo unshared; "
            "setpriv --reuid 0 --regid 0 --clear-groups sh -c "
            "'echo x >/etc/{tag}; cat {out}/secret; unshare -m true && "
            "echo unshared'; {try} bind / /tmp; {try} setns /proc/1/ns/mnt; "
            "mknod d b 254 0 && echo made; kill -9 {executor}; "
            "{try} ptrace 1; {try} getfd 1 3; :", policy)
        client.check(w.names["secret"] not in out, "read", out)
        client.check(THROUGH not in out and "unshared" not in out
                     and "made" not in out, "left", out)
        client.check(not os.path.exists(w.text("/etc/{tag}")), "wrote")
        client.check(client.alive(w.server.process.pid), "killed")
        w.tidy()


@case("privileges.kept_network_is_not_passed_on", only=as_root)
def kept_network(w):
    """What a run could set in its network the next one does not find."""
    if "network" not in w.layers:
        raise client.Skip("the layer network is off")
    w.inside("ip link set lo up; ip address add 192.0.2.5/32 dev lo; "
             "ip -o address", "kept_root")
    out = w.inside("ip -o address; cat /proc/net/fib_trie; :", "kept_root")
    client.check("192.0.2.5" not in out, out)


@case("privileges.escapes_are_refused", only=as_root)
def escapes(w):
    """At load, and said by name."""
    once(w)
    for name in ("CAP_SYS_ADMIN", "cap_sys_ptrace", "CAP_MKNOD",
                 "CAP_AUDIT_CONTROL", "CAP_DAC_READ_SEARCH"):
        w.offer("escape", {"capabilities": [name]})
        said = w.unavailable.pop("escape", "")
        client.check(name.lower() in said, name, "was taken", said)


@case("privileges.identity")
def identity(w):
    uid = w.uid
    gid = uid if ROOT else os.getegid()
    out = w.inside("{try} ids")
    for line in (f"uid {uid} {uid} {uid}", f"gid {gid} {gid} {gid}",
                 "no_new_privs 1", "seccomp 2", "terminal 0"):
        client.check(line + "\n" in out, "not", line, "in", out)
    if ROOT:
        client.check("groups\n" in out, "groups", out)
        bits = int(re.search(r"securebits (\w+)", out)[1], 0)
        client.equal(bits & 3, 3, "securebits: NOROOT and locked")
    client.check("no_new_privs 0" in w.direct("{try} ids"), "the control")


@case("privileges.status")
def proc_status(w):
    s = status(w)
    client.equal(s["NoNewPrivs"], "1", "NoNewPrivs")
    client.equal(s["Seccomp"], "2", "Seccomp")
    client.equal(s["SigIgn"], NONE, "SigIgn")
    client.equal(s["SigBlk"], NONE, "SigBlk")
    client.equal(s["Umask"], "0077", "Umask")
    client.equal(set(s["Uid"].split()), {str(w.uid)}, "Uid")


@case("privileges.root_user", only=as_root)
def root_user(w):
    """A policy may say root; that is a user without a capability."""
    w.need_policy("rootuser")
    s = status(w, "rootuser")
    client.equal(s["Uid"].split()[0], "0", "uid")
    for name in "CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd":
        client.equal(s[name], NONE, name)
    private = w.file(w.path("{work}/private"), SECRET, 0o600)
    client.check(sandbox_env.SECRET in w.direct("cat private", "root"), "control")
    out = w.inside("cat private; chown 0 private; cat /proc/1/environ; "
                   "dmesg; hostname x; :", "rootuser")
    client.check(sandbox_env.SECRET not in out, "past another user's file", out)
    client.equal(private.stat().st_uid, w.uid, "owner")


SECRET = sandbox_env.SECRET


@case("privileges.root_proc_sys", only=as_root)
def root_proc_sys(w):
    """uid 0 owns the files of /proc/sys: they must be out of its reach."""
    w.need_policy("rootuser")
    path = "/proc/sys/kernel/printk_ratelimit_burst"
    with sandbox_env.alone(path):
        try_to_change(w, pathlib.Path(path))


def try_to_change(w, path):
    before = path.read_text().strip()
    other = str(int(before) + 1)
    w.direct(f"echo {other} >{path}", "root")
    changed = path.read_text().strip()
    w.direct(f"echo {before} >{path}", "root")
    client.equal(changed, other, "the control")
    w.inside(f"echo {other} >{path}; echo h >/proc/sysrq-trigger; "
             "echo '|/x' >/proc/sys/kernel/core_pattern; :", "rootuser")
    after = path.read_text().strip()
    w.direct(f"echo {before} >{path}", "root")
    client.equal(after, before, path)


@case("privileges.root_files", only=as_root)
def root_files(w):
    """uid 0 owns most of the host's files, too."""
    w.need_policy("rootuser")
    target = w.path("{dir}/rooted")
    target.write_text("as it was\n")
    w.inside("echo x >{dir}/rooted; echo x >/etc/{tag}; "
             "echo x >/usr/bin/{tag}; cat {dir}/log/audit.jsonl; "
             "echo >>{dir}/log/audit.jsonl; :", "rootuser")
    client.equal(target.read_text(), "as it was\n", "a file of root")
    for path in "/etc/", "/usr/bin/":
        client.check(not os.path.exists(path + w.names["tag"]), path)


# --- more privilege -------------------------------------------------------------

def as_setuid(w):
    """A program in the directory that would make anybody root."""
    path = w.path("{work}/suid")
    path.unlink(missing_ok=True)
    path.write_bytes(w.path("{try}").read_bytes())
    path.chmod(0o4755)


def as_setgid(w):
    as_setuid(w)
    w.path("{work}/suid").chmod(0o2755)


def with_file_caps(w):
    """vfs_cap_data, revision 2: cap_chown permitted and effective."""
    path = w.path("{work}/capable")
    path.unlink(missing_ok=True)
    with open("/usr/bin/cat", "rb") as f:
        path.write_bytes(f.read())
    path.chmod(0o755)
    os.setxattr(path, "security.capability",
                struct.pack("<5I", 0x02000001, 1, 0, 0, 0))


add(
    Attack("privileges.setuid_program", "./suid setuid", through,
           before=as_setuid, only=as_root),
    Attack("privileges.setgid_program", "./suid ids", matches("gid {uid} 0"),
           before=as_setgid, only=as_root),
    Attack("privileges.file_capabilities", "./capable /proc/self/status",
           matches("CapEff:\t0*1$"), before=with_file_caps, only=as_root),
    Attack("privileges.setuid_call", "{try} setuid", through,
           control="root"),
    Attack("privileges.ambient", "{try} ambient", through, control="root"),
    Attack("privileges.loginuid", "echo 4242 >/proc/self/loginuid; "
           "cat /proc/self/loginuid", says("4242"),
           needs=(*FILES, "loginuid")),
    Attack("privileges.chown_away", "touch o; chown 1 o && stat -c o=%u o",
           says("o=1"), control="root", only=as_root),
    Attack("privileges.core_limit", "ulimit -c unlimited; ulimit -c",
           matches("^unlimited$")),
)


@case("privileges.su", only=as_root)
def su(w):
    """setuid programs of the system gain nothing."""
    out = w.inside("grep -h . /proc/self/status | grep NoNewPrivs; "
                   "for p in /usr/bin/su /usr/bin/mount /usr/bin/passwd; do "
                   "test -u $p && echo is setuid; done; "
                   "su -c id </dev/null; sudo -n id; run0 id; pkexec id; :")
    client.check("is setuid" in out, "the control", out)
    client.check("uid=0" not in out, out)


@case("privileges.environment")
def environment(w):
    """Built from nothing, and not to be steered by a caller."""
    out = w.inside("env")
    client.check("MCP_TEST_CANARY" not in out, "the executor's own", out)
    own = b"LS_COLORS=\0"
    if ROOT:
        with open(f"/proc/{w.names['executor']}/environ", "rb") as f:
            own = f.read()
    for name in re.findall(rb"^(\w+)=", own.replace(b"\0", b"\n"), re.M):
        if name not in (b"PATH", b"HOME", b"LANG", b"USER", b"LOGNAME",
                        b"PWD", b"SHELL", b"SHLVL", b"_", b"FIXED",
                        b"TERM"):
            client.check(f"\n{name.decode()}=" not in "\n" + out, name, out)
    for name in ("LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "PATH",
                 "BASH_ENV", "ENV", "IFS", "PS4", "SHELLOPTS", "PYTHONPATH",
                 "PERL5OPT", "NODE_OPTIONS", "GIT_SSH_COMMAND",
                 "GCONV_PATH", "NOT_LISTED"):
        r = w.call("env", env={name: "/evil"})
        client.check("/evil" not in r.text or r.error, name, r)
        client.check(r.error, name, "was taken", r)
    r = w.call("echo CI=$CI", env={"CI": "1"})
    client.check("CI=1" in r.text, "what is allowed works", r)


# --- other processes -------------------------------------------------------------

def against(name, command, effect=through, needs=("pids", "landlock"),
            policy="base", covers="", only=None):
    """An attack on a process of the same user: first directly, then from a
    run; once on a process of the host, once on another token's run."""
    def on_host(w):
        if only:
            only(w)
        w.need_policy(policy)
        with victim(w) as pid:
            check_effect(w, effect, w.direct(command), True)
        with victim(w) as pid:
            out = w.inside(command + "; :", policy)
            return verdict(w, effect, out, needs, pid)

    def on_run(w):
        if only:
            only(w)
        w.need_policy(policy)
        w.path("{work}/victim").unlink(missing_ok=True)
        with w.running(f"exec {{try}} victim run {VICTIM_MS} >victim", "other"):
            line = client.within("a victim", 9, lambda: w.path(
                "{work}/victim").exists() and w.path(
                    "{work}/victim").read_text())
            _, w.names["address"] = line.split()
            w.names["pid"] = str(find_victim(w))
            out = w.inside(command + "; :", policy)
            note = verdict(w, effect, out, needs, w.names["pid"])
        w.path("{work}/victim").unlink(missing_ok=True)
        return note

    sandbox_env.CASES.append((f"processes.{name}_host", on_host))
    sandbox_env.CASES.append((f"processes.{name}_run", on_run))


def find_victim(w):
    def look():
        return [p for p in client.descendants(w.server.process.pid)
                if b"victim\0run" in cmdline(p)]
    return client.within("the victim's pid", 9, look)[0]


def cmdline(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline",
                                            "rb") as f:
        return f.read()
    return b""


@contextlib.contextmanager
def victim(w):
    with w.beside(f"{{try}} victim host {VICTIM_MS}") as (child, line):
        w.names["pid"], w.names["address"] = line.split()
        yield child.pid


def check_effect(w, effect, out, want):
    client.equal(effect.happened(w, out, want), want,
                 "the control did not work: " + out)


def verdict(w, effect, out, needs, pid):
    happened = effect.happened(w, out, False)
    if needs and not any(n in w.layers for n in needs):
        client.check(happened, "no longer a gap", out)
        return f"gap without {' or '.join(needs)}, as documented"
    client.check(not happened, "came through:", out)


class dead(sandbox_env.Effect):
    """The victim is no longer alive."""

    def happened(self, w, out, control):
        end = time.monotonic() + (5 if control else 0.05)
        while client.alive(w.names["pid"]) and time.monotonic() < end:
            time.sleep(0.01)
        return not client.alive(w.names["pid"])


against("kill", "kill -9 {pid}", dead())
against("pidfd_signal", "{try} pidfd-signal {pid} 9", dead())
against("ptrace", "{try} ptrace {pid}", needs=())
against("vm_read", "{try} vm-read {pid} {address}", says("secret-"),
        needs=())
against("vm_write", "{try} vm-write {pid} {address} x", needs=())
against("memory_file", "{try} mem {pid} {address}", says("secret-"))
against("descriptor", "{try} getfd {pid} 1", needs=())
against("prlimit", "{try} prlimit {pid} 100", needs=())
against("renice", "renice -n 19 -p {pid}; ps -o ni= -p {pid}",
        matches("^ *19$"), needs=["pids"])
against("see", "{try} find victim", needs=["pids"])
against("environ", "cat /proc/{pid}/environ | tr '\\0' '\\n'",
        matches("^PATH="))
against("cwd", "ls /proc/{pid}/cwd/", says("plain"))
against("build_ptrace", "{try} ptrace {pid}", policy="build", only=once)
against("build_vm_read", "{try} vm-read {pid} {address}", says("secret-"),
        policy="build", only=once)


# Seen, and that is all.  A number of the machine's is nobody's inside.
SEE = dict(policy="see", needs=())
against("see_kill", "kill -9 {pid}", dead(), **SEE)
against("see_pidfd_signal", "{try} pidfd-signal {pid} 9", dead(), **SEE)
against("see_procfd_signal", "{try} procfd-signal {pid} 9", dead(), **SEE)
against("see_ptrace", "{try} ptrace {pid}", **SEE)
against("see_vm_read", "{try} vm-read {pid} {address}", says("secret-"),
        **SEE)
against("see_memory_file", "{try} mem {pid} {address}", says("secret-"),
        **SEE)
against("see_descriptor", "{try} getfd {pid} 1", **SEE)
against("see_environ", "cat /proc/{pid}/environ | tr '\\0' '\\n'",
        matches("^PATH="), **SEE)
against("see_cwd", "ls /proc/{pid}/cwd/", says("plain"), **SEE)
against("see_root", "ls /proc/{pid}/root/", says("usr"), **SEE)
against("see_task_root", "ls /proc/{pid}/task/{pid}/root/", says("usr"),
        **SEE)
against("see_opened", "cat /proc/{pid}/fd/0 && echo " + THROUGH, through,
        **SEE)
against("see_program", "cat /proc/{pid}/exe | wc -c", matches("^[1-9]"),
        **SEE)
against("see_namespace", "stat -L /proc/{pid}/ns/mnt && echo " + THROUGH,
        through, **SEE)
against("see_prlimit", "{try} prlimit {pid} 100", **SEE)
against("see_renice", "renice -n 19 -p {pid}; ps -o ni= -p {pid}",
        matches("^ *19$"), **SEE)
against("see_oom", "echo 999 >/proc/{pid}/oom_score_adj; "
        "cat /proc/{pid}/oom_score_adj", matches("^999$"), **SEE)


@case("processes.see_works")
def see(w):
    """The machine's are listed, also where the run has many ids of its own."""
    w.need_policy("see")
    own = "for i in 1 2 3 4 5 6 7 8 9; do (:) & done; wait; "
    with w.beside(f"{{try}} victim host {VICTIM_MS}") as (child, _):
        out = w.inside(own * 20 + "ps -eo args; pidof try; {try} find victim; "
                       "cat /proc/self/status | grep -c Name; ps -p 1", "see")
        client.check("victim host" in out and THROUGH in out, out)
        client.check(re.search(rf"\b{child.pid}\b", out), "pidof", out)
        client.check("fatal" not in out, "ps", out)
    out = w.inside("sleep 9 & kill $!; wait $!; echo ended $?; "
                   "cat /proc/1/comm", "see")
    client.check("ended 143" in out, "its own can be signalled", out)
    client.check("mcp-execd-guard" not in out, "whose process 1", out)


@case("processes.see_records")
def see_records(w):
    """The guard finds its run's own processes, not the machine's."""
    w.need_policy("see")
    mark = client.mark()
    w.inside(f"/usr/bin/env printf {mark}; {{try}} sockets >/dev/null", "see")
    run = [r for r in w.server.audit("process-exec")
           if f"printf {mark}" in " ".join(r.get("process.args", []))
           and r["process.executable"].endswith("printf")]
    client.check(run, "the program that was started", mark)
    client.equal(run[-1].get("process.unconfirmed"), None, "confirmed")
    denial = w.server.audit("run-denial")[-1]
    client.equal(denial["process.name"], "try", "who was refused")


@case("processes.see_needs", only=as_root)
def see_needs(w):
    """What keeps files of other processes away is not left out."""
    if {"mounts", "pids", "landlock"} <= set(w.layers):
        return
    client.check('"processes": "see" needs' in w.unavailable.get("see", ""),
                 "loaded without", w.layers, w.unavailable)


@case("terminals.own", only=sandbox_env.with_mounts)
def terminals(w):
    out = w.inside("script -qec 'tty; stty size; ls /dev/pts' /dev/null; "
                   "python3 -c 'import os; m, s = os.openpty(); "
                   "print(os.ttyname(s), os.isatty(s))'; ls -l /dev/tty; "
                   "cat /dev/tty")
    client.check("/dev/pts/0\r" in out and "/dev/pts/0 True" in out, out)
    client.check("No such device" in out, "no terminal of its own", out)


@case("terminals.not_typed_into", only=sandbox_env.with_mounts)
def typed(w):
    # Python's traceback shows the line, from 3.13.
    push = ("python3 -c 'import fcntl, os, termios; m, s = os.openpty(); "
            "os.setsid(); fcntl.ioctl(s, termios.TIOCSCTTY, 0); "
            "fcntl.ioctl(s, termios.TIOCSTI, b\"x\"); print(\"push\" + \"ed\")'")
    out = w.inside("setsid -w " + push + "; :")
    client.check("pushed" not in out and "PermissionError" in out, out)


@case("terminals.line_discipline", only=sandbox_env.with_mounts)
def line_discipline(w):
    """The kernel loads a module for one that it does not have: attack surface
    that nobody needs in a run.  N_NULL, 27, is in every kernel."""
    give = ("python3 -c 'import fcntl, os, struct, termios; m, s = "
            "os.openpty(); fcntl.ioctl(s, termios.TIOCSETD, "
            "struct.pack(\"i\", 27)); print(\"giv\" + \"en\")'")
    run = subprocess.run(["sh", "-c", give], capture_output=True, text=True,
                         check=False)
    if "PermissionError" in run.stderr or "OSError" in run.stderr:
        raise client.Skip(f"refused outside, too: {run.stderr[-200:]}")
    client.check("given" in run.stdout, "control", run.stderr)
    out = w.inside(give + " 2>&1; :")
    client.check("given" not in out and "PermissionError" in out, out)


@case("terminals.bounded", only=sandbox_env.with_mounts)
def bounded(w):
    """The kernel's terminals are everybody's: a run has 64."""
    out = w.inside("python3 -c 'import os\nn = 0\ntry:\n while True:\n"
                   "  os.openpty(); n += 1\nexcept OSError as e:\n"
                   " print(n, e)'")
    client.check(re.search("^64 ", out, re.M), out)


@case("places.standard", only=sandbox_env.with_mounts)
def standard(w):
    """What programs expect to be there is there, and none of it the host's."""
    for policy in "base", "whole":
        out = w.inside("for d in /run /var/run /var/tmp /tmp /dev/pts "
                       "/dev/shm; do test -d $d/. && echo have $d; done; "
                       "test -c /dev/ptmx && test -c /dev/tty && echo devices",
                       policy)
        client.equal(out.count("have "), 6, out)
        client.check("devices" in out, out)
    client.equal(w.inside("ls -A /run").strip(), sandbox_env.END, "/run")


@case("places.whole", only=sandbox_env.with_mounts)
def whole(w):
    """The machine's file systems show as they are mounted, read-only."""
    words = "findmnt -rno TARGET | sort -u"
    there = set(w.direct(words).split())
    out = set(w.inside(words, "whole").split())
    client.check(there - out <= {t for t in there if t.startswith(
        ("/dev", "/proc", "/tmp"))}, "missing", there - out)
    host = w.direct("df -P / | tail -1").split()[:2]
    client.equal(w.inside("df -P / | grep ^/", "whole").split()[:2], host,
                 "df /")
    out = w.inside("for d in / /etc /usr /var /run /root /home; do "
                   "touch $d/{tag} && echo wrote $d; done; :", "whole")
    client.check("wrote" not in out, out)


@case("processes.guard")
def guard(w):
    """The guard of one's own run is out of reach as well."""
    out = w.inside("kill -9 1 $PPID; kill -STOP $PPID; {try} ptrace $PPID; "
                   "{try} mem $PPID 4096; {try} getfd $PPID 4; "
                   "{try} getfd 1 4; {try} prlimit $PPID 100; "
                   "{try} prlimit 1 100; cat /proc/$PPID/environ; "
                   "ls -l /proc/$PPID/fd; cat /proc/$PPID/maps; echo alive")
    client.check("alive" in out, out)
    client.check(THROUGH not in out, "came through:", out)
    client.check("socket:" not in out and "mcp-execd" not in out, out)


@case("processes.executor")
def executor(w):
    """Nor is the executor, nor the frontend."""
    pids = [w.server.process.pid, w.server.frontend_pid()]
    for pid in pids:
        out = w.inside(f"kill -9 {pid}; kill -STOP {pid}; "
                       f"{{try}} pidfd-signal {pid} 9; {{try}} ptrace {pid}; "
                       f"{{try}} getfd {pid} 3; "
                       f"{{try}} prlimit {pid} 100; :")
        client.check(THROUGH not in out, "came through:", out)
        client.check(client.alive(pid), "was killed:", pid)
    client.equal(w.server.get("/healthz").status, 200, "/healthz")


@case("processes.everybody")
def everybody(w):
    """kill(-1) reaches the run and nobody else."""
    with w.beside(f"{{try}} victim host {VICTIM_MS}") as (child, _):
        w.call("kill -9 -1; sleep 0.1")
        time.sleep(0.1)
        if not {"pids", "landlock"} & set(w.layers):
            raise client.Skip("nothing prevents it")
        client.check(child.poll() is None, "a process of the host was killed")
    with w.beside(f"{{try}} victim host {VICTIM_MS}") as (child, _):
        if ROOT:        # an ordinary user would kill its own session
            w.direct("kill -9 -1; true")
            client.within("the control", 5, lambda: child.poll() is not None)
    client.equal(w.server.get("/healthz").status, 200, "/healthz")


def mounts_in(w, policy):
    """Options of each place, as a run under this policy sees them."""
    out = w.inside("cat /proc/self/mountinfo; cat /proc/self/oom_score_adj",
                   policy)
    client.check("500" in out.splitlines(), "out of memory: ended first", out)
    return {words[4]: words[5].split(",") for line in out.splitlines()
            if len(words := line.split(" ")) > 9}


@case("privileges.mounts_as_shown", only=sandbox_env.with_mounts)
def mounts_as_shown(w):
    """What another layer refuses too: no set-user-ID program and no device
    anywhere, and nothing of what is ours can be written."""
    rw = w.names["rw"]
    for policy, more in ("files", ["/tmp", w.names["work"], w.names["ro"]]), \
            ("other_rw", ["/tmp"]):
        found = mounts_in(w, policy)
        for place in "/", "/proc", "/usr", "/dev", rw, *more:
            client.check("nosuid" in found[place], policy, place, found[place])
        for place, flags in found.items():
            client.check("nodev" in flags or place.startswith("/dev")
                         or place == "/", policy, place, flags)
        for place in "/", "/proc", "/usr", *more[2:]:
            client.check("ro" in found[place], policy, place, found[place])
        for place in "/tmp", rw:
            client.check("rw" in found[place], "control:", place, found[place])
    client.check("noexec" not in found[rw], "control: programs run", found)
