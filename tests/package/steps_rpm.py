# SPDX-License-Identifier: MIT
"""The RPM package, without installing it."""
import re

from package_env import TOP, check, equal, run, same_sets, step, warnings, world
from steps_deb import PROGRAMS
from steps_tree import ELSEWHERE, golden

# As Enterprise Linux 9 sets them on x86_64, except those that need its own
# files (-specs=) and for the processor.
EL9 = "-O2 -flto=auto -ffat-lto-objects -fexceptions -g -grecord-gcc-switches" \
    " -pipe -Wall -Werror=format-security -Wp,-D_FORTIFY_SOURCE=2" \
    " -Wp,-D_GLIBCXX_ASSERTIONS -fstack-protector-strong" \
    " -fasynchronous-unwind-tables -fstack-clash-protection"


def query(what, *options):
    return run("rpm", "-qp", *options, "--qf", what,
               world.rpm_file()).splitlines()


@step("rpm.build")
def build():
    names = {re.sub(r"-\d.*\.(\w+)\.rpm", r".\1", p.name)
             for p in world.rpm().glob("*.rpm")}
    names = {n for n in names if "debugsource" not in n}
    check("mcp-execd.src" in names and len(names) == 3 and
          any(n.startswith("mcp-execd-debuginfo.") for n in names), names)


@step("rpm.lint")
def lint():
    """Clean, except for what rpmlintrc has a reason for."""
    out = run("rpmlint", "-r", TOP / "packaging/rpm/rpmlintrc",
              *sorted(world.rpm().glob("*.rpm")),
              TOP / "packaging/rpm/mcp-execd.spec", status=None)
    check(re.search(r"specfiles? checked", out), out)
    # One release finds what another does not; later ones report it.
    equal([line for line in out.splitlines() if re.search(": [EW]: ", line)
           and "unused-rpmlintrc-filter" not in line], [], "rpmlint")


@step("rpm.files")
def files():
    rows = query("[%{FILENAMES} %{FILEMODES:octal} %{FILEUSERNAME} "
                 "%{FILEGROUPNAME} %{FILEFLAGS:fflags}\\n]")
    got = {row.split()[0]: row.split()[1:] for row in rows
           if "/.build-id" not in row}
    got = {re.sub(r"\.(gz|bz2|xz|zst)$", "", p): v for p, v in got.items()}
    wanted = golden()
    del wanted["/usr/share/doc/mcp-execd/LICENSE"]
    licence = [p for p in got if p.startswith("/usr/share/licenses/")]
    check(any(p.endswith("/LICENSE") for p in licence), licence)
    same_sets(set(got) - set(licence), wanted, "the package")
    for path, mode in wanted.items():
        equal(int(got[path][0], 8) & 0o7777, mode, path)
        equal(got[path][1:3], ["root", "root"], path)
        flags = "".join(got[path][3:])
        equal("c" in flags and "n" in flags, path.startswith("/etc/")
              and path.endswith(".json"), f"{path} {flags}: noreplace")


@step("rpm.requires")
def requires():
    out = run("rpm", "-qp", "--requires", world.rpm_file())
    for name in ("libmicrohttpd.so.12", "libseccomp.so.2", "libcap-ng.so.0",
                 "libyajl.so.2", "libnettle.so.", "libgnutls.so.30",
                 "libvterm.so.0",
                 "systemd", "/bin/sh"):
        check(name in out, name, "is not in", out)


@step("rpm.scriptlets")
def scriptlets():
    out = run("rpm", "-qp", "--scripts", world.rpm_file())
    for wanted in ("systemd-sysusers", "systemd-tmpfiles", "preset",
                   "mcp-execctl token add", "try-restart", "disable --now"):
        check(wanted in out, wanted, "is not in", out)
    check("%" not in re.sub(r"\$\{[^}]*%[^}]*\}", "", out),
          "a macro is left", out)


@step("rpm.says_what_is_there")
def says_what_is_there():
    """At an installation: whether tokens from before are accepted."""
    spec = run("rpmspec", "-P", TOP / "packaging/rpm/mcp-execd.spec")
    post = re.search(r"(?ms)^%post$(.*?)^%preun$", spec)[1]
    etc = world.path / "post"
    (etc / "tokens.d").mkdir(parents=True)
    text = "if [ $1 -eq 1 ]; then\n" + post.split(
        "if [ $1 -eq 1 ]; then\n")[-1].replace("/etc/mcp-execd", str(etc))
    out = run("sh", "-ec", text, "sh", "1")
    check("nobody has a token yet" in out and "rpmsave" not in out, out)
    (etc / "tokens.d/a.json").touch()
    (etc / "mcp-execd.json.rpmsave").touch()
    out = run("sh", "-ec", text, "sh", "1")
    check("nobody" not in out and "tokens from before" in out, out)
    check(f"compare it with {etc}/mcp-execd.json\n" in out, out)
    equal(run("sh", "-ec", text, "sh", "2"), "", "an upgrade")


@step("rpm.symbols_are_apart")
def symbols():
    out = run("rpm", "-qlp", next(world.rpm().glob("*-debuginfo-*.rpm")))
    for program in PROGRAMS:
        check(re.search(re.escape(program) + r".*\.debug", out), program)
        sections = run("readelf", "-WS", world.rpm_tree() / program)
        check(".debug_info" not in sections, program, "is not stripped")


@step("rpm.fallbacks")
def fallbacks():
    """With a distribution's macros defined, those are used."""
    out = run("rpmspec", "-P", "-D", "_unitdir /opt/units", "-D",
              "systemd_post() THEIRS %{*}", "-D", "dist .el9",
              TOP / "packaging/rpm/mcp-execd.spec")
    check("/opt/units/mcp-execd.service" in out, "_unitdir")
    check("THEIRS mcp-execd.service" in out, "systemd_post")
    check(re.search(r"Release: +1\.el9", out), "dist")


@step("rpm.reproducible", long=True)
def reproducible():
    again = world.build("rpm/build", "again/rpm", "--without", "check",
                        env=ELSEWHERE)
    for file in world.rpm().iterdir():
        equal(run("sha256sum", again / file.name).split()[0],
              run("sha256sum", file).split()[0], file.name)


@step("rpm.flags_of_el9", long=True)
def flags_of_el9():
    """Built with them, optimised at link time, and its unit tests pass."""
    place = world.build(
        "rpm/build", "el9", "--define", "set_build_flags "
        f'CFLAGS="{EL9}" LDFLAGS="-Wl,-z,relro -Wl,--as-needed -Wl,-z,now"; '
        "export CFLAGS LDFLAGS;")
    said = world.made["el9.log"]
    compiled = [line for line in said.splitlines()
                if re.match(r"(g?cc) .* -c ", line)]
    check(len(compiled) > 100, said[-2000:])
    equal([line for line in compiled if EL9 not in line or
           "-D_FORTIFY_SOURCE=3" in line], [], "without these flags")
    equal(warnings(said), [], "warnings")
    passed = sum(map(int, re.findall(r"PASSED  \] (\d+) test", said)))
    check(passed > 200 and "FAILED  ]" not in said, said[-2000:])
    check(list(place.glob("mcp-execd-[0-9]*.rpm")), "no package")
    return f"{len(compiled)} files, {passed} unit tests"
