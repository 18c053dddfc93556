# SPDX-License-Identifier: MIT
"""The Debian package in a booted Debian, and in the release after it."""
import re
import shutil

import roots
from package_env import HERE, TOP, VERSION, check, equal, run, step, world

OLD = "0.0.9-1"


def host_release():
    text = open("/etc/os-release").read()
    m = re.search(r"(?m)^VERSION_CODENAME=(\w+)", text)
    return m[1] if m and m[1] in ("bookworm", "trixie") else "bookworm"


def older(deb, place):
    """The same package, as if it were of the version before."""
    tree = world.path / "older"
    run("dpkg-deb", "-R", deb, tree)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*", f"Version: {OLD}",
                              control.read_text()))
    run("dpkg-deb", "-b", tree, place)
    shutil.rmtree(tree)


@step("deb.life", long=True)
def life():
    """Install, first command, every line of the unit, upgrade, purge."""
    root = roots.copy(roots.debian(host_release(), roots.depends()), "life")
    stage = world.path / "stage"
    stage.mkdir()
    shutil.copy(world.deb_file(), stage / "new.deb")
    older(world.deb_file(), stage / "old.deb")
    shutil.copy(HERE / "guest_life.py", stage)
    found = roots.boot(root, stage, "guest_life.py")
    check(len(found) > 15, found)
    return f"{len(found)} parts: {' '.join(found)}"


@step("deb.readme", long=True)
def readme():
    """The quick start as it is printed, on a machine that has nothing."""
    root = roots.copy(roots.debian(host_release(), roots.depends()), "readme")
    stage = world.path / "readme-stage"
    stage.mkdir()
    shutil.copy(world.deb_file(), stage / "new.deb")
    shutil.copy(TOP / "README.md", stage)
    shutil.copy(HERE / "guest_readme.py", stage)
    found = roots.boot(root, stage, "guest_readme.py")
    return f"{len(found) - 2} commands; " + " ".join(
        name for name in found if "after" in name)


@step("deb.autopkgtest", long=True)
def autopkgtest():
    """debian/tests by autopkgtest itself, on a machine without systemd."""
    root = roots.copy(roots.debian(host_release(), roots.depends()), "auto")
    for file in world.deb().iterdir():
        if file.suffix in (".deb", ".dsc", ".gz", ".xz"):
            shutil.copy(file, root / "opt")
    out = roots.inroot(root, "sh", "-ec", """
        apt-get update -q
        apt-get install -y -q --no-install-recommends autopkgtest dpkg-dev
        cd /opt
        autopkgtest --ignore-restrictions=isolation-container \\
            --no-built-binaries mcp-execd_*.deb *.dsc -- null""",
                       network=True, limit=600, status=None)
    summary = out[out.rfind("@@@ summary"):]
    check(re.search(r"(?m)^first-command +PASS$", summary), out[-3000:])


@step("trixie.build", long=True)
def trixie_build():
    """The same source package in Debian 13, with its unit tests."""
    world.made["trixie-tried"] = True
    root = roots.copy(roots.debian("trixie", (
        "build-essential", "fakeroot", "debhelper", "lintian", "libcap-ng-dev",
        "dh-sequence-installsysusers", "libcmocka-dev", "libmicrohttpd-dev",
        "libseccomp-dev", "libyajl-dev", "nettle-dev", "libgnutls28-dev",
        "libvterm-dev", "pkgconf", "strace", "openssl", "gnutls-bin",
        "python3-jsonschema", "rsyslog", "util-linux", "jq")), "trixie")
    (root / "build").mkdir()
    for file in world.deb().iterdir():
        if file.suffix in (".dsc", ".gz", ".xz"):
            shutil.copy(file, root / "build")
    out = roots.inroot(root, "sh", "-ec", f"""
        cd /build; dpkg-source -x *.dsc; cd mcp-execd-{VERSION}
        dpkg-buildpackage -us -uc -b -J2""", limit=1500)
    passed = sum(map(int, re.findall(r"PASSED  \] (\d+) test", out)))
    check(passed > 200 and "FAILED  ]" not in out, out[-2000:])
    check("warning:" not in out.replace("dpkg-source: warning", ""),
          *[line for line in out.splitlines() if "warning:" in line])
    depends = run("dpkg-deb", "-f",
                  next((root / "build").glob("mcp-execd_*.deb")), "Depends")
    world.made["trixie"] = root
    return f"{passed} unit tests, {depends.strip()}"


def trixie():
    if "trixie" not in world.made:
        check("trixie-tried" not in world.made, "it was not built, see above")
        trixie_build()
    return world.made["trixie"]


@step("bullseye.build", long=True)
def bullseye_build():
    """Debian 11's own programs are too old to build with: it says so."""
    root = roots.copy(roots.debian("bullseye", (
        "gcc", "libc6-dev", "make", "pkgconf", "libcap-ng-dev",
        "libmicrohttpd-dev", "libseccomp-dev", "libyajl-dev", "nettle-dev",
        "libgnutls28-dev", "libvterm-dev")), "bullseye")
    run("tar", "-xf", next(world.deb().glob("*.orig.tar.gz")), "-C", root)
    out = roots.inroot(root, "sh", "-c", "cd /mcp-execd-*; make", status=2)
    check("it takes headers of glibc 2.34" in out and " error: " not in out,
          out)
    return out.strip().splitlines()[0]


@step("trixie.lintian", long=True)
def trixie_lintian():
    out = roots.inroot(trixie(), "sh", "-c", "lintian --no-cfg -EvIL +pedantic"
                       " --fail-on none /build/*.changes")
    found = [line for line in out.splitlines() if re.match("[EW]: ", line)]
    equal(found, [], "lintian")


@step("trixie.e2e", long=True)
def trixie_e2e():
    return suite("tests/e2e/run")


@step("trixie.sandbox", long=True)
def trixie_sandbox():
    return suite("make -s build/release/sandbox_try && tests/sandbox/run")


def suite(program):
    out = roots.inroot(trixie(), "sh", "-c", f"cd /build/mcp-execd-{VERSION};"
                       f" {program}", status=None, limit=1200)
    last = out.strip().splitlines()[-1]
    said = re.match(r"(\d+) passed, (\d+) failed", last)
    bad = [line for line in out.splitlines() if line.startswith("FAIL")]
    check(said and int(said[1]) > 100 and said[2] == "0", last, *bad)
    return "; ".join([last, *[line for line in out.splitlines()
                              if line.startswith("skip ")]])


@step("trixie.life", long=True)
def trixie_life():
    """Installed and taken through its life in a booted Debian 13."""
    deb = next((trixie() / "build").glob("mcp-execd_*.deb"))
    root = roots.copy(roots.debian("trixie", (
        "libmicrohttpd12t64", "libyajl2", "libseccomp2", "libcap-ng0",
        "libnettle8t64", "libgnutls30t64", "libvterm0")), "trixie-life")
    stage = world.path / "trixie-stage"
    stage.mkdir()
    shutil.copy(deb, stage / "new.deb")
    older(deb, stage / "old.deb")
    shutil.copy(HERE / "guest_life.py", stage / "guest_life13.py")
    found = roots.boot(root, stage, "guest_life13.py")
    check(len(found) > 15, found)
    return f"{len(found)} parts"
