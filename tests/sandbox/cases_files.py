# SPDX-License-Identifier: MIT
"""Files: what a run reads and writes is what its policy says."""
import contextlib
import os
import pathlib
import shutil
import stat
import threading
import time

import sandbox_env
from sandbox_env import (FILES, SECRET, Attack, add, as_root, case, changed, client,
                   made, matches, says, through, with_mounts)

secret = says(SECRET)
OUT = "{out}/victim"
RO = "{ro}/victim"

# truncate(2) is a right of Landlock from its ABI 3, Linux 6.2, on.
TRUNCATE = FILES if sandbox_env.landlock_abi() >= 3 else ("mounts",)


class differs(sandbox_env.Effect):
    """A file no longer holds that text, or is gone."""

    def __init__(self, path, text):
        self.path, self.want = path, text

    def happened(self, w, out, control):
        try:
            return w.path(self.path).read_text() != self.want
        except OSError:
            return True


class holds(sandbox_env.Effect):
    """A file is there that holds something."""

    def __init__(self, path):
        self.path = path

    def happened(self, w, out, control):
        path = w.path(self.path)
        return path.is_file() and path.stat().st_size > 0


class link_at(holds):
    def happened(self, w, out, control):
        return w.path(self.path).is_symlink()


def link(target, name="{work}/l"):
    """Make a link inside, as the policy's user."""
    def before(w):
        path = w.path(name)
        path.unlink(missing_ok=True)
        path.symlink_to(w.text(target))
        w.own(path)
    return before


def fresh(*names):
    """Take away what an earlier command made."""
    def before(w):
        for name in names:
            w.path(name).unlink(missing_ok=True)
    return before


# Outside of everything the policy names.
add(
    Attack("files.read_outside", "cat {out}/secret", secret, needs=FILES),
    Attack("files.write_outside", "echo x >{out}/new", made("{out}/new"),
           needs=FILES),
    Attack("files.append_outside", "echo x >>" + OUT, changed(OUT),
           needs=FILES),
    Attack("files.truncate_outside", "{try} truncate " + OUT, changed(OUT),
           needs=TRUNCATE),
    Attack("files.delete_outside", "rm -f " + OUT, changed(OUT), needs=FILES),
    Attack("files.move_in", "mv " + OUT + " {work}/moved", changed(OUT),
           needs=FILES),
    Attack("files.move_out", "echo x >m; mv m {out}/new", made("{out}/new"),
           needs=FILES),
    Attack("files.mkdir_outside", "mkdir {out}/newdir", made("{out}/newdir"),
           needs=FILES),
    Attack("files.fifo_outside", "mkfifo {out}/new", made("{out}/new"),
           needs=FILES),
    Attack("files.socket_outside", "{try} unix-listen {out}/new",
           made("{out}/new"), needs=FILES),
    Attack("files.symlink_outside", "ln -s x {out}/new", made("{out}/new"),
           needs=FILES),
    Attack("files.chmod_outside", "chmod 777 " + OUT, changed(OUT),
           needs=["mounts"]),
    Attack("files.touch_outside", "touch -c -d 2001-01-01 " + OUT,
           changed(OUT), needs=["mounts"]),
    Attack("files.xattr_outside", "{try} xattr " + OUT + " user.x",
           changed(OUT), needs=["mounts"]),
    Attack("files.stat_outside", "stat -c there=%s {out}/secret",
           says("there="), needs=["mounts"]),
    Attack("files.list_outside", "ls {out}", says("secret"), needs=FILES),
    Attack("files.sibling_prefix", "cat {work}evil/secret", secret,
           needs=FILES),
    Attack("files.sibling_prefix_write", "echo x >{work}evil/new",
           made("{work}evil/new"), needs=FILES),
    Attack("files.dotdot", "cat ../out/secret sub/../../out/secret", secret,
           needs=FILES),
    Attack("files.cwd_changed", "cd ../out && cat secret", secret,
           needs=FILES),
)

# Through names inside.
add(
    Attack("files.symlink_read", "cat l", secret, needs=FILES,
           before=link("{out}/secret")),
    Attack("files.symlink_write", "echo x >l", changed(OUT), needs=FILES,
           before=link(OUT)),
    Attack("files.symlink_made_inside",
           "ln -sf {out} d; cat d/secret; rm -f d", secret, needs=FILES),
    Attack("files.symlink_chain", "ln -sf l l2; cat l2", secret, needs=FILES,
           before=link("sub/../../out/secret")),
    Attack("files.hardlink_in", "ln {out}/secret h && cat h", secret,
           needs=FILES, before=fresh("{work}/h")),
    Attack("files.hardlink_of_readable", "ln " + RO + " h && echo x >>h",
           changed(RO), policy="files", needs=FILES,
           before=fresh("{work}/h")),
    Attack("files.hardlink_over_readable", "echo x >h; ln -f h " + RO,
           changed(RO), policy="files", needs=FILES,
           before=fresh("{work}/h")),
    Attack("files.proc_root", "cat /proc/self/root{out}/secret", secret,
           needs=FILES),
    Attack("files.proc_cwd", "cat /proc/self/cwd/../out/secret", secret,
           needs=FILES),
    Attack("files.dev_fd", "cat /dev/fd/0/../../out/secret "
           "/proc/self/fd/../cwd/../out/secret", secret, needs=FILES),
    Attack("files.handle", "{try} handle {out}/secret", secret,
           control="root"),
)

# What may be read may not be changed.
add(
    Attack("files.readonly_write", "echo x >" + RO, changed(RO),
           policy="files", needs=FILES),
    Attack("files.readonly_append", "echo x >>" + RO, changed(RO),
           policy="files", needs=FILES),
    Attack("files.readonly_truncate", "{try} truncate " + RO, changed(RO),
           policy="files", needs=TRUNCATE),
    Attack("files.readonly_delete", "rm -f " + RO, changed(RO),
           policy="files", needs=FILES),
    Attack("files.readonly_replace", "echo x >r; mv -f r " + RO, changed(RO),
           policy="files", needs=FILES),
    Attack("files.readonly_create", "echo x >{ro}/new", made("{ro}/new"),
           policy="files", needs=FILES),
    Attack("files.readonly_mkdir", "mkdir {ro}/newdir", made("{ro}/newdir"),
           policy="files", needs=FILES),
    Attack("files.readonly_chmod", "chmod 777 " + RO, changed(RO),
           policy="files", needs=["mounts"]),
    Attack("files.readonly_touch", "touch -c -d 2001-01-01 " + RO,
           changed(RO), policy="files", needs=["mounts"]),
    Attack("files.readonly_xattr", "{try} xattr " + RO + " user.x",
           changed(RO), policy="files", needs=["mounts"]),
    Attack("files.readonly_remount", "{try} remount {ro}; echo x >" + RO,
           changed(RO), policy="files", needs=FILES,
           direct="echo x >" + RO),
)

add(
    Attack("files.readonly_reopened", "{try} reopen " + RO, changed(RO),
           policy="files", needs=["mounts"]),
    Attack("files.readonly_linked_open", "{try} link-open " + RO + " h",
           changed(RO), policy="files", needs=FILES,
           before=fresh("{work}/h")),
    Attack("files.readonly_tmpfile", "{try} tmpfile {ro} {ro}/new",
           made("{ro}/new"), policy="files", needs=FILES),
    Attack("files.readonly_tmpfile_across", "{try} tmpfile . {ro}/new",
           made("{ro}/new"), policy="files", needs=FILES),
    Attack("files.readonly_whiteout", "{try} whiteout " + RO + " r",
           changed(RO), policy="files", needs=FILES,
           before=fresh("{work}/r")),
)

# Hidden beneath what may be read and written.
add(
    Attack("files.hidden_read", "cat {rw}/hidden/secret", secret,
           policy="files", only=with_mounts),
    Attack("files.hidden_list", "ls {rw}/hidden", says("secret"),
           policy="files", only=with_mounts),
    Attack("files.hidden_file", "cat {rw}/masked", secret, policy="files",
           only=with_mounts),
    Attack("files.hidden_write", "echo x >{rw}/hidden/new",
           made("{rw}/hidden/new"), policy="files", only=with_mounts),
    Attack("files.hidden_renamed",
           "mv {rw}/hidden {rw}/shown; cat {rw}/shown/secret", secret,
           policy="files", only=with_mounts,
           direct="mv {rw}/hidden {rw}/shown; cat {rw}/shown/secret;"
           "mv {rw}/shown {rw}/hidden"),
    Attack("files.hidden_unmounted",
           "{try} umount {rw}/hidden; cat {rw}/hidden/secret", secret,
           policy="files", only=with_mounts),
)

# A rule stays where it is, whatever a run does to the directories above.
UP = "{rw}/up"
BACK = "; [ -e " + UP + " ] || mv {rw}/u " + UP
VENDOR = UP + "/lib/vendor/code"


def pinned(name, command, effect, back="", **more):
    add(Attack("files.pinned_" + name, command, effect, policy="pinned",
               only=with_mounts, direct=command + back, **more))


for n, (what, read) in enumerate((
        ("conf", "{rw}/up/c2/keys/secret"), ("", "{rw}/u/conf/keys/secret"))):
    source = UP + ("/" + what if what else "")
    aside = UP + "/c2" if what else "{rw}/u"
    back = f"; mv {aside} {source}"
    pinned(f"hidden_{n}", f"mv {source} {aside}; cat {read}", secret, back)
pinned("hidden_file", "mv " + UP + " {rw}/u; cat {rw}/u/env", secret, BACK)
pinned("hidden_linked", "ln " + UP + "/env {rw}/e; cat {rw}/e", secret,
       "; rm -f {rw}/e")
pinned("hidden_exchanged", "mkdir {rw}/x; {try} exchange {rw}/x " + UP +
       "/conf; cat {rw}/x/keys/secret", secret,
       "; {try} exchange {rw}/x " + UP + "/conf; rmdir {rw}/x")
pinned("hidden_replaced", "echo x >{rw}/n; mv -f {rw}/n " + UP + "/env",
       changed(UP + "/env"))
pinned("hidden_whiteout", "{try} whiteout " + UP + " {rw}/u; "
       "cat {rw}/u/conf/keys/secret", secret,
       "; rm -f " + UP + "; mv {rw}/u " + UP)
pinned("hidden_from_inside", "cd " + UP + "/conf; mv " + UP + " {rw}/u; "
       "mv ../conf ../c2; cat keys/secret ../env ./../conf/keys/secret; cd /",
       secret, "; mv {rw}/u/c2 {rw}/u/conf" + BACK)
pinned("hidden_by_descriptor", "exec 9<" + UP + "/conf; mv " + UP + " {rw}/u;"
       " for d in /proc/self/fd/9 /dev/fd/9 /proc/thread-self/fd/9; do cat "
       "$d/keys/secret $d/../env $d/../../up/env; done; exec 9<&-", secret,
       BACK)
pinned("hidden_link_open", "{try} link-open " + UP + "/env {rw}/e; "
       "cat {rw}/e", secret, "; rm -f {rw}/e",
       before=lambda w: w.file(w.path(UP + "/env"), SECRET + "\n"))
pinned("hidden_handle", "{try} handle " + UP + "/env", secret,
       control="root")
pinned("read_reopened", "{try} reopen " + VENDOR, changed(VENDOR))
pinned("read_tmpfile", "{try} tmpfile {rw} " + UP + "/lib/vendor/new",
       made(UP + "/lib/vendor/new"))
pinned("read_whiteout", "{try} whiteout " + VENDOR + " {rw}/v",
       changed(VENDOR), "; rm -f {rw}/v")
pinned("read_moved", "mv " + UP + "/lib " + UP + "/l2; echo x >" + UP +
       "/l2/vendor/code", differs(VENDOR, "as it was\n"),
       "; mv " + UP + "/l2 " + UP + "/lib",
       before=lambda w: w.file(w.path(VENDOR), "as it was\n"))
pinned("read_swapped", "mkdir {rw}/v; {try} exchange {rw}/v " + UP +
       "/lib/vendor; echo x >{rw}/v/code", differs(VENDOR, "as it was\n"),
       "; {try} exchange {rw}/v " + UP + "/lib/vendor; rmdir {rw}/v",
       before=lambda w: w.file(w.path(VENDOR), "as it was\n"))


# Where a run may change mounts, the other wall refuses each change.
add(Attack("files.pinned_from_elsewhere", "{try} elsewhere " + UP + "/lib vendor v2",
           differs(VENDOR, "as it was\n"), policy="unfiltered",
           only=with_mounts, direct="{try} elsewhere " + UP + "/lib vendor v2; "
           "rm -r " + UP + "/lib/vendor; mv " + UP + "/lib/v2 " + UP +
           "/lib/vendor; echo x >" + VENDOR,
           before=lambda w: w.file(w.path(VENDOR), "as it was\n")))


@case("files.moved_dotdot")
def moved_dotdot(w):
    """The host moves the directory that a command is in out of what it may
    see: ".." leads nowhere then."""
    go, moved = w.path("{rw}/go"), w.path("{out}/moved")
    begun = w.path("{rw}/begun")
    command = (f"cd {w.path('{rw}')}/m/d; echo x >{begun}; while [ ! -e {go} ]; do sleep 0.05;"
               f" done; cat ../secret ../../out/secret; :")
    for run in w.direct, lambda c: w.inside(c, "files"):
        w.own_made(w.path("{rw}/m"))
        w.own_made(w.path("{rw}/m/d"))
        got = []
        thread = threading.Thread(target=lambda r=run: got.append(r(command)))
        thread.start()
        client.within("it has begun", 9, begun.exists)
        begun.unlink()
        w.path("{rw}/m/d").rename(moved)
        go.write_text("")
        thread.join()
        go.unlink()
        moved.rmdir()
        client.equal(SECRET in got[0], run == w.direct, got[0])


@case("files.pinned_others_work", only=with_mounts)
def pinned_others(w):
    """What is next to a rule is free, and the next run sees the same."""
    w.file(w.path(VENDOR), "as it was\n")
    out = w.inside("cd " + UP + " && echo y >conf/new && mkdir d && mv conf/new d "
                   "&& cat d/new lib/vendor/code && rm -r d; ls", "pinned")
    client.equal(out.split(), ["y", "as", "it", "was", "conf", "env", "lib",
                               "the-end-of-it"], "next to it")


def replaced_meanwhile(name, place, new, look):
    """The host replaces the place of a rule during a run:
    the run must not get at it, and a run without the rule must."""
    @case("files.meanwhile_" + name, only=with_mounts)
    def run(w):
        for policy, want in ("pinned", False), ("other_rw", True):
            go, path = w.path("{rw}/go"), w.path(place)
            begun = w.path("{rw}/begun")
            old = path.with_name("old")
            got = {}

            def call(policy=policy, go=go, got=got, begun=begun):
                got["out"] = w.inside(
                    f"echo x >{begun}; while [ ! -e {go} ]; do sleep 0.05; done; " + look,
                    policy)
            thread = threading.Thread(target=call)
            thread.start()
            client.within("it has begun", 9, begun.exists)
            begun.unlink()
            keep = path.is_dir()
            path.rename(old)
            try:
                new(w, path)
                time.sleep(0.3)
                go.write_text("")
                thread.join()
            finally:
                go.unlink(missing_ok=True)
                shutil.rmtree(path) if keep else path.unlink()
                old.rename(path)
            client.equal(SECRET + "2" in got["out"], want,
                         policy + ": " + got["out"])


def new_file(w, path):
    w.file(path, SECRET + "2\n")


def new_folder(w, path):
    w.own_made(path)
    w.file(path / "secret", SECRET + "2\n")


def new_above(w, path):
    w.own_made(path)
    w.own_made(path / "keys")
    w.file(path / "keys/secret", SECRET + "2\n")


replaced_meanwhile("hidden_file", "{rw}/up/env", new_file,
                   "cat {rw}/up/env; :")
replaced_meanwhile("hidden_directory", "{rw}/up/conf/keys", new_folder,
                   "cat {rw}/up/conf/keys/secret; :")
replaced_meanwhile("above_hidden", "{rw}/up/conf", new_above,
                   "cat {rw}/up/conf/keys/secret; :")


@case("files.meanwhile_link", only=with_mounts)
def link_meanwhile(w):
    """The host puts a link where a rule's file was, which nothing can be
    mounted on: the run ends, and one without the rule goes on."""
    path = w.path("{rw}/up/env")
    old, new = path.with_name("old"), path.with_name("new")
    for policy, ends in ("pinned", True), ("other_rw", False):
        go, begun, got = w.path("{rw}/go"), w.path("{rw}/begun"), []
        command = (f"echo x >{begun}; while [ ! -e {go} ]; do sleep 0.05; "
                   "done; echo went on")
        thread = threading.Thread(target=lambda p=policy, c=command: got.append(
            w.call(c, p).text))
        thread.start()
        client.within("it has begun", 9, begun.exists)
        begun.unlink()
        path.rename(old)
        try:
            w.file(new, SECRET + "2\n")
            path.symlink_to(new)
            if ends:
                client.within("it has ended", 20, lambda: got)
        finally:
            go.write_text("")
            thread.join()
            go.unlink()
            path.unlink()
            new.unlink()
            old.rename(path)
        client.equal(f"{path} was replaced and could no longer be kept"
                     in got[0], ends, got[0])
        client.equal("went on" in got[0], not ends, got[0])


@case("files.meanwhile_held_place", only=with_mounts)
def held_place(w):
    """What holds the place of a name that is not there goes with the run,
    although the host has renamed what is above it, be it as it begins."""
    go, path = w.path("{rw}/go"), w.path("{work}/.git")
    hooks(w)
    shutil.rmtree(path / "hooks")
    thread = threading.Thread(target=w.call, args=(     # it may be refused
        f"while [ ! -e {go} ]; do sleep 0.05; done", "protect"))
    thread.start()
    client.within("it is held", 10, (path / "hooks").exists)
    path.rename(path.with_name("g"))
    go.write_text("")
    thread.join()
    go.unlink()
    client.equal(os.listdir(path.with_name("g")), [], "what is left")
    path.with_name("g").rmdir()


# Names inside the directory that must stay as they are, there or not.
def hooks(w):
    """A repository with a hook; and nothing of the other names."""
    w.path("{work}/.git").exists() and shutil.rmtree(w.path("{work}/.git"))
    for path in w.path("{work}/.git"), w.path("{work}/.git/hooks"):
        w.own_made(path)
    w.file(w.path("{work}/.git/hooks/pre-push"), "as it was\n")
    w.path("{rw}/.ssh").exists() and shutil.rmtree(w.path("{rw}/.ssh"))


def protected(name, command, effect, **more):
    add(Attack("files.protected_" + name, command, effect, policy="protect",
               before=hooks, only=with_mounts, **more))


HOOK = made("{work}/.git/hooks/pre-commit")
protected("write", "echo x >.git/hooks/pre-push",
          differs("{work}/.git/hooks/pre-push", "as it was\n"))
protected("delete", "rm -rf .git/hooks",
          differs("{work}/.git/hooks/pre-push", "as it was\n"))
protected("create", "echo x >.git/hooks/pre-commit", HOOK)
protected("renamed", "mv .git/hooks .git/h; mkdir .git/hooks; "
          "echo x >.git/hooks/pre-commit", HOOK)
protected("above_renamed", "mv .git g; mkdir -p .git/hooks; "
          "echo x >.git/hooks/pre-commit", HOOK)
protected("above_deleted", "rm -rf .git; mkdir -p .git/hooks; "
          "echo x >.git/hooks/pre-commit", HOOK)
protected("exchanged", "mkdir h; echo x >h/pre-commit; "
          "{try} exchange h .git/hooks", HOOK)
protected("missing", "mkdir .ssh; echo x >.ssh/authorized_keys",
          made("{work}/.ssh/authorized_keys"))
protected("missing_file", "echo x >authorized_keys",
          holds("{work}/authorized_keys"))
protected("missing_link", "ln -s {out} .ssh", link_at("{work}/.ssh"))
protected("missing_moved", "mkdir d; echo x >d/k; mv d .ssh",
          made("{work}/.ssh/k"))
protected("missing_deep", "mkdir -p deep/er; echo x >deep/er/name",
          holds("{work}/deep/er/name"))
protected("tmpfile", "{try} tmpfile . .git/hooks/pre-commit", HOOK)
protected("missing_tmpfile", "{try} tmpfile . authorized_keys",
          made("{work}/authorized_keys"))
protected("missing_whiteout", "echo x >k; {try} whiteout k authorized_keys",
          holds("{work}/authorized_keys"))
protected("missing_exchanged", "mkdir d; echo x >d/k; mkdir -p .ssh; "
          "{try} exchange d .ssh", made("{work}/.ssh/k"))
protected("reopened", "{try} reopen .git/hooks/pre-push",
          changed("{work}/.git/hooks/pre-push"))
protected("elsewhere", "mkdir {rw}/.ssh; echo x >{rw}/.ssh/k",
          made("{rw}/.ssh/k"))
protected("unmounted", "{try} umount {work}/.git/hooks; "
          "echo x >.git/hooks/pre-commit", HOOK)


@case("files.protected_others_work", only=with_mounts)
def others(w):
    """The names next to them are free, and no placeholder is left."""
    w.tidy()
    hooks(w)
    w.inside("echo x >.git/config; echo y >other; mkdir .sshd", "protect")
    client.equal(w.path("{work}/.git/config").read_text(), "x\n", "next to it")
    for name in ".ssh", "authorized_keys", "deep":
        path = w.path("{work}/" + name)
        client.within(name + " is gone", 5,
                      lambda path=path: not os.path.lexists(path))


def taken_meanwhile(name, there, take):
    """Somebody else takes a protected name, or what holds its place, away: a
    run still must not make it."""
    @case("files.protected_taken_" + name, only=with_mounts)
    def run(w):
        w.tidy()
        hooks(w)
        path = w.path("{work}/authorized_keys")
        begun, go, done = map(w.path, ("{rw}/begun", "{rw}/go", "{rw}/done"))
        for policy, want in ("protect", False), ("other_rw", True):
            for left in begun, go, done, path, w.path("{work}/new"):
                left.unlink(missing_ok=True)
            if there:
                w.file(path, "as it was\n")
            with w.running(f"echo x >{begun}; while [ ! -e {go} ]; do "
                           "sleep 0.05; done; echo x >new; "
                           "mv -T new authorized_keys; "
                           f"echo x >{done}; sleep 5", policy):
                client.within("it has begun", 9, begun.exists)
                take(w, path)
                time.sleep(0.3)
                go.write_text("")
                client.within("it was tried", 9, done.exists)
                client.equal(path.is_file(), want, policy)
        for left in begun, go, done, path:
            left.unlink(missing_ok=True)


def take_away(w, path):
    with contextlib.suppress(FileNotFoundError):
        path.rmdir() if path.is_dir() else path.unlink()


taken_meanwhile("place", False, take_away)
taken_meanwhile("file", True, take_away)
taken_meanwhile("renamed", True, lambda w, path: path.rename(
    w.path("{out}/aside")))


@case("files.protected_while_others_end", only=with_mounts)
def overlapping(w):
    """The end of one run does not open the names to another."""
    w.tidy()
    hooks(w)
    with w.running("sleep 0.6; mkdir .ssh; echo x >.ssh/k; "
                   "echo x >authorized_keys; sleep 5", "protect"):
        for _ in range(3):
            w.inside("true", "protect")
        time.sleep(1)
        # its place holder cannot be entered
        with contextlib.suppress(PermissionError):
            client.check(not w.path("{work}/.ssh/k").exists(), ".ssh")
    for name in ".ssh", "authorized_keys":
        path = w.path("{work}/" + name)
        client.within(name + " is gone", 5,
                      lambda path=path: not os.path.lexists(path))


# Temporary files, and what runs leave to each other.
add(
    Attack("files.tmp_of_host", "cat /tmp/{tag}", secret, needs=FILES,
           before=lambda w: w.file(w.path("/tmp/{tag}"), SECRET)),
    Attack("files.tmp_to_host", "echo x >/tmp/{tag}.new",
           made("/tmp/{tag}.new"), needs=FILES),
    Attack("files.tmp_predictable", "echo x >/tmp/{tag}.link",
           changed(OUT), needs=FILES,
           before=link(OUT, "/tmp/{tag}.link")),
    Attack("files.var_tmp_to_host", "echo x >/var/tmp/{tag}.new",
           made("/var/tmp/{tag}.new"), needs=FILES),
    Attack("files.shm_to_host", "echo x >/dev/shm/{tag}.new",
           made("/dev/shm/{tag}.new"), needs=FILES),
)


def between(name, put, get, drop, needs):
    """What one run leaves, another one must not find; nor does the host keep it."""
    def before(w):
        w.direct(put)

    attack = Attack(name, f"{get}; {put}; :", secret, needs=needs,
                    before=before)

    def run(w):
        attack.check_control(w)
        w.direct(drop + "; :")
        w.inside(put + "; :")
        out = w.inside(get)
        w.direct(drop + "; :")
        happened = SECRET in out
        if needs and not any(n in w.layers for n in needs):
            client.check(happened, "no longer a gap", out)
            return f"gap without {' or '.join(needs)}, as documented"
        client.check(not happened, "came through:", out)

    sandbox_env.CASES.append((name, run))


between("files.tmp_between_runs", "echo {secret} >/tmp/{tag}.b",
        "cat /tmp/{tag}.b", "rm -f /tmp/{tag}.b", FILES)
between("files.shm_between_runs", "echo {secret} >/dev/shm/{tag}.b",
        "cat /dev/shm/{tag}.b", "rm -f /dev/shm/{tag}.b", FILES)
between("files.sysv_between_runs", "{try} shm-put {uid} {secret}",
        "{try} shm-get {uid}; ipcrm -M {uid}", "ipcrm -M {uid}", ["ipc"])
between("files.mqueue_between_runs", "{try} mq-put /{tag} {secret}",
        "{try} mq-get /{tag}", "{try} mq-drop /{tag}", ["ipc", "landlock"])


@case("files.granted_works")
def granted(w):
    """The other side of all this: what a policy grants is there."""
    out = w.inside("cat {ro}/secret {rw}/secret; echo y >{rw}/w; cat {rw}/w;"
                   "echo z >{work}/w; cat {work}/w; echo t >/dev/null",
                   "files")
    client.equal(out.split()[:4], [SECRET, SECRET, "y", "z"], "granted")
    client.equal(w.path("{rw}/w").read_text(), "y\n", "on the host")


DEVICES = """
for d in null zero full random urandom; do
    : >/dev/$d && : >>/dev/$d && printf '' | tee /dev/$d && echo $d
done
ls /nowhere 2>/dev/null; echo y 2>/dev/null
dd if=/dev/zero of=/dev/null count=1
"""
OWN_STREAMS = """
echo out >/dev/stdout; echo err >/dev/stderr; echo x >/dev/fd/1
(: </dev/stdout) 2>/dev/null || echo write-only
"""


@case("files.devices_with_creat")
def devices_with_creat(w):
    """open(2) with O_CREAT, as every shell does for ">", of each device."""
    want = "null zero full random urandom y".split()
    for run in (w.direct, w.inside):
        out = run(DEVICES)
        client.equal([x for x in out.split() if x in want], want, out)
        client.check("denied" not in out.lower(), out)


@case("files.own_streams_by_name")
def own_streams_by_name(w):
    """/dev/stdout and its like, which are pipes of the server's."""
    out = w.inside(OWN_STREAMS)
    for word in "out", "err", "x":
        client.check(word in out.split(), out)
    if sandbox_env.ROOT:
        client.check("write-only" in out, out)


# Nothing of the server's own is in reach.
add(
    Attack("files.server_config", "cat {dir}/mcp-execd.json", says("listen"),
           needs=FILES, control="root"),
    Attack("files.server_tokens", "cat {dir}/tokens.d/*", says("verifier"),
           needs=FILES, control="root"),
    Attack("files.server_policy_write", "echo {} >{dir}/policies.d/x.new",
           made("{dir}/policies.d/x.new"), needs=FILES, control="root"),
    Attack("files.server_audit_read", "cat {dir}/log/audit.jsonl",
           says("run-intent"), needs=FILES, control="root"),
    Attack("files.server_audit_cut", "{try} truncate {dir}/log/copy",
           changed("{dir}/log/copy"), needs=FILES, control="root"),
    Attack("files.server_environ", "cat /proc/{executor}/environ "
           "/proc/1/environ | tr '\\0' '\\n'", matches("^PATH="),
           control="root", direct="cat /proc/{executor}/environ | "
           "tr '\\0' '\\n'"),
    Attack("files.server_memory", "cat /proc/{executor}/maps /proc/1/maps",
           matches("mcp-execd$"), control="root",
           direct="cat /proc/{executor}/maps"),
    Attack("files.server_descriptors", "ls -l /proc/{executor}/fd /proc/1/fd",
           says("audit.jsonl"), control="root"),
    Attack("files.server_program", "head -c 4 /proc/1/exe /proc/{executor}/exe"
           " /proc/$PPID/exe", says("ELF"), control="root",
           direct="head -c 4 /proc/{executor}/exe"),
)


OWN = ("log/audit.jsonl", "log/seal.state", "control.sock",
       "mcp-execd.json", "policies.d/test.json", "tokens.d/test.json",
       "control.sock.jobs/mark")


@case("files.own_places", only=with_mounts)
def own_places(w):
    """Shown by the policy, and as the executor's own user: hidden still."""
    # of one that is there later, in a directory that stays to be seen
    server = client.Server({"control": "control.sock"}, {
        **w.keys, "user": "root" if sandbox_env.ROOT else os.geteuid()})
    server.policy["files"] = {"read": [*sandbox_env.SYSTEM, str(server.dir)]}
    server.write()
    (server.dir / "shown").write_text("shown")
    server.ctl("audit", "seal-init")
    with server, server.http() as c:
        (server.dir / "control.sock.jobs/mark").write_text("mark")
        for name in OWN:
            client.check((server.dir / name).exists(), "control:", name)
        for _ in range(2):
            r = c.sh(f"cd {server.dir}; cat shown; for f in {' '.join(OWN)} "
                     "log/audit.jsonl.*; do cat $f; test -S $f && echo $f; "
                     "done; ls log policies.d tokens.d control.sock.jobs; :")
            client.equal(r.data["stdout"], "shown", r.data["stderr"])
            server.ctl("audit", "rotate")   # other files of the same names


@case("files.server_program_unchanged")
def program(w):
    """CVE-2019-5736: the executor's image through /proc/PID/exe."""
    file = w.server.build / "mcp-execd"
    before = file.read_bytes()
    out = w.inside("for p in /proc/[0-9]*; do (echo x >>$p/exe) 2>&1; "
                   "readlink $p/exe; done; :")
    client.check("mcp-execd" not in out or "enied" in out, out)
    client.check(file.read_bytes() == before, "the program was changed")


# Devices, and the kernel's files.
add(
    Attack("files.mknod", "{try} mknod {work}/n 1 5", through,
           control="root"),
    Attack("files.kmsg", "dd if=/dev/kmsg of=/dev/null bs=8192 count=1 && echo {secret}",
           secret, needs=FILES, control="root"),
    Attack("files.sys", "ls /sys/class/net", matches("^lo$"), needs=FILES),
    Attack("files.comm_of_host", "cat /proc/{executor}/comm",
           says("mcp-execd"), needs=["mounts"]),
    Attack("files.oom_score", "echo 321 >/proc/self/oom_score_adj; "
           "cat /proc/self/oom_score_adj", matches("^321$"), needs=FILES),
)


def node(w):
    """A device node that root left in the directory."""
    path = w.path("{work}/zero")
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    path.chmod(0o666)


add(
    Attack("files.device_in_directory", "head -c 3 zero | od -An -tx1",
           matches("00 00 00"), needs=["mounts"], only=as_root, before=node),
)


# Nothing writable executes, where the policy says noexec.
def copy_to(place):
    x = place + "/{tag}.x"
    return f"cp /usr/bin/id {x} && chmod 755 {x} && {x} -u"


uid = matches("^{uid}$")
add(
    Attack("files.noexec_memfd", "{try} memfd /usr/bin/id",
           matches("uid={uid}"), policy="files", needs=[*FILES, "seccomp"]),
    Attack("files.noexec_directory", copy_to("{work}"), uid, policy="files",
           needs=FILES),
    Attack("files.noexec_write", copy_to("{rw}"), uid, policy="files",
           needs=FILES),
    Attack("files.noexec_tmp", copy_to("/tmp"), uid, policy="files",
           needs=FILES),
    Attack("files.noexec_shm", copy_to("/dev/shm"), uid, policy="files",
           needs=FILES),
    Attack("files.noexec_script", "printf '#!/bin/sh\\nid -u\\n' >s; "
           "chmod 755 s; ./s", uid, policy="files", needs=FILES),
    Attack("files.noexec_loader",
           "cp /usr/bin/id x; /lib64/ld-linux-x86-64.so.2 ./x -u", uid,
           policy="files", needs=["mounts"]),
    Attack("files.noexec_map", "{try} map {work}/try", through,
           policy="files", needs=["mounts"]),
    Attack("files.noexec_remount",
           "{try} remount {work}; " + copy_to("{work}"), uid,
           policy="files", needs=FILES, direct=copy_to("{work}")),
)

# Room in private places.
add(
    Attack("files.tmp_full", "{try} fill /tmp/{tag}.f 8; rm /tmp/{tag}.f",
           says(" all"), policy="files", only=with_mounts),
    Attack("files.shm_full",
           "{try} fill /dev/shm/{tag}.f 8; rm /dev/shm/{tag}.f",
           says(" all"), policy="files", only=with_mounts),
    Attack("files.tmp_inodes", "mkdir /tmp/{tag}.d; {try} inodes "
           "/tmp/{tag}.d 20000; rm -r /tmp/{tag}.d", says(" all"),
           policy="files", only=with_mounts),
    Attack("files.dev_full", "{try} fill /dev/{tag}.f 8", says(" all"),
           policy="files", only=with_mounts, control="root",
           direct="{try} fill /dev/{tag}.f 8; rm -f /dev/{tag}.f"),
)


@case("files.tmp_cleaned")
def cleaned(w):
    """Take away what the controls left on the host."""
    for top in "/tmp", "/var/tmp", "/dev/shm":
        for path in pathlib.Path(top).glob(w.names["tag"] + "*"):
            path.unlink()
    w.direct("ipcrm -M {uid} 2>/dev/null; {try} mq-get /{tag} >/dev/null")
    name = w.names["tag"].encode()
    sandbox_env.libc().syscall(241, b"/" + name)      # mq_unlink
    for queue in sandbox_env.queues(w.uid):
        pathlib.Path("/dev/mqueue", queue).unlink(missing_ok=True)
