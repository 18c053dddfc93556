# SPDX-License-Identifier: MIT
"""Roots that are prepared for runs: what the host does later is seen.

Each test waits until a run is in a copy of a prepared root, which shows in its
mountinfo: the first private directory is mounted on what it lies in.
"""
import contextlib
import json
import os
import subprocess
import tempfile
import threading
import time

from client import (SLOW, Http, Server, Skip, check, equal, fds, guards, mark,
                    within)

OWN = "grep -c ' /dev/shm ' /proc/self/mountinfo"


def is_prepared(c):
    return c.sh(OWN).data["stdout"].strip() == "2"


@contextlib.contextmanager
def prepared(before=lambda place: None, config=None, **policy):
    """A server, its client, and a place of root's, filled by `before`."""
    if os.geteuid() != 0:
        raise Skip("only root's runs have a prepared root")
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        before(place)
        policy = json.loads(json.dumps(policy).replace("PLACE", place))
        with Server(policy=policy, config=config) as server, \
                Http(server) as c:
            within("a prepared root", 10 * SLOW, lambda: is_prepared(c))
            yield server, c, place


@contextlib.contextmanager
def mounted(where):
    done = subprocess.run(["mount", "-t", "tmpfs", "none", where],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Skip("mount is not permitted here: " + done.stderr)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", where], check=True)


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o644)


# What is on top of each place.
VIEW = ("awk '{m[$5]=$6} END {for (p in m) print p, m[p]}' "
        "/proc/self/mountinfo | sort; "
        "stat -c '%A %u %g %N' / /* /dev/* /tmp /var/tmp; "
        "grep -E 'Cap|NoNew|Seccomp|Groups' /proc/self/status")


def test_view():
    """A run sees the same, with and without."""
    with prepared() as (server, c, _):
        ours = c.sh(VIEW).data["stdout"].replace(str(server.dir), "DIR")
    with Server(config={"templates": False}) as server, Http(server) as c:
        for _ in range(3):
            equal(c.sh(OWN).data["stdout"].strip(), "1", "switched off")
        its = c.sh(VIEW).data["stdout"].replace(str(server.dir), "DIR")
    equal(ours, its, "what is seen")


def test_names_of_mounts():
    """What findmnt and df print of a run's mounts is text."""
    odd = "LC_ALL=C grep -c '[^ -~]'"
    with prepared() as (_, c, _place):
        equal(c.sh(f"printf '\\1' | {odd}").data["stdout"].strip(), "1",
              "control")
        equal(c.sh(f"{odd} /proc/self/mountinfo").data["stdout"].strip(), "0",
              c.sh("cat -v /proc/self/mountinfo").data["stdout"])


def test_nothing_is_left():
    """Neither writes nor names reach the next run."""
    with prepared() as (_, c, _place):
        for path in "/tmp", "/var/tmp", "/dev/shm":
            check(not c.sh(f"touch {path}/left && ls {path}/left").error,
                  "control", path)
            check(is_prepared(c), "control")
            said = c.sh(f"ls -A {path} | grep -c left || true")
            equal(said.data["stdout"].strip(),
                  "0", path)
        for path in "/dev", "/", "/dev/pts", "/proc":
            check(c.sh(f"touch {path}/left").error, path)


def test_mounts_of_host():
    with prepared(files={"read": ["@system", "PLACE"]}) as (_, c, place):
        os.mkdir(f"{place}/in")
        write(f"{place}/in/below", "below")
        within("prepared", 10 * SLOW, lambda: is_prepared(c))
        equal(c.sh(f"cat {place}/in/*").text, "below", "control")
        with mounted(f"{place}/in"):
            write(f"{place}/in/above", "above")
            equal(c.sh(f"cat {place}/in/*").text, "above", "mounted")
            within("prepared", 10 * SLOW, lambda: is_prepared(c))
            equal(c.sh(f"cat {place}/in/*").text, "above", "and prepared")
        equal(c.sh(f"cat {place}/in/*").text, "below", "unmounted")


def test_unmounted_is_not_held():
    """A file system that the host unmounted is not kept by a template."""
    with prepared(files={"read": ["@system", "PLACE"]}) as (s, c, place):
        os.mkdir(f"{place}/in")
        with mounted(f"{place}/in"):
            within("prepared", 10 * SLOW, lambda: is_prepared(c))
            check(namespaces(s) == 2, "control")
        within("let go", 5 * SLOW, lambda: namespaces(s) == 1)


def namespaces(server):
    """Of mounts: those that the launcher has open; the host's is one."""
    found = 0
    fds = f"/proc/{server.launcher_pid()}/fd"
    for fd in os.listdir(fds):
        with contextlib.suppress(OSError):
            found += os.readlink(f"{fds}/{fd}").startswith("mnt:")
    return found


HIDDEN = {"read": ["@system", "PLACE"], "hide": ["PLACE/secret"]}


def hidden(c, place, what):
    out = c.sh(f"cat {place}/secret 2>&1; cat {place}/open")
    check("SECRET" not in out.text and "open" in out.text, what, out.text)


def test_hidden_stays_hidden():
    """Whatever the host does with the name between two runs."""
    def before(place):
        write(f"{place}/open", "open")
        write(f"{place}/secret", "SECRET")

    with prepared(before, files=HIDDEN) as (_, c, place):
        secret = f"{place}/secret"
        for what, change in (
                ("made again", lambda: (os.unlink(secret), c.sh("true"),
                                       write(secret, "SECRET"))),
                ("renamed over", lambda: (write(f"{place}/new", "SECRET"),
                                          os.rename(f"{place}/new", secret))),
                ("away and linked back", lambda: (
                    os.rename(secret, f"{place}/.x"),
                    os.link(f"{place}/.x", secret),
                    os.chmod(f"{place}/.x", 0o600),
                    os.unlink(f"{place}/.x"), os.chmod(secret, 0o644))),
                ("written again", lambda: (os.unlink(secret),
                                           write(secret, "SECRET")))):
            within("prepared", 10 * SLOW, lambda: is_prepared(c))
            hidden(c, place, "before " + what)
            change()
            hidden(c, place, what)
            hidden(c, place, what + ", again")


def test_protected_name():
    """There, gone and there again: never to be written."""
    def before(place):
        os.mkdir(f"{place}/work", 0o755)
        os.chmod(f"{place}/work", 0o777)
        write(f"{place}/work/keep", "mine")

    with prepared(before, directory="PLACE/work",
                  files={"protect": ["keep"]}) as (server, c, _):
        keep = server.work / "keep"

        def refused(what):
            c.sh("echo changed >keep; mkdir keep; mv keep other")
            check(not (server.work / "other").exists(), what)
            check(not keep.is_file() or keep.read_text() == "mine", what)
        os.chmod(keep, 0o666)
        check(not c.sh("echo x >elsewhere").error, "control")
        refused("there")
        keep.unlink()
        refused("gone")
        write(keep, "mine")
        refused("there again")


def replace(work, name, pause):
    """As who unpacks another one next to it and renames it into place."""
    os.mkdir(work / "new")
    os.rename(work / name, work / "old")
    time.sleep(pause)
    os.rename(work / "new", work / name)
    os.rmdir(work / "old")


def test_protected_name_is_replaced():
    """Again and again while a run goes on, which that does not end."""
    def before(place):
        os.makedirs(f"{place}/work/keep", 0o755)
        os.chmod(f"{place}/work", 0o777)

    with prepared(before, directory="PLACE/work",
                  files={"protect": ["keep"]}) as (server, c, _):
        go, keep = server.work / "go", server.work / "keep"
        conn = c.begin("touch began; until [ -e go ]; do sleep .1; done; "
                       "touch keep/x || echo refused")
        within("it runs", 10, (server.work / "began").exists)
        for i in range(400):
            replace(server.work, "keep", .0003 * (i % 5))
            time.sleep(.003)
        go.touch()
        done = c.finish(conn)
        conn.close()
        check("refused" in done.text and not done.error, done.text)
        check(keep.is_dir() and not list(keep.iterdir()), "it was written to")


def test_place_is_another():
    """As without: a place that is another one than at load is refused."""
    with prepared(files={"read": ["@system", "PLACE"]}) as (_, c, place):
        check(not c.sh(f"ls {place}").error, "control")
        os.rename(place, place + ".old")
        try:
            os.mkdir(place)
            out = c.sh("true")
            check(out.error and "another one" in out.text, out.text)
        finally:
            os.rmdir(place)
            os.rename(place + ".old", place)
        check(not c.sh(f"ls {place}").error, "put back")


def test_parallel():
    """Runs side by side, while the host mounts: none fails."""
    with prepared() as (server, c, _):
        target = server.dir / "mnt"
        target.mkdir()
        conns = []
        for i in range(24):
            conns.append(c.begin("ls /usr/bin/env && touch /tmp/$$"))
            if i % 8 == 4:
                with mounted(target):
                    pass
            if len(conns) == 8:
                for conn in conns:
                    check(not c.finish(conn).error, "a run")
                    conn.close()
                conns = []


def test_guard_keeps_no_way_out():
    """What its root was copied from is closed before the command begins: a
    descriptor of a namespace or a directory would lead out of the run's.  (One
    that has several runs has its own proc and message queues, and theirs.)"""
    with prepared(config={"reuse_guards": False}) as (server, c, _):
        begun = mark()
        thread = threading.Thread(target=lambda: c.sh(
            f"{OWN} >{begun}; exec sleep 1000"))
        thread.start()
        shown = server.work / begun
        within("the run", 10, lambda: shown.exists() and shown.read_text())
        equal(shown.read_text().strip(), "2", "a prepared root")
        guard, = guards(server)
        held = sorted(fds(guard).values())
        os.kill(guard, 9)
        thread.join()
        check(any(t.startswith("socket:") for t in held), "control", held)
        equal([t for t in held if not t.startswith(
            ("socket:", "pipe:", "anon_inode:", "pidfd:", "/dev/null"))],
              [str(server.work)], "what it holds")
