# SPDX-License-Identifier: MIT
"""The Debian package, without installing it."""
import os
import re

from package_env import TOP, check, equal, need, run, same_sets, step, warnings, world
from steps_tree import ELSEWHERE, golden, listing

PROGRAMS = ("usr/sbin/mcp-execd", "usr/sbin/mcp-execctl",
            "usr/libexec/mcp-execd/mcp-execd-frontend",
            "usr/libexec/mcp-execd/mcp-execd-launcher")


@step("deb.build")
def build():
    names = {p.name.split("_")[0]: p.stat().st_size
             for p in world.deb().glob("*.deb")}
    same_sets(names, {"mcp-execd", "mcp-execd-dbgsym"}, "packages")
    for ending in (".dsc", ".changes", ".buildinfo", ".orig.tar.gz",
                   ".debian.tar.xz"):
        check(list(world.deb().glob(f"*{ending}")), ending)
    return f"{names['mcp-execd'] // 1024} KiB"


def is_ours(line):
    """Machine code that happens to spell a mistake is in no source."""
    found = re.search(r"spelling-error-in-binary (\S+) ", line)
    return not found or any(
        found.group(1).encode() in path.read_bytes()
        for room in ("common", "executor", "frontend", "proto")
        for path in (TOP / room).rglob("*.[ch]"))


@step("deb.lintian")
def lintian():
    """Clean to the pedantic, except for overrides, which say why."""
    out = run("lintian", "--no-cfg", "-EvIL", "+pedantic",
              "--tag-display-limit", "0", "--fail-on", "none",
              next(world.deb().glob("*.changes")))
    # Debian 13's lintian says that Standards-Version is Debian 12's.
    found = [line for line in out.splitlines()
             if re.match(r"[EWIP]: ", line)
             and "out-of-date-standards-version" not in line
             and is_ours(line)]
    equal(found, [], "lintian")
    for line in (world.unpacked() /
                 "usr/share/lintian/overrides/mcp-execd").read_text() \
            .split("\n\n"):
        check(line.lstrip().startswith("#"), "an override without reason",
              line)


@step("deb.files")
def files():
    """What make install brings, where Debian expects it."""
    got = {}
    for path, mode in listing(world.unpacked()).items():
        if not path.startswith("/DEBIAN"):
            path = re.sub("^/lib/systemd", "/usr/lib/systemd", path)
            got[re.sub(r"\.gz$", "", path)] = mode
    wanted = golden()
    doc = "/usr/share/doc/mcp-execd/"
    for name in ("LICENSE", "NEWS.md"):
        del wanted[doc + name]
    for path in (doc + "copyright", doc + "changelog",
                 doc + "changelog.Debian",
                 "/usr/share/lintian/overrides/mcp-execd"):
        wanted[path] = 0o644
    same_sets({p for p, m in got.items()
               if not m & 0o40000 or "mcp-" in p}, wanted, "the package")
    for path, mode in wanted.items():
        equal(oct(got[path] & 0o7777), oct(mode), path)
    owners = run("dpkg-deb", "-c", world.deb_file())
    equal([line for line in owners.splitlines() if " root/root " not in line],
          [], "owners")


@step("deb.conffiles")
def conffiles():
    etc = {p for p, m in listing(world.unpacked()).items()
           if p.startswith("/etc/") and not m & 0o40000}
    same_sets((world.unpacked() / "DEBIAN/conffiles").read_text().split(),
              etc, "conffiles")


@step("deb.depends")
def depends():
    out = run("dpkg-deb", "-f", world.deb_file(), "Depends")
    for name in ("libmicrohttpd12", "libseccomp2", "libcap-ng0", "libyajl2",
                 "libnettle8", "libgnutls30", "libvterm0",
                 "libc6", "systemd-sysusers"):
        check(name in out, name, "is not in", out)


@step("deb.hardening")
def hardening():
    """PIE, RELRO and BIND_NOW, fortified, no executable stack, no path."""
    for program in PROGRAMS:
        path = world.unpacked() / program
        out = run("readelf", "-Whld", path)
        for wanted in (" DYN ", "BIND_NOW", "GNU_RELRO", "GNU_STACK"):
            check(wanted in out, program, wanted)
        check(not re.search(r"GNU_STACK.*RWE", out), program, "stack")
        check(not re.search(r"R(UN)?PATH", out), program, "RPATH")
        strings = path.read_bytes()
        # A static one has no dynamic symbols, but the C library's last words.
        check("_chk" in run("readelf", "-W", "--dyn-syms", path)
              or "INTERP" not in out and b"overflow detected" in strings,
              program, "is not fortified")
        check(str(world.path).encode() not in strings and
              b"/tmp/mcp-execd-deb" not in strings, program,
              "has a path of its build")


@step("deb.flags")
def flags():
    """Each command of the build is shown, and has dpkg-buildflags' flags."""
    need("blhc")
    world.deb()
    log = world.path / "deb.log"

    def findings(text):
        log.write_text(text)
        return run("blhc", "--all", log, status=None)
    said = world.made["deb.log"]
    equal(findings(said), "", "blhc")
    missing = findings(said.replace("-fstack-protector-strong", ""))
    check("CFLAGS missing (-fstack-protector-strong)" in missing, missing)
    equal(warnings(said), [], "warnings")
    compiled = re.findall("(?m)^cc .* -c .*", said)
    equal([line for line in compiled if " -ffile-prefix-map=" not in line], [],
          "without dpkg-buildflags' flags")
    return f"{len(compiled)} files"


@step("deb.symbols_are_apart")
def symbols():
    """Each program's build id is in the package of debug symbols."""
    out = run("dpkg-deb", "-c",
              next(world.deb().glob("mcp-execd-dbgsym_*.deb")))
    for program in PROGRAMS:
        note = run("readelf", "-n", world.unpacked() / program)
        build_id = re.search(r"Build ID: ([0-9a-f]+)", note).group(1)
        check(f"{build_id[:2]}/{build_id[2:]}.debug" in out, program)
        sections = run("readelf", "-WS", world.unpacked() / program)
        check(".debug_info" not in sections, program, "is not stripped")


@step("deb.reproducible", long=True)
def reproducible():
    """Built again, elsewhere, by another umask, at another place of the
    world: the same bytes."""
    old = os.umask(0o027)
    try:
        again = world.build("deb", "again/deb", env=ELSEWHERE)
    finally:
        os.umask(old)
    count = 0
    for file in world.deb().iterdir():
        if file.suffix in (".deb", ".dsc", ".gz", ".xz"):
            equal(run("sha256sum", again / file.name).split()[0],
                  run("sha256sum", file).split()[0], file.name)
            count += 1
    check(count == 5, count)
