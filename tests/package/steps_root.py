# SPDX-License-Identifier: MIT
"""The RPM package in an empty root, installed by dnf and run from there."""
import os
import re
import shutil

import roots
from package_env import TOP, check, equal, run, step, world

# What a distribution would have: a shell and its tools, curl, the two programs
# of systemd that scriptlets call.  Taken from this machine.
PROGRAMS = ("sh", "cat", "id", "ls", "touch", "sleep", "seq", "sed", "grep",
            "curl", "true", "rm", "rmdir", "env", "umount", "ln", "mkdir",
            "systemd-sysusers", "systemd-tmpfiles")
BASE = """
Name: base
Version: 1
Release: 1
Summary: What this machine has, for a root that has nothing
License: MIT
Provides: /bin/sh, systemd, rtld(GNU_HASH)
AutoReq: no
%description
For tests.
%install
mkdir -p %{{buildroot}}
cp -a {tree}/. %{{buildroot}}
%files
{files}
"""


def needed(programs):
    """The shared objects of programs, and those of name services."""
    found = set()
    for program in programs:
        out = run("ldd", program, status=None)
        found |= set(re.findall(r"(?:=> )?(/\S+) \(0x", out))
    return {os.path.join(os.path.realpath(os.path.dirname(p)),
                         os.path.basename(p)) for p in found}


def base_package():
    tree, top = world.path / "base", world.path / "base-build"
    for folder in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc", "run",
                   "dev", "proc", "sys", "var/log", "var/lib", "root"):
        (tree / folder).mkdir(parents=True)
    (tree / "tmp").mkdir(mode=0o777)
    (tree / "tmp").chmod(0o1777)
    for link in ("bin", "sbin", "lib", "lib64"):
        (tree / link).symlink_to(f"usr/{link}")
    programs = [os.path.realpath(shutil.which(p)) for p in PROGRAMS]
    ours = list((world.rpm_tree() / "usr/sbin").iterdir()) + \
        list((world.rpm_tree() / "usr/libexec/mcp-execd").glob("mcp-*"))
    for name, real in zip(PROGRAMS, programs):
        shutil.copy(real, tree / "usr/bin" / name)
    for library in needed(programs + [str(p) for p in ours]):
        place = tree / library[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(library), place)
        place.chmod(0o755)              # rpm looks at these only
    (tree / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    (tree / "etc/group").write_text("root:x:0:\nadm:x:4:\nnogroup:x:65534:\n")
    loader = "usr/lib64/ld-linux-x86-64.so.2"
    if not (tree / loader).exists():
        shutil.copy(os.path.realpath("/" + loader), tree / loader)
    files = []
    for folder, folders, names in os.walk(tree):
        inside = folder[len(str(tree)):]
        files += [f"%dir {inside}/{n}" for n in folders
                  if not os.path.islink(os.path.join(folder, n))]
        files += [f"{inside}/{n}" for n in names + folders
                  if n in names or os.path.islink(os.path.join(folder, n))]
    top.mkdir()
    (top / "base.spec").write_text(BASE.format(tree=tree,
                                               files="\n".join(files)))
    run("rpmbuild", "-bb", "--nodeps", "--define", f"_topdir {top}",
        "--define", "debug_package %{nil}", "--define",
        "__os_install_post %{nil}", top / "base.spec")
    return next((top / "RPMS").rglob("*.rpm"))


def installed():
    """The root, with our package by dnf; and what that printed."""
    def make():
        roots.need_root("dnf", "createrepo_c", "rpmbuild")
        repo, root = world.path / "repo", world.path / "rpm-root"
        repo.mkdir()
        root.mkdir()
        root.chmod(0o755)
        shutil.copy(base_package(), repo)
        shutil.copy(world.rpm_file(), repo)
        run("createrepo_c", "-q", repo)
        out = run("dnf", "-y", f"--installroot={root}", "--releasever=1",
                  "--setopt=reposdir=/nonexistent", "--setopt=plugins=0",
                  f"--setopt=cachedir={world.path}/dnf", "--nogpgcheck",
                  f"--repofrompath=tests,file://{repo}", "--repo=tests",
                  "install", "mcp-execd")
        return root, out
    return world.once("rpm-root", make)


@step("rpm.install", long=True)
def install():
    """Dependencies are found, accounts and directories made."""
    root, out = installed()
    check("mcp-execctl token add NAME" in out, out)
    passwd = (root / "etc/passwd").read_text()
    for name in ("mcp-execd", "mcp-diagnose"):
        check(re.search(rf"(?m)^{name}:.*:/usr/sbin/nologin$", passwd), passwd)
    check(re.search(r"(?m)^adm:.*mcp-diagnose",
                    (root / "etc/group").read_text()), "groups")
    for path in ("var/log/mcp-execd", "etc/mcp-execd/tokens.d"):
        equal((root / path).stat().st_mode & 0o7777, 0o700, path)
    equal(run("rpm", "--root", root, "-V", "mcp-execd"), "", "rpm -V")


@step("rpm.run", long=True)
def run_it():
    """The first command from there, as in the test of the .deb."""
    root, _ = installed()
    shutil.copy(TOP / "packaging/debian/tests/first-command", root)
    out = roots.inroot(root, "sh", "/first-command")
    equal(out.strip().splitlines()[-1], "first-command: passed", out)


@step("rpm.remove", long=True)
def remove():
    """Configuration that was changed, tokens and log stay."""
    root, _ = installed()
    config = root / "etc/mcp-execd/mcp-execd.json"
    config.write_text("// mine\n" + config.read_text())
    (root / "etc/mcp-execd/tokens.d/kept.json").write_text("{}")
    (root / "var/log/mcp-execd/audit.jsonl").touch()
    out = run("rpm", "--root", root, "-e", "mcp-execd")
    check("kept are" in out, out)
    check("// mine" in config.with_suffix(".json.rpmsave").read_text(), out)
    for path in ("etc/mcp-execd/tokens.d/kept.json",
                 "var/log/mcp-execd/audit.jsonl"):
        check((root / path).exists(), path)
    check(not (root / "usr/sbin/mcp-execd").exists(), "the program")
