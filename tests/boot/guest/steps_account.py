# SPDX-License-Identifier: MIT
"""The service of one account: set up as mcp-execd(8) says, confined as runs
of root's service are, with an exposure of 2.0, and out of reach of what it
runs.  The account is not the one of the example, which is changed as a person
would."""
import json
import os
import pathlib
import pwd
import re
import stat

import client
import machine
import modern
from machine import check, equal, sh, step

NAME = "robot"
UNIT = f"mcp-execd@{NAME}.service"
SOCKET = f"mcp-execd@{NAME}.socket"
ETC = pathlib.Path(f"/etc/mcp-execd@{NAME}")
STATE = pathlib.Path(f"/var/lib/mcp-execd@{NAME}")
LOG = pathlib.Path(f"/var/log/mcp-execd@{NAME}/audit.jsonl")
HOME = pathlib.Path(f"/srv/{NAME}")
EXPOSURE = 2.0
LAYERS = {"mounts", "pids", "ipc", "network", "user", "landlock", "seccomp",
          "cgroup"}


class Account(machine.Service):
    address = ("127.0.0.1", 8002)


account = Account()


def ctl(*words, **more):
    return sh("mcp-execctl", "-i", NAME, *words, **more)


def call(command, token=None):
    with modern.Modern(account, token or account.token) as c:
        return c.call("exec_cmd", command=command)


def said(command, **more):
    return call(command, **more).data["stdout"]


def records(*actions):
    return [r for r in map(client.strict_json,
                           LOG.read_bytes().splitlines())
            if r["event.action"] in actions]


def add_token(name, policy):
    token = machine.TOKEN.search(
        ctl("token", "add", name, "--policy", policy,
            "--structured")).group()

    def accepted():
        with client.Connection(account) as c:
            return c.request("GET", "/mcp",
                             client.bearer(token)).status != 401
    client.within(f"token {name} in force", 10, accepted)
    return token


def policy(name, **keys):
    """Like the example's "work", with these keys."""
    text = (ETC / "policies.d/work.json").read_text()
    work = json.loads(re.sub(r"//[^\n]*", "", text))
    path = ETC / "policies.d" / f"{name}.json"
    path.write_text(json.dumps({**work, **keys}))
    path.chmod(0o644)
    return path


@step("account.setup")
def setup():
    """The commands of mcp-execd(8); then it runs, and refuses everybody."""
    sh("useradd", "--system", "--create-home", "--home-dir", HOME,
       "--shell", "/usr/sbin/nologin", NAME)
    sh("cp", "-aT", "/usr/share/doc/mcp-execd/examples/instance", ETC)
    sh("sed", "-i", f"s/deploy/{NAME}/", ETC / "policies.d/work.json")
    sh("systemctl", "enable", "--now", f"mcp-execd@{NAME}")
    for unit in UNIT, SOCKET:
        equal(machine.show("ActiveState", unit), "active", unit)
        equal(sh("systemctl", "is-enabled", unit).strip(), "enabled", unit)
    for token in {}, client.bearer("mxt_" + "A" * 43):
        with client.Connection(account) as c:
            equal(c.request("GET", "/mcp", token).status, 401, token)
    account.token = add_token("ci", "work")
    equal(said("id -un; pwd"), f"{NAME}\n{HOME}\n", "first command")


@step("account.posture")
def posture():
    """Every layer, and limits by a control group of its own."""
    r = call("cat /proc/self/cgroup")
    p = [x for x in records("run-intent")
         if x["run.id"] == r.data["run_id"]][0]["posture"]
    check(LAYERS <= set(p["layers"]), p)
    equal(p["landlock.abi"], machine.landlock_abi(), "ABI")
    equal(p["cgroup.memory_bytes"], 2 << 30, p)
    main = int(machine.show("MainPID", UNIT))
    status = client.status_of(main)
    ids = pwd.getpwnam(NAME)
    equal(status["Uid"].split(), [str(ids.pw_uid)] * 4, "uids")
    for name in "CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd":
        equal(int(status[name], 16), 0, name)
    group = pathlib.Path(f"/proc/{main}/cgroup").read_text().strip()
    equal(group, f"0::/system.slice/{UNIT}/supervisor", "group")
    return f"Landlock ABI {p['landlock.abi']}"


@step("account.exposure")
def exposure():
    """systemd's own opinion, of the unit that runs."""
    return machine.exposure(UNIT, EXPOSURE)


@step("account.out_of_reach")
def out_of_reach():
    """What a command may not read, see or write; the account itself could,
    where it is its own."""
    own = [STATE / "tokens.d/ci.json", LOG,
           f"/run/mcp-execd@{NAME}/control.sock"]
    for path in own:
        sh("runuser", "-u", NAME, "--", "stat", path)
        check("out" not in said(f"stat {path} && echo out"), path)
    for path in ("/etc/shadow", ETC / "mcp-execd.json",
                 ETC / "policies.d/work.json"):
        check(os.path.exists(path), path)
        check("out" not in said(f"cat {path} && echo out"), path)
    check("out" not in said(f"ls {ETC} && echo out"), ETC)
    check("out" not in said(f"echo >>{ETC}/policies.d/work.json && echo out"),
          "a policy")
    equal(said("ls /proc | grep -c '^[0-9]'") in ("3\n", "4\n", "5\n"), True,
          "processes of others")
    check(int(sh("sh", "-c", "ls /proc | grep -c '^[0-9]'")) > 9, "control")
    equal(said(f"touch {HOME}/mine /usr/mine /tmp/mine; ls {HOME}/mine"),
          f"{HOME}/mine\n", "its own place")
    check(not os.path.exists("/tmp/mine"), "/tmp is the run's")


@step("account.escaped")
def escaped():
    """Code as the account, outside of any run: the configuration is root's,
    and so is the unit; the service cannot be traced."""
    main = machine.show("MainPID", UNIT)
    for command in (f"echo >>{ETC}/policies.d/work.json",
                    f"touch {ETC}/policies.d/more.json",
                    f"mv {ETC} {ETC}.old", f"cat /proc/{main}/environ",
                    f"cat /proc/{main}/mem", f"ls /proc/{main}/fd"):
        check(machine.status("runuser", "-u", NAME, "--", "sh", "-c",
                             command) != 0, command)


@step("account.network")
def network():
    """None for commands, and none for the service: only its listener."""
    ask = ("python3 -c 'import socket; socket.create_connection("
           "(\"127.0.0.1\", 8002), 3); print(\"through\")'")
    equal(sh("runuser", "-u", NAME, "--", "sh", "-c", ask), "through\n",
          "control")
    check("through" not in said(ask), "a command")
    main = machine.show("MainPID", UNIT)
    names = pathlib.Path(f"/proc/{main}/net/dev").read_text()
    equal(re.findall(r"(\w+):", names), ["lo"], "its network")
    check(os.readlink(f"/proc/{main}/ns/net") !=
          os.readlink("/proc/self/ns/net"), "its own")


@step("account.loopback", long=True)
def loopback():
    """A network of a run's own, though the unit denies addresses."""
    policy("local", network="loopback")
    sh("systemctl", "reload", UNIT)
    token = add_token("local", "local")
    equal(said("python3 -c '\nimport socket\ns = socket.create_server("
               "(\"127.0.0.1\", 8002))\nc = socket.create_connection("
               "(\"127.0.0.1\", 8002))\ns.accept()[0].send(b\"own\")\n"
               "print(c.recv(9))'", token=token), "b'own'\n", "loopback")


def policy_with_host():
    return policy("out", network="host", require=sorted(LAYERS - {"network"}))


@step("account.host_is_refused")
def host_is_refused():
    """And explained; what was in force stays."""
    path = policy_with_host()
    try:
        check(machine.status("systemctl", "reload", UNIT) != 0, "reload")
        out = ctl("reload", ok=False)
        check("host-network.conf" in out and "out.json" in out, out)
        equal(said("echo on"), "on\n", "still in force")
    finally:
        path.unlink()


@step("account.host_network", long=True)
def host_network():
    """With the drop-in that the refusal names."""
    path = policy_with_host()
    try:
        place = pathlib.Path(f"/etc/systemd/system/{UNIT}.d")
        place.mkdir()
        drop_in = place / "host-network.conf"
        drop_in.write_text(pathlib.Path(
            "/usr/share/doc/mcp-execd/examples/systemd/host-network.conf")
            .read_text())
        sh("systemctl", "daemon-reload")
        sh("systemctl", "restart", UNIT)
        token = add_token("out", "out")
        ask = ("python3 -c 'import socket; socket.create_connection("
               "(\"127.0.0.1\", 8002), 3); print(\"through\")'")
        equal(said(ask, token=token), "through\n", "with the drop-in")
        ctl("token", "revoke", "out")
        drop_in.unlink()
    finally:
        path.unlink()
        sh("systemctl", "daemon-reload")
        sh("systemctl", "restart", UNIT)
    equal(said("echo on"), "on\n", "without it")


@step("account.limits")
def limits():
    """Memory, by the control group that systemd delegates to the account."""
    hog = "python3 -c 'x = b\"x\" * (200 << 20); print(len(x))'"
    equal(said(hog), f"{200 << 20}\n", "control")
    policy("small", limits={"memory_bytes": 64 << 20, "processes": 20})
    sh("systemctl", "reload", UNIT)
    r = call(hog, token=add_token("small", "small"))
    check(r.error and "memory limit" in r.text, r)


@step("account.no_suid")
def no_suid():
    """Nothing is left that others could run as the account."""
    said("cp /bin/true here; chmod 4755 here; chmod 2755 here; chmod 755 here")
    equal(stat.S_IMODE((HOME / "here").stat().st_mode), 0o755, "mode")
    sh("runuser", "-u", NAME, "--", "chmod", "4755", HOME / "here")
    equal(stat.S_IMODE((HOME / "here").stat().st_mode), 0o4755, "control")
    (HOME / "here").unlink()


@step("account.working_dir")
def working_dir():
    """Without openat2(2), which RestrictSUIDSGID= takes away."""
    said("mkdir -p a/b; ln -sfn a link; ln -sfn ../../etc out")
    with modern.Modern(account, account.token) as c:
        for place, wanted in (("a/b", f"{HOME}/a/b\n"),
                              ("link/b", f"{HOME}/a/b\n")):
            r = c.call("exec_cmd", command="pwd -P", working_dir=place)
            equal(r.data["stdout"], wanted, place)
        for place in "out", "..", "/etc":
            r = c.call("exec_cmd", command="pwd -P", working_dir=place)
            check(r.error and "/etc" not in (r.data or {}).get("stdout", ""),
                  place, r)


@step("account.restart")
def restart():
    """By socket activation, without a refused connection."""
    loop = machine.Loop(account.token, account)
    loop.start()
    client.within("the loop asks", 10, lambda: loop.good > 1)
    sh("systemctl", "restart", UNIT)
    before = loop.good
    client.within("it goes on", 20, lambda: loop.good > before + 2)
    loop.over.set()
    loop.join()
    equal([b for b in loop.bad if b.startswith("refused")], [], "refused")
    sh("systemctl", "stop", UNIT)
    equal(said("echo up"), "up\n", "a connection starts it")
    return f"{loop.good} answers, {len(loop.bad)} cut short"


@step("account.administration")
def administration():
    """mcp-execctl -i: status, doctor, test, log; and not for others."""
    check(f"mcp-execd@{NAME}" in ctl("status"), "status")
    doctor = json.loads(ctl("doctor", "--json"))
    equal([c for c in doctor["checks"] if c["status"] == "fail"], [],
          "doctor")
    group = [c for c in doctor["checks"] if c["check"] == "cgroup"]
    check(group and group[0]["status"] == "ok", group)
    test = ["policy", "test", "work", "--", "id", "-un"]
    advice = re.search("systemd-run .*(?= policy test)",
                       ctl(*test, ok=False))
    check(advice, "policy test wants a control group")
    check(f"{NAME}\n" in sh(*advice[0].split(), *test), "policy test")
    check("id -un" in ctl("audit", "search"), "audit search")
    check(machine.status("runuser", "-u", "nobody", "--", "mcp-execctl", "-i",
                         NAME, "status") != 0, "nobody")
    for path in (STATE, STATE / "tokens.d", LOG.parent):
        equal((path.owner(), stat.S_IMODE(path.stat().st_mode)),
              (NAME, 0o700), path)
    equal(ETC.owner(), "root", ETC)
    return "; ".join(c["check"] for c in doctor["checks"]
                     if c["status"] == "warn")


@step("account.python_client", long=True)
def python_client():
    """The official package mcp, unmodified."""
    out = sh("/usr/bin/env", f"PYTHONPATH={machine.HERE}/python",
             f"MCP_TOKEN={account.token}", f"MCP_USER={NAME}",
             "MCP_URL=http://127.0.0.1:8002/mcp",
             "python3", machine.HERE / "official.py")
    check("ok " in out and "FAIL" not in out, out)
    return out.strip()
