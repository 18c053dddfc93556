# SPDX-License-Identifier: MIT
"""A layer that is not available is a refusal, never a run with less."""
import json
import shutil
import subprocess

import sandbox_env
from sandbox_env import ROOT, case, client, once

LAYERS = ("mounts", "pids", "ipc", "network", "user", "landlock", "seccomp",
          "cgroup", "loginuid")


def finding(w, **keys):
    """What the check says of such a policy; empty: it can be loaded."""
    path = w.server.dir / "policies.d" / "odd.json"
    path.write_text(json.dumps({**w.server.policy, **w.identity(), **keys}))
    path.chmod(0o600)
    try:
        return w.check_config()
    finally:
        path.unlink()


def refused(name, word, only=None, **keys):
    @case("refusal." + name, only=only)
    def run(w):
        said = finding(w, **keys)
        client.check(said, "was loaded")
        client.check(word in said and "odd.json" in said, said)
    return run


for layer in LAYERS:
    refused(f"required_and_disabled_{layer}", layer, only=once,
            require=[layer], disable=[layer],
            **({"syscalls": {"profile": "none"}} if layer == "seccomp"
               else {}))
refused("programs_without_landlock", "programs", programs=["/usr/bin/cat"],
        disable=["landlock"])
refused("programs_without_mounts", "programs", programs=["/usr/bin/cat"],
        disable=["mounts"])
refused("hide_without_mounts", "hidden", disable=["mounts"],
        only=sandbox_env.kernel_has_landlock,
        files={"read": ["/usr", "/etc"], "hide": ["/etc/ssl"]})
refused("protect_without_mounts", "protect", disable=["mounts"],
        files={"protect": [".ssh"]})
refused("read_in_write_without_mounts", "would be writable",
        only=sandbox_env.kernel_has_landlock,
        disable=["mounts"], files={"read": ["/usr/share/doc"],
                                   "write": ["/usr/share"]})
refused("sockets_without_mounts", "every socket", disable=["mounts"],
        unix_sockets=["/"])
refused("private_tmp_without_mounts", "private_tmp", disable=["mounts"],
        files={"private_tmp": True})
refused("exec_without_filter", "programs cannot be recorded",
        syscalls={"profile": "none"}, audit={"exec": True})
refused("exec_log_only", "programs cannot be recorded",
        syscalls={"log_only": True}, audit={"exec": True})
for key in "read", "write":
    refused(f"{key}_without_layers", key, disable=["mounts", "landlock"],
            files={key: ["/usr"]})
refused("noexec_without_layers", "noexec", disable=["mounts", "landlock"],
        files={"noexec": True})
NONE = {"profile": "none"}
refused("noexec_without_filter", "files in memory", syscalls=NONE,
        files={"noexec": True}, network="host")
refused("programs_without_filter", "files in memory", syscalls=NONE,
        programs=["/usr/bin/cat"], network="host")


def rule_inside(name, syscalls, loads=False):
    """A rule in a writable place, and a run that may mount: with Landlock
    alone, which lets it change no mount, it is kept."""
    @case(f"refusal.mounts_changed_{name}", only=sandbox_env.with_mounts)
    def run(w):
        files = {"read": [*sandbox_env.SYSTEM, w.names["work"] + "/sub"]}
        for disable in [], ["landlock"]:
            said = finding(w, syscalls=syscalls, files=files, disable=disable)
            bad = disable or not sandbox_env.landlock_abi()
            client.equal("namespace of its own could move it" in said,
                         bool(bad and not loads), said)


rule_inside("unfiltered", NONE)
rule_inside("logged", {"log_only": True})
rule_inside("groups", {"allow": ["@namespace", "@mount"]})
rule_inside("calls", {"allow": ["clone", "pivot_root"]})
rule_inside("only_namespaces", {"allow": ["@namespace"]}, loads=True)
rule_inside("only_mounts", {"allow": ["@mount"]}, loads=True)
refused("hide_root", "cannot be hidden", only=sandbox_env.with_mounts,
        files={"hide": ["/"]})
refused("hide_devices", "nothing could run", only=sandbox_env.with_mounts,
        files={"hide": ["/dev"]})
refused("hide_above_read", "nothing could run", only=sandbox_env.with_mounts,
        files={"hide": ["/usr/share"], "read": ["/usr", "/usr/share/doc/.."],
               "write": ["/usr/share/doc"]})
refused("hide_shell", "shell of exec_cmd", only=sandbox_env.with_mounts,
        files={"hide": ["/bin/sh"]})
refused("protect_dots", "names inside", only=sandbox_env.with_mounts,
        files={"protect": ["a/./b"]})
refused("loopback_without_network", "loopback", network="loopback",
        disable=["network"])
refused("unfiltered_without_network", "network", disable=["network"],
        syscalls={"profile": "none"})
refused("unknown_layer", "layers", require=["everything"])
refused("unknown_profile", "profile", syscalls={"profile": "all"})
refused("unknown_call", "nosuchcall", syscalls={"deny": ["nosuchcall"]})
refused("unknown_key", "sandbox", sandbox=False)
refused("relative_path", "/", files={"read": ["usr"]})
refused("missing_path", "/no/such", files={"write": ["/no/such"]})
refused("missing_program", "/no/such", programs=["/no/such"])
refused("missing_socket", "/no/such", unix_sockets=["/no/such"])
refused("bad_network", "network", network="internet")


@case("refusal.only_by_name")
def by_name(w):
    """Only a policy that says so by name goes without a layer."""
    client.equal(finding(w, disable=["mounts", "landlock"]), "", "by name")


@case("refusal.what_is_missing_here")
def missing(w):
    """Each layer that this mode does not have, required by name."""
    for layer in set(LAYERS) - set(w.layers) - {"user"}:
        said = finding(w, require=[layer])
        if layer == "cgroup" and not said:
            continue    # it can be had, and is not asked for
        client.check(layer in said, layer, "was loaded", said)


@case("refusal.group_is_seen")
def group_seen(w):
    """A check from outside of the service knows of the group, whatever
    controllers that has, and moves nobody into it."""
    if not w.group:
        raise client.Skip("has a meaning with mode cgroup")
    before = (w.group / "supervisor/cgroup.procs").read_text()
    client.equal(finding(w, require=["cgroup"]), "", "mcp-execctl check")
    check = subprocess.run([w.server.build / "mcp-execd", "-n", "-c",
                            w.server.config_file], capture_output=True,
                           text=True, timeout=30 * client.SLOW, check=False)
    client.equal(check.returncode, 0, check.stderr)
    client.equal((w.group / "supervisor/cgroup.procs").read_text(), before,
                 "processes of the service")
    client.check("cgroup" in finding(w, require=["cgroup"],
                                     disable=["cgroup"]), "control")


@case("refusal.at_run_time")
def run_time(w):
    """A path that went away after the load: no run, and not a run with
    less; and when it is back, all is well."""
    if "mounts" not in w.layers:
        raise client.Skip("has a meaning with the layer mounts only")
    place, aside = w.path("{passing}"), w.path("{dir}/aside")
    client.check("yes" in w.call("echo yes", "passing").text, "control")
    place.rename(aside)
    target = w.path("{work}/ran")
    r = w.call("echo x >" + str(target), "passing")
    client.check(r.error and "passing is not there" in r.text, r)
    client.check(not target.exists(), "it ran")
    place.symlink_to(w.names["out"])
    r = w.call("cat passing/secret ../passing/secret "
               + str(place) + "/secret", "passing")
    client.check(sandbox_env.SECRET not in r.text, "a link in its place", r)
    place.unlink()
    w.folder("passing")
    r = w.call("echo yes", "passing")
    client.check(r.error and "passing is another one" in r.text, r)
    place.rmdir()
    aside.rename(place)
    client.check("yes" in w.call("echo yes", "passing").text, "put back")
    place.rename(aside)
    w.folder("passing")
    client.equal(w.server.reload()["event.outcome"], "success", "reload")
    client.check("yes" in w.call("echo yes", "passing").text, "reloaded")
    aside.rmdir()


@case("refusal.bad_reload_keeps")
def bad_reload(w):
    """A policy that is not available leaves the others in force."""
    path = w.server.dir / "policies.d" / "odd.json"
    path.write_text(json.dumps({**w.server.policy, **w.identity(),
                                "require": ["mounts"],
                                "disable": ["mounts"]}))
    path.chmod(0o600)
    try:
        client.equal(w.server.reload()["event.outcome"], "failure", "reload")
        out = w.inside("{try} userns; cat {out}/secret; :")
        client.check(sandbox_env.THROUGH not in out and sandbox_env.SECRET not in out,
                     out)
    finally:
        path.unlink()
    client.equal(w.server.reload()["event.outcome"], "success", "reload")


@case("refusal.host_without_network_layer")
def host_network(w):
    """Required, and given up in the same breath: the message says which."""
    path = w.server.dir / "policies.d" / "odd.json"
    keys = {**w.server.policy, **w.identity(), "network": "host"}
    keys.pop("disable", None)
    for require, outcome in ((["seccomp"], "success"),
                             (["seccomp", "network"], "failure")):
        path.write_text(json.dumps({**keys, "require": require}))
        path.chmod(0o600)
        said = w.server.reload()
        client.equal(said["event.outcome"], outcome, said)
    client.check("remove one of them" in said["event.reason"], said)
    path.unlink()
    client.equal(w.server.reload()["event.outcome"], "success", "reload")


@case("refusal.no_start")
def no_start(w):
    """Such a policy alone: the server does not come up."""
    try:
        server = client.Server(policy={**w.keys, **w.identity(),
                                       "require": ["pids"],
                                       "disable": ["pids"]})
    except sandbox_env.instance.Failure as e:
        client.check("pids" in str(e), e)
        return
    try:
        server.start()
        server.stop()
        raise client.Failed("it came up")
    except sandbox_env.instance.Failure as e:
        client.check("pids" in str(e), e)
    finally:
        shutil.rmtree(server.dir, ignore_errors=True)


@case("refusal.posture")
def posture(w):
    """The record says what was in force, and the process shows it."""
    w.inside("true")
    p = w.posture()
    client.equal(p["no_new_privs"], True, "no_new_privs")
    client.equal(p["capabilities"], "none", "capabilities")
    client.equal(p["uid"], w.uid, "uid")
    client.equal(p["network"], "none", "network")
    client.equal(p["landlock.abi"] > 0, "landlock" in w.layers, "landlock")
    if w.mode == "full" and ROOT:
        for layer in ("mounts", "pids", "ipc", "network", "seccomp",
                      "loginuid", *(["landlock"] if sandbox_env.landlock_abi()
                                    else [])):
            client.check(layer in p["layers"], layer, p)
    inside = dict(zip(("mnt", "pid", "ipc", "net", "user"), w.inside(
        "for n in mnt pid ipc net user; do readlink /proc/self/ns/$n; done"
    ).split()))
    outside = dict(zip(("mnt", "pid", "ipc", "net", "user"), w.direct(
        "for n in mnt pid ipc net user; do readlink /proc/self/ns/$n; done"
    ).split()))
    for kind, layer in (("mnt", "mounts"), ("pid", "pids"), ("ipc", "ipc"),
                        ("net", "network"), ("user", "user")):
        if w.mode == "no-userns" and kind == "user":
            continue    # the whole server is in one
        client.equal(inside[kind] != outside[kind], layer in p["layers"],
                     f"{layer} as recorded")
