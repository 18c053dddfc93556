# SPDX-License-Identifier: MIT
"""What the steps of tests/package share: paths, commands, packages."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
STEPS = []                  # (name, function, long)
VERSION = re.search(r"(?m)^VERSION := (\S+)",
                    (TOP / "Makefile").read_text()).group(1)
PLACES = ["PREFIX=/usr", "libexecdir=/usr/libexec"]


class Failed(AssertionError):
    pass


class Skip(Exception):
    pass


def step(name, long=False):
    def put(function):
        STEPS.append((name, function, long))
        return function
    return put


def check(condition, *what):
    if not condition:
        raise Failed(" ".join(str(w) for w in what)[:4000])


def equal(got, wanted, what):
    check(got == wanted, f"{what}: got {got!r}, not {wanted!r}")


def same_sets(got, wanted, what):
    more, less = sorted(set(got) - set(wanted)), sorted(set(wanted) - set(got))
    check(not more and not less, f"{what}: too many {more}, missing {less}")


def run(*argv, cwd=TOP, env=None, limit=900, status=0, **more):
    """Standard output and error, together; fails on another status.  What is
    None in env is not in the environment."""
    merged = {**os.environ, **(env or {})}
    done = subprocess.run([str(a) for a in argv], cwd=cwd, text=True,
                          env={k: v for k, v in merged.items()
                               if v is not None}, timeout=limit,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, errors="replace",
                          check=False, **more)
    if status is not None and done.returncode != status:
        raise Failed(f"{' '.join(map(str, argv))}: status {done.returncode}\n"
                     + done.stdout[-3000:])
    return done.stdout


def warnings(said):
    """What a compiler, or make, said in a build."""
    return [line for line in said.splitlines()
            if re.search(r"(\S:\d+|^make.*|<command-line>): warning: ", line)]


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise Skip(f"{program} is not installed: run tests/deps")


class World:
    """What is made once and looked at by many steps; gone at the end."""

    def __init__(self):
        self.temp = tempfile.TemporaryDirectory(prefix="mcp-execd-package.",
                                                dir="/var/tmp")
        self.path = pathlib.Path(self.temp.name)
        self.path.chmod(0o755)
        self.made = {}

    def once(self, name, make):
        if name not in self.made:
            self.made[name] = None
            self.made[name] = make()
        check(self.made[name] is not None, f"{name} was not made, see above")
        return self.made[name]

    def tree(self):
        """`make install`, as a package would."""
        def make():
            root = self.path / "tree"
            run("make", "install", f"DESTDIR={root}", *PLACES)
            return root
        return self.once("tree", make)

    def build(self, tool, out, *options, env=None):
        """packaging/deb or packaging/rpm/build into a directory of ours."""
        place = self.path / out
        env = {"DEB_BUILD_OPTIONS": "nocheck", **(env or {})}
        if os.path.isdir("/usr/lib/ccache"):
            env["PATH"] = "/usr/lib/ccache:" + os.environ["PATH"]
        # Empty ones would keep the distribution's away.
        for name in ("CFLAGS", "CPPFLAGS", "LDFLAGS", "MAKEFLAGS"):
            env[name] = None
        said = run(TOP / "packaging" / tool, "-o", place, *options, env=env)
        self.made[f"{out}.log"] = said
        return place

    def deb(self):
        need("dpkg-buildpackage", "dh", "lintian")
        return self.once("deb", lambda: self.build("deb", "deb"))

    def rpm(self):
        need("rpmbuild", "rpmlint", "cpio")
        return self.once("rpm", lambda: self.build("rpm/build", "rpm",
                                                   "--without", "check"))

    def deb_file(self):
        return next(self.deb().glob("mcp-execd_*.deb"))

    def rpm_file(self):
        return next(p for p in self.rpm().glob("mcp-execd-[0-9]*.rpm")
                    if not p.name.endswith(".src.rpm"))

    def rpm_tree(self):
        """The files of the .rpm."""
        def make():
            place = self.path / "rpm-files"
            place.mkdir()
            run("sh", "-c", 'rpm2cpio "$1" | cpio -idm --quiet', "sh",
                self.rpm_file(), cwd=place)
            return place
        return self.once("rpm-tree", make)

    def unpacked(self):
        """The files of the .deb, and its scripts in DEBIAN."""
        def make():
            place = self.path / "unpacked"
            run("dpkg-deb", "-R", self.deb_file(), place)
            return place
        return self.once("unpacked", make)


world = World()
