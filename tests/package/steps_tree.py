# SPDX-License-Identifier: MIT
"""What `make install` brings, and its units."""
import os
import pathlib
import re
import stat

from package_env import (HERE, TOP, VERSION, Skip, check, equal, run, same_sets, step,
                     world)

UNITS = ("mcp-execd.service", "mcp-execd.socket", "mcp-execd@.service",
         "mcp-execd@.socket")
# What exposure is to be expected: see the units for what is not available.
EXPOSURE = {"mcp-execd.service": 5.0, "mcp-execd@.service": 2.0}
# What a second build has differently.
ELSEWHERE = {"TZ": "Pacific/Chatham", "LC_ALL": "C.UTF-8", "USER": "somebody"}


def from_sources():
    """Schemas, examples and manuals: all that the tree has."""
    examples = TOP / "packaging/examples"
    found = {f"/usr/share/mcp-execd/schema/{p.name}": 0o644
             for p in (TOP / "packaging/schema").iterdir()}
    found |= {f"/usr/share/mcp-execd/clients.d/{p.name}": 0o644
              for p in (TOP / "packaging/clients.d").iterdir()}
    for p in (*examples.rglob("*"), examples):
        found[str(pathlib.PurePath("/usr/share/doc/mcp-execd/examples") /
                  p.relative_to(examples)).rstrip("/.")] = \
            0o755 if p.is_dir() else 0o644
    for p in (*(TOP / "executor").rglob("*.[578]"),
              *(TOP / "frontend").rglob("*.[578]")):
        found[f"/usr/share/man/man{p.suffix[1]}/{p.name}"] = 0o644
    return found


def golden():
    """Mode and path of everything: tests/package/files, and those."""
    rows = [line.split() for line in
            (HERE / "files").read_text().splitlines()
            if line and not line.startswith("#")]
    return {**{path: int(mode, 8) for mode, path in rows}, **from_sources()}


def listing(root):
    found = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            found[path[len(str(root)):]] = stat.S_IMODE(st.st_mode) | (
                0o40000 if stat.S_ISDIR(st.st_mode) else 0)
    return found


def ours(tree):
    return {path: mode & 0o7777 for path, mode in listing(tree).items()
            if not mode & 0o40000 or "mcp-" in path}


def accept():
    """Write tests/package/files again: what is there now is right."""
    (HERE / "files").write_text(
        "# Mode and path of what `make install` brings, directories only if "
        "they are ours.\n# Schemas, examples and manuals are those of the tree.\n"
        "# After a change: tests/package/run --accept, and "
        "look at the difference.\n"
        + "".join(f"{mode:04o} {path}\n"
                  for path, mode in sorted(ours(world.tree()).items())
                  if path not in from_sources()))


@step("install.files")
def files():
    """Names and modes, as tests/package/files has them."""
    got = ours(world.tree())
    same_sets(got, golden(), "make install (if that is right: "
              "tests/package/run --accept)")
    for path, mode in golden().items():
        equal(oct(got[path]), oct(mode), path)
    return f"{len(got)} files and directories"


@step("install.places")
def places():
    """No placeholder is left, and paths are those of this installation."""
    tree = world.tree()
    for path in listing(tree):
        if path.endswith((".service", ".socket", ".conf", ".json")):
            check(not re.search(r"@[a-z]+@", (tree / path[1:]).read_text()),
                  path, "has a placeholder")
    unit = (tree / "usr/lib/systemd/system/mcp-execd.service").read_text()
    check("ExecStart=/usr/sbin/mcp-execd\n" in unit, unit)
    for program in ("mcp-execd", "mcp-execctl"):
        equal(run(tree / "usr/sbin" / program, "--version").split()[-1],
              VERSION, program)


@step("install.keeps")
def keeps():
    """What an administrator changed or removed is not written over."""
    etc = world.tree() / "etc/mcp-execd"
    before = (etc / "mcp-execd.json").read_text()
    (etc / "mcp-execd.json").write_text("// mine\n" + before)
    run("make", "install", f"DESTDIR={world.tree()}", "PREFIX=/usr",
        "libexecdir=/usr/libexec")
    check((etc / "mcp-execd.json").read_text().startswith("// mine"),
          "the configuration was written over")
    (etc / "mcp-execd.json").write_text(before)


@step("units.verify")
def verify():
    """systemd-analyze has nothing to say about the units."""
    units = world.path / "units"
    units.mkdir()
    for name in UNITS:
        text = (world.tree() / "usr/lib/systemd/system" / name).read_text()
        # An instance, of an account that each machine has.
        (units / name.replace("@", "@daemon")).write_text(text.replace(
            "=/usr/sbin/", f"={world.tree()}/usr/sbin/"))
    out = run("systemd-analyze", "verify", "--man=no",
              *sorted(units.iterdir()))
    check("mcp-execd" not in out, out)


def not_known_yet(text, out):
    """What this systemd says of keys that an example wants a later one for."""
    wants = re.search(r"systemd\s+(?:# )?(\d+) or later", text)
    here = int(run("systemctl", "--version").split()[1])
    if not wants or here >= int(wants[1]):
        return out
    return "\n".join(line for line in out.splitlines()
                     if "Unknown key" not in line)


@step("units.drop_ins")
def drop_ins():
    """Each example is understood on top of the unit."""
    examples = sorted((TOP / "packaging/examples/systemd").glob("*.conf"))
    for example in examples:
        text = example.read_text()
        goes = re.search(r"^# /etc/systemd/system/(mcp-execd@?)\.service\.d/"
                         + re.escape(example.name) + "$", text, re.M)
        check(goes, example, "does not say where it goes")
        unit = world.path / "units" / (goes[1].replace("@", "@daemon")
                                       + ".service")
        place = unit.with_suffix(".service.d")
        place.mkdir(exist_ok=True)
        (place / example.name).write_text(text)
        out = not_known_yet(
            text, run("systemd-analyze", "verify", "--man=no", unit))
        check("mcp-execd" not in out, example, out)
        (place / example.name).unlink()
    check(examples, "there are none")


@step("units.exposure")
def exposure():
    found = {}
    for unit, most in EXPOSURE.items():
        out = run("systemd-analyze", "security", "--offline=true",
                  "--no-pager", f"--threshold={most * 10:.0f}",
                  world.tree() / "usr/lib/systemd/system" / unit)
        said = re.search(r"exposure level for mcp-execd\S*: ([\d.]+)", out)
        check(said, out)
        found[unit] = float(said.group(1))
        check(found[unit] <= most, said.group(0))
    return found


# The rows of the table in mcp-execd(8), as lines of a unit.
RESTRICTED = (
    ("RestrictNamespaces=yes",),
    ("SystemCallFilter=~@mount @privileged @debug",),
    ("RestrictAddressFamilies=~AF_INET AF_INET6 AF_NETLINK",),
    ("ProtectProc=invisible", "ProcSubset=pid"),
    ("MemoryDenyWriteExecute=yes", "Delegate=no"),
    ("CapabilityBoundingSet=",),
    ("PrivateNetwork=yes", "IPAddressDeny=any", "ProtectHome=yes",
     "ProtectSystem=strict"),
    ("User=daemon",),
    ("RestrictSUIDSGID=yes", "SystemCallFilter=~@resources"),
    ("PrivateUsers=yes",),
)


def rated(unit, lines):
    text = (world.tree() / "usr/lib/systemd/system" / unit).read_text()
    if lines == ("CapabilityBoundingSet=",):    # else one more of a list
        text = re.sub(r"(?m)^CapabilityBoundingSet=.*\n", "", text)
    place = world.path / "rated"
    place.mkdir(exist_ok=True)
    file = place / unit.replace("@", "@daemon")
    file.write_text(text.replace("\n[Install]", "\n" + "\n".join(lines)
                                 + "\n\n[Install]"))
    out = run("systemd-analyze", "security", "--offline=true", "--no-pager",
              file)
    return re.search(r"exposure level for mcp-execd\S*: ([\d.]+)", out)[1]


@step("units.table_of_exposure")
def table():
    """What mcp-execd(8) says each restriction would come to."""
    version = run("systemctl", "--version").split()[1]
    if version != "252":
        raise Skip(f"systemd {version} rates otherwise than 252")
    manual = (TOP / "executor/mcp-execd.8").read_text()
    rows = [re.findall(r" Ta ?([\d.]*)(?= |$)", line) for line in
            re.findall(r"(?m)^\.It (.* Ta .*[\d.])$",
                       manual[manual.index(".Ss Exposure"):])]
    equal(len(rows), len(RESTRICTED), "rows")
    for (account, root), lines in zip(rows, RESTRICTED):
        equal(rated("mcp-execd.service", lines), root, f"root's {lines}")
        if account:
            equal(rated("mcp-execd@.service", lines), account,
                  f"an account's {lines}")
    return f"{len(rows)} rows"


@step("units.without_power")
def without_power():
    """What makes the account's unit what it is: no capability, no user but
    its own, no network, nothing to write but what is named."""
    text = (TOP / "packaging/systemd/mcp-execd@.service").read_text()
    for line in ("User=%i", "CapabilityBoundingSet=", "NoNewPrivileges=yes",
                 "PrivateUsers=yes", "PrivateNetwork=yes",
                 "ProtectSystem=strict", "RestrictSUIDSGID=yes",
                 "Requires=mcp-execd@%i.socket"):
        check(f"\n{line}\n" in text, line)
    check("Ambient" not in text and "\nGroup=" not in text, text)


@step("units.capabilities")
def capabilities():
    """Each capability that is kept has its reason next to it."""
    text = (TOP / "packaging/systemd/mcp-execd.service").read_text()
    kept = re.findall(r"CAP_(\w+)", " ".join(
        re.findall(r"(?m)^CapabilityBoundingSet=(.*)$", text)))
    comment = text[text.index("What is left of root"):
                   text.index("CapabilityBoundingSet=")]
    told = re.findall(r"(?m)^#  ([A-Z_]+)(?:, ([A-Z_]+))? ", comment)
    same_sets({name for row in told for name in row if name}, kept,
              "capabilities with a reason")


@step("units.socket_is_the_default_listener")
def socket_address():
    for unit, example in (("mcp-execd.socket", "mcp-execd.json"),
                          ("mcp-execd@.socket", "instance/mcp-execd.json")):
        socket = (TOP / "packaging/systemd" / unit).read_text()
        config = (TOP / "packaging/examples" / example).read_text()
        streams = re.findall(r"(?m)^ListenStream=(\S+)", socket)
        check(f'"listen": ["{streams[0]}"]' in config, streams, "and", config)


@step("versions.agree")
def versions():
    control = (TOP / "packaging/debian/changelog").read_text()
    check(control.startswith(f"mcp-execd ({VERSION}-"), control[:40])
    spec = (TOP / "packaging/rpm/mcp-execd.spec").read_text()
    check(re.search(rf"(?m)^Version: +{re.escape(VERSION)}$", spec), "spec")
    check(f"> - {VERSION}-1" in spec, "the spec's changelog")
    check(f"## {VERSION}" in (TOP / "NEWS.md").read_text(), "NEWS.md")


@step("versions.build_dependencies")
def build_dependencies():
    """What tests/deps installs to build, the packages ask for."""
    deps = (TOP / "tests/deps").read_text()

    def listed(name):
        return set(re.search(rf'(?m)^{name}="([^"]*)"', deps)
                   .group(1).split())
    control = (TOP / "packaging/debian/control").read_text()
    asked = re.search(r"Build-Depends:((?:.*\n)(?: .*\n)*)", control).group(1)
    asked = {word.split()[0] for word in asked.split(",")}
    # gcc, libc and make are there in every build.
    missing = listed("deb_build") - asked - {"gcc", "libc6-dev", "make"}
    equal(missing, set(), "packaging/debian/control")
    spec = (TOP / "packaging/rpm/mcp-execd.spec").read_text()
    asked = set(re.findall(r"(?m)^BuildRequires: +(\S+)", spec))
    equal(listed("rpm_build") - asked - {"glibc-devel"}, set(), "the spec")


@step("scripts.shellcheck")
def scripts():
    """Those that packages bring, with what debhelper put in."""
    found = sorted((world.unpacked() / "DEBIAN").glob("p*"))
    found += sorted((TOP / "packaging/completion").iterdir())
    found += [TOP / "packaging/debian/tests/first-command"]
    out = run("rpm", "-qp", "--qf", "%{POSTIN}\\n@@\\n%{PREUN}\\n@@\\n"
              "%{POSTUN}\\n", world.rpm_file())
    parts = out.split("\n@@\n")
    equal(len(parts), 3, out)
    for i, text in enumerate(parts):
        script = world.path / f"scriptlet{i}"
        script.write_text("#!/bin/sh\n" + text)
        found.append(script)
    # What debhelper writes is its own; ours is without any finding.
    run("shellcheck", "-S", "warning", *found)
    run("shellcheck", *sorted((TOP / "packaging/completion").iterdir()),
        TOP / "packaging/deb", TOP / "packaging/dist",
        TOP / "packaging/rpm/build", HERE / "inroot")
    return f"{len(found)} scripts"
