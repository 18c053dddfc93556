# SPDX-License-Identifier: MIT
"""System calls: each one that must not reach the kernel, and doors by which
calls go around a filter."""
import os
import re

import sandbox_env
from sandbox_env import (Attack, add, case, client, matches, once, table, through)

BLOCKED = {"EPERM", "ENOSYS", "EACCES"}
DEBUG = {"ptrace.peek", "ptrace.attach", "ptrace.seize", "process_vm_readv",
         "process_madvise", "pidfd_getfd", "kcmp"}


def own_families(w):
    """Made, and then decided by each address; which needs openat2(2)."""
    return set() if w.mode == "filtered" else {"unix"}


INTERNET = {"inet.stream", "inet.dgram", "inet6.stream", "inet6.dgram",
            "inet.high", "netlink.route", "inet.mptcp", "inet.sctp"}


def rows(text):
    """{name: what came of it} of try's tables."""
    return dict(re.findall(r"^([\w.]+) (.+)$", text, re.M))


def blocked(name, answer):
    """netlink's protocols are refused as a kernel without them does it."""
    return answer in BLOCKED or (name.startswith("netlink.") and
                                 answer == "EPROTONOSUPPORT")


class Table:
    """The rows of one of try's tables, inside and outside."""

    def __init__(self, w, verb, policy="base"):
        self.inside = rows(w.inside("{try} " + verb, policy))
        self.user = rows(w.direct("{try} " + verb))
        self.root = rows(w.direct("{try} " + verb, "root"))
        client.check(len(self.user) > 30, "table", verb, self.user)

    def check(self, name):
        client.check(name in self.inside, "no answer for", name)
        reached = [t[name] for t in (self.user, self.root)
                   if not blocked(name, t[name])]
        client.check(blocked(name, self.inside[name]), "reached the kernel:",
                     name, self.inside[name])
        client.check(reached, "the control did not work", self.user[name])

    def known(self):
        """Rows that tell a sandbox from none, and the others."""
        rest = [n for n in self.user
                if blocked(n, self.user[n]) and blocked(n, self.root[n])]
        return [n for n in self.user if n not in rest], rest

    def exactly(self, name, answer):
        client.equal(self.inside.get(name), answer, name)

    def lets(self, name):
        client.check(not blocked(name, self.inside[name]), "is refused:", name,
                     self.inside[name])


def without_control(t, rest):
    """What this kernel does not do even without a sandbox."""
    for name in rest:
        client.check(blocked(name, t.inside[name]), name, t.inside[name])
    if rest:
        raise client.Skip("no control, as this kernel or this user refuses "
                          "them without a sandbox: " + " ".join(rest))


def open_rows(t, w):
    """What a working program needs, and which must come through."""
    for name in t.inside:
        if name.startswith("allowed."):
            t.lets(name)


@table("calls")
def calls(w):
    t = Table(w, "calls")
    yield "allowed", lambda w: open_rows(t, w)
    names, rest = t.known()
    yield "not_in_this_kernel", lambda w: without_control(t, rest)
    for name in names:
        if name.startswith("clone3"):
            yield name, lambda w, n=name: t.exactly(n, "ENOSYS")
        elif not name.startswith("allowed."):
            yield name, lambda w, n=name: t.check(n)


@table("families")
def families(w):
    t = Table(w, "sockets")
    names, rest = t.known()
    yield "not_in_this_kernel", lambda w: without_control(t, rest)
    for name in names:
        yield name, lambda w, n=name: (
            t.lets if n in own_families(w) else t.check)(n)


@table("families_with_network")
def families_host(w):
    """The host's network opens IPv4 and IPv6, and nothing else."""
    t = Table(w, "sockets", "host")
    for name in t.known()[0]:
        if name in INTERNET | own_families(w):
            yield name, lambda w, n=name: t.lets(n)
        elif not name.endswith((".raw", ".ping")):
            yield name, lambda w, n=name: t.check(n)


@table("families_with_look")
def families_look(w):
    """Of the host's network what lists it: routing and ss(8)'s questions."""
    t = Table(w, "sockets", "look")
    for name in t.known()[0]:
        if name in own_families(w) | {"netlink.route", "netlink.diag"}:
            yield name, lambda w, n=name: t.lets(n)
        else:
            yield name, lambda w, n=name: t.check(n)


@case("calls.profile_strict", only=once)
def strict(w):
    t = Table(w, "calls", "strict")
    for name in t.user:
        if not name.startswith("allowed."):
            client.check(blocked(name, t.inside[name]), name, t.inside[name])
    open_rows(t, w)
    t = Table(w, "sockets", "strict")
    client.equal([n for n, a in t.inside.items() if not blocked(n, a)], [],
                 "sockets of strict")


@case("calls.profile_build", only=once)
def build(w):
    """Debugging is for build; the rest stays as it is."""
    t = Table(w, "calls", "build")
    for name in t.user:
        if not name.startswith("allowed."):
            client.equal(blocked(name, t.inside[name]), name not in DEBUG,
                         f"{name} {t.inside[name]} is blocked")


@case("calls.profile_network", only=once)
def network(w):
    t = Table(w, "sockets", "network")
    client.equal({n for n, a in t.inside.items() if not blocked(n, a)} - {
        "inet.raw", "inet6.raw", "inet.ping"},
        INTERNET | own_families(w) | {"netlink.diag"} & set(t.inside),
        "sockets of network")


# Ways around a filter, and what a filter is for.
add(
    Attack("syscalls.userns_unshare", "{try} userns", through),
    Attack("syscalls.userns_clone", "{try} clone-userns", through),
    Attack("syscalls.userns_clone3", "{try} clone3-userns", through),
    Attack("syscalls.userns_tool", "unshare -U true && echo " + sandbox_env.THROUGH,
           through),
    Attack("syscalls.io_uring", "{try} io-uring", through),
    Attack("syscalls.int80", "{try} int80; :", through),
    Attack("syscalls.x32", "{try} x32; :", through),
    Attack("syscalls.int80_tells", "{try} int80; echo status=$?",
           matches("^status=0$")),
    Attack("syscalls.add_key", "{try} add-key {tag}", through),
    Attack("syscalls.bind_mount", "mkdir -p m; {try} bind {work} {work}/m",
           through, control="root",
           direct="mkdir -p m; {try} bind {work} {work}/m && "
           "umount {work}/m"),
    Attack("syscalls.umount_proc", "{try} umount /proc", through,
           control="root", direct="unshare -m {try} umount /tmp; "
           "unshare -m {try} umount /dev/shm"),
    Attack("syscalls.setns", "{try} setns /proc/1/ns/net; "
           "{try} setns /proc/self/ns/net", through, control="root",
           direct="{try} setns /proc/self/ns/net"),
    Attack("syscalls.chroot", "mkdir -p m; chroot m /nothing; "
           "echo status=$?", matches("^status=127$"), control="root"),
    Attack("syscalls.nice", "nice -n -5 true 2>&1 | grep -c . ; "
           "nice -n -5 sh -c nice", matches(f"^{os.nice(0) - 5}$"),
           control="root",
           only=sandbox_env.as_root),
)


@case("syscalls.fork_works")
def fork(w):
    """clone3 is refused so that libc falls back, and does."""
    out = w.inside("for i in 1 2 3; do (echo $i) & done; wait; "
                   "python3 -c 'import threading as t; "
                   "a=t.Thread(target=print,args=(\"thread\",)); "
                   "a.start(); a.join()'")
    client.equal(sorted(out.split()[:4]), ["1", "2", "3", "thread"], "forks")


@case("syscalls.own_filter")
def own_filter(w):
    """no_new_privs lets a command add filters, never take one away."""
    out = w.inside("grep -E '^(Seccomp|NoNewPrivs)' /proc/self/status; "
                   "{try} userns; :")
    client.check(re.search(r"Seccomp:\s*2", out), out)
    client.check(sandbox_env.THROUGH not in out, out)
