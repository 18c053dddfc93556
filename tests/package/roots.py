# SPDX-License-Identifier: MIT
"""Root directories to install into, and machines that boot from them."""
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import time

from package_env import HERE, Failed, Skip, check, need, run, world

MIRROR = os.environ.get("BOOT_MIRROR", "http://deb.debian.org/debian")
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", "/var/cache")) \
    / "mcp-execd-tests"
PACKAGES = ("systemd,systemd-sysv,dbus,procps,curl,python3,iproute2,"
            "ca-certificates")
BOOT_S = 180
KEEP_S = 7 * 86400
# System calls that runs need, and that systemd-nspawn does not let through.
CALLS = "landlock_create_ruleset landlock_add_rule landlock_restrict_self " \
    "memfd_secret pidfd_getfd"


def need_root(*programs):
    if os.geteuid() != 0:
        raise Skip("needs root")
    need(*programs)


def inroot(root, *argv, network=False, **more):
    return run(HERE / "inroot", *(["-n"] if network else []), root, *argv,
               **more)


def depends():
    """Debian packages that ours depends on, one of each choice."""
    out = run("dpkg-deb", "-f", world.deb_file(), "Depends")
    return [item.split("|")[0].split()[0].split(":")[0]
            for item in out.split(",")]


def debian(suite, extra=()):
    """A fresh root of that release, kept for the next time; read only."""
    need_root("debootstrap")
    key = hashlib.sha256(f"{MIRROR} {suite} {PACKAGES} {sorted(extra)}"
                         .encode()).hexdigest()[:16]
    place = CACHE / f"root-{suite}-{key}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "root.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            for old in CACHE.glob("root-*"):
                if time.time() - old.stat().st_mtime > KEEP_S:
                    shutil.rmtree(old, ignore_errors=True)
            work = CACHE / f"root-{suite}-{key}.new"
            run("debootstrap", "--variant=minbase", f"--include={PACKAGES}",
                suite, work, MIRROR, limit=1500)
            if extra:
                inroot(work, "sh", "-c", "apt-get update -q && apt-get install"
                       " -y -q --no-install-recommends " + " ".join(extra),
                       network=True, limit=1500)
            work.rename(place)
        os.utime(place)
    return place


def copy(root, name):
    """A copy to change; gone at the end."""
    place = world.path / name
    run("cp", "-a", "--reflink=auto", root, place)
    return place


def remove_groups():
    """Control groups that systemd-nspawn leaves."""
    for mount in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified",
                  "/sys/fs/cgroup/systemd"):
        for name in ("payload", "supervisor"):
            for folder, _, _ in os.walk(f"{mount}/{name}", topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass


def boot(root, stage, script):
    """systemd in the root, running stage/script; its lines, by name.

    The root's own files stay as they are.  The script prints "ok NAME" and
    "FAIL NAME: why"; all of it comes back as {NAME: "" or why}.
    """
    need_root("systemd-nspawn")
    out = world.path / f"out-{script}"
    out.mkdir()
    unit = root / "etc/systemd/system/tests.service"
    unit.write_text(
        "[Unit]\nAfter=multi-user.target\n[Service]\nType=exec\n"
        f"ExecStart=/bin/sh -c 'exec python3 /stage/{script} >/out/log 2>&1'\n"
        f"ExecStopPost=/bin/systemctl poweroff\nRuntimeMaxSec={BOOT_S - 20}\n")
    wants = root / "etc/systemd/system/graphical.target.wants"
    wants.mkdir(exist_ok=True)
    if not (wants / "tests.service").is_symlink():
        (wants / "tests.service").symlink_to("../tests.service")
    try:
        console = run(
            "systemd-nspawn", "-D", root, "-b", "--volatile=overlay",
            "--register=no", "--keep-unit", "--private-network",
            "--console=pipe", f"--bind-ro={stage}:/stage",
            f"--bind={out}:/out", f"--system-call-filter={CALLS}",
            env={"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}, limit=BOOT_S,
            status=None)
    finally:
        remove_groups()
    log = out / "log"
    check(log.exists(), "it did not boot:", console[-2000:])
    text = log.read_text()
    found = {}
    for line in text.splitlines():
        m = re.match(r"(?:ok|FAIL) ([\w.]+)(?:: (.*))?$", line)
        if m:
            found[m[1]] = (m[2] or "?") if line.startswith("FAIL") else ""
    check("# the end" in text, "it did not come to its end:", text[-3000:])
    bad = [f"{name}: {why}" for name, why in found.items() if why]
    if bad:
        raise Failed("\n".join(bad))
    return found
