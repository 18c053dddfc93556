# SPDX-License-Identifier: MIT
"""Only the listed programs execute, by the file and not by its name."""
import os

from sandbox_env import Attack, add, case, client, matches, through

UID = matches("^uid=")
COPY = "/usr/bin/cat /usr/bin/id >x; chmod 755 x; "
LOADER = next((p for p in (
    "/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-linux-riscv64-lp64d.so.1") if os.path.exists(p)), "")
TRY = "{try} "


def attack(name, command, effect=UID, policy="programs", **more):
    add(Attack("programs." + name, command, effect, policy=policy, **more))


def put_id(w):
    """Where a run can read, and no program is listed."""
    w.path("{ro}/id").unlink(missing_ok=True)
    w.path("{ro}/id").write_bytes(w.path("/usr/bin/id").read_bytes())
    w.path("{ro}/id").chmod(0o755)
    w.own(w.path("{ro}/id"))


attack("not_listed", "/usr/bin/id")
attack("not_listed_shell", "/usr/bin/bash -c 'id'")
attack("interpreter", "/usr/bin/python3 -c 'print(\"uid=\")'")
attack("perl", "/usr/bin/perl -e 'print \"uid=\\n\"'")
attack("copy", COPY + "./x")
attack("copy_in_tmp", "cp /usr/bin/id /tmp/{tag}.x; chmod 755 /tmp/{tag}.x; "
       "/tmp/{tag}.x; rm -f /tmp/{tag}.x")
attack("copy_in_shm", "cp /usr/bin/id /dev/shm/{tag}.x; "
       "chmod 755 /dev/shm/{tag}.x; /dev/shm/{tag}.x; rm -f /dev/shm/{tag}.x")
attack("copy_of_listed", "cp /usr/bin/cat x; chmod 755 x; "
       "echo uid= | ./x")
attack("copy_elsewhere", "{tools}/copy")
attack("symlink", "ln -sf /usr/bin/id cat; ./cat")
attack("hardlink", "rm -f y; ln {ro}/id y && ./y", before=put_id)
attack("renamed", COPY + "mv x cat; ./cat", direct=COPY + "mv x cat; ./cat")
attack("script", "printf '#!/bin/sh\\necho uid=\\n' >s; chmod 755 s; ./s")
attack("script_env", "printf '#!/usr/bin/env sh\\necho uid=\\n' >s; "
       "chmod 755 s; ./s")
attack("script_loader", "printf '#!" + LOADER + " /usr/bin/id\\n' >s; "
       "chmod 755 s; ./s", direct="echo uid=")
attack("loader", LOADER + " /usr/bin/id")
# Neither where programs are nor where a run can write.
attack("loader_elsewhere", LOADER + " {ro}/id", before=put_id)
attack("loader_masked", LOADER + " {tools}/copy")
attack("loader_by_link", "ln -sf " + LOADER + " cat; ./cat {tools}/copy")
attack("loader_copy", COPY + LOADER + " ./x")
attack("loader_listed_copy", COPY + LOADER + " {work}/x")
attack("loader_traced", TRY + "trace " + LOADER + " {ro}/id",
       policy="programs_build", before=put_id)
attack("loader_unrecorded", LOADER + " {ro}/id",
       policy="programs_unrecorded", before=put_id)
attack("loader_unrecorded_late", "/usr/bin/cat /dev/null; " + LOADER +
       " {ro}/id", policy="programs_unrecorded", before=put_id)
attack("memfd", TRY + "memfd /usr/bin/id")
attack("memfd_copy", COPY + TRY + "memfd ./x")
attack("memfd_tools", TRY + "memfd {tools}/copy")
attack("descriptor", TRY + "fexecve /usr/bin/id")
attack("descriptor_copy", TRY + "fexecve {tools}/copy")
attack("proc_fd", "/proc/self/fd/9 9</usr/bin/id")
attack("proc_fd_copy", "/proc/self/fd/9 9<{tools}/copy")
attack("proc_root", "/proc/self/root/usr/bin/id")
attack("argv_zero", TRY + "named cat /usr/bin/id")
attack("argv_zero_path", TRY + "named /usr/bin/cat /usr/bin/id")
attack("environment", "PATH=/usr/bin:/bin id")
attack("map", TRY + "map {work}/try", through)
attack("map_copy", COPY + TRY + "map x", through)
attack("preload", COPY + "LD_PRELOAD=./x /usr/bin/cat /proc/self/maps",
       matches("r-x.*/x$"), direct="printf 'r-xp /x\\n'")


@case("programs.refused_without_layers")
def refused(w):
    """In a mode that cannot enforce it there is no such policy."""
    both = {"mounts", "landlock"} <= set(w.layers)
    client.equal("programs" in w.unavailable, not both, "refused at load")
    if not both:
        client.check("programs" in w.unavailable["programs"],
                     w.unavailable["programs"])


@case("programs.listed_works")
def listed(w):
    w.need_policy("programs")
    out = w.inside("echo one >f; cat f; cp f g; cat g; {tools}/try ids",
                   "programs")
    client.check(out.startswith("one\none\nuid "), out)


@case("programs.unrecorded")
def unrecorded(w):
    """They are looked at, and not on record."""
    w.need_policy("programs_unrecorded")
    run = {}
    for policy in "programs", "programs_unrecorded":
        r = w.call("/usr/bin/cat /dev/null", policy)
        client.check(not r.error, policy, r)
        run[policy] = client.within("its result", 9, lambda p=policy: [
            x for x in w.server.audit(client.RESULT)
            if x["policy.name"] == p])[-1]
    wanted = run["programs"][client.RUN_ID]
    client.check([r for r in w.server.audit("process-exec")
                  if r[client.RUN_ID] == wanted], "the control's")
    got = run["programs_unrecorded"]
    client.equal([r for r in w.server.audit("process-exec")
                  if r[client.RUN_ID] == got[client.RUN_ID]], [], "records")
    client.equal(got.get("run.execs"), None, "and no count")


@case("programs.cli_command")
def without_shell(w):
    w.need_policy("programs")
    r = w.call("/usr/bin/cat /proc/self/comm", "programs", "cli_command")
    client.check("STDOUT: cat" in r.text, "listed", r)
    for command in "id", "/usr/bin/id", w.text("{tools}/copy"), "./try ids":
        r = w.call(command, "programs", "cli_command")
        client.check(r.error and "uid" not in r.text.replace(
            str(w.uid), ""), command, r)
