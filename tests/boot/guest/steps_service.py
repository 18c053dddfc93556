# SPDX-License-Identifier: MIT
"""The service in an administrator's hands: look at it, steer it, restart it,
upgrade it under load."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import time

import client
import machine
import steps_account
import steps_seal
from machine import call, check, equal, service, sh, step
from steps_account import account

RULES = "/usr/share/doc/mcp-execd/examples/auditd/mcp-execd.rules"
RESTART_S = 1           # RestartSec= of the unit
EXPOSURE = 5.0          # the unit says line by line what it cannot be without


@step("service.exposure")
def exposure():
    """systemd's own opinion of the unit."""
    return machine.exposure(machine.UNIT, EXPOSURE)


@step("service.doctor")
def doctor():
    """Nothing that fails, and each layer is seen as runs have it."""
    said = json.loads(sh("mcp-execctl", "doctor", "--json"))
    wrong = [c for c in said["checks"] if c["status"] == "fail"]
    equal(wrong, [], "failures")
    group = [c for c in said["checks"] if c["check"] == "cgroup"]
    check(group and group[0]["status"] == "ok", group)
    return "; ".join(f"{c['check']}: {c['text'][:120]}"
                     for c in said["checks"] if c["status"] == "warn")


@step("service.status_and_kill")
def status_and_kill():
    mark = client.mark()
    with machine.running(service.token, f"./try stubborn 60 {mark}"):
        client.within("it runs", 5, lambda: client.processes(mark))
        out = sh("mcp-execctl", "status")
        check(machine.version() in out and "cgroup" in out, out)
        runs = json.loads(sh("mcp-execctl", "runs", "--json"))
        text = json.dumps(runs)
        check(mark in text, runs)
        run = re.search(r"[0-9a-f]{32}", text).group()
        sh("mcp-execctl", "kill", run)
        client.within("it ended", 10, lambda: not client.processes(mark))
    ended = machine.record("run-result", run)
    equal(ended["run.state"], "cancelled", ended)


@step("service.bad_reload", long=True)
def bad_reload():
    """What is wrong is named, and what was in force stays so."""
    path = machine.write_policy("odd", user="no-such-user",
                                directory="/srv/work")
    try:
        check(machine.status("systemctl", "reload", machine.UNIT) != 0,
              "systemctl reload succeeded")
        out = sh("mcp-execctl", "reload", ok=False)
        check("odd.json" in out and "no-such-user" in out, out)
        check("ok" in call(service.token, "echo ok").text, "still in force")
    finally:
        path.unlink()
    machine.reload_ends("success", "reload")


@step("token.revoke")
def revoke():
    """At once: what it runs ends, and it is refused."""
    token = machine.add_token("brief", "work")
    check("in" in call(token, "echo in").text, "control")
    mark = client.mark()
    with machine.running(token, f"./try stubborn 60 {mark}"):
        client.within("it runs", 5, lambda: client.processes(mark))
        sh("mcp-execctl", "token", "revoke", "brief")
        client.within("its run ended", 5, lambda: not client.processes(mark))
    client.within("it is refused", 3,
                  lambda: machine.status_with(token) == 401)
    check("in" in call(service.token, "echo in").text, "another token")


# --- auditd ----------------------------------------------------------------------

@step("auditd.start")
def auditd():
    shutil.copy(RULES, "/etc/audit/rules.d/60-mcp-execd.rules")
    sh("systemctl", "restart", "auditd.service", ok=False)
    sh("augenrules", "--load")
    check("mcp-exec" in sh("auditctl", "-l"), "the rules are in force")


def ausearch(*words):
    return sh("ausearch", "--input-logs", "-i", *words, ok=False)


@step("auditd.attribution")
def attribution():
    """auditd's own records name the token's login uid and the run's session,
    for every program of its tree and whatever user it is."""
    mark = client.mark()
    r = call(service.token, f"(setsid sh -c 'ls -d /srv {mark}' &) ;"
             f" find /srv -maxdepth 0 -exec stat {{}} \\; ; sleep 0.5")
    intent = machine.record("run-intent", r.data["run_id"])
    end = machine.result_record(r)
    uid, session = intent["user.audit.id"], end["auditd.session"]
    check(uid >= 1879048192, intent)
    said = client.within("auditd wrote it", 10, lambda: (
        text := ausearch("-k", "mcp-exec", "--session", str(session)))
        and mark in text and text)
    for program in ("/usr/bin/ls", "/usr/bin/find", "/usr/bin/stat"):
        check(program in said, program, said[-1500:])
    lines = [x for x in said.splitlines() if x.startswith("type=SYSCALL")]
    check(len(lines) >= 4, said)
    equal([x for x in lines if f"auid={uid} " not in x
           and f"auid=unknown({uid}) " not in x], [], "another login uid")
    # the control: a command of the machine itself
    sh("ls", "-d", "/srv", mark + "other", ok=False)
    check(mark + "other" not in ausearch("-k", "mcp-exec"), "not a run's")
    return f"auid {uid}, session {session}, {len(lines)} programs"


def login_uid(result):
    return machine.record("run-intent", result.data["run_id"])["user.audit.id"]


@step("auditd.not_forged", long=True)
def not_forged():
    """Nor can a run change whose it is; another token has another uid."""
    other = machine.add_token("second", "work")
    r = call(other, "cat /proc/self/loginuid; echo; echo 0 "
             ">/proc/self/loginuid; cat /proc/self/loginuid")
    first = login_uid(call(service.token, "true"))
    mine = login_uid(r)
    check(mine != first, mine)
    numbers = re.findall(r"^\d+", r.data["stdout"], re.M)
    check(set(numbers) in ({str(mine)}, set()), r)
    check("0" not in numbers, r)


# --- socket activation, upgrade --------------------------------------------------

def goes_on(loop, what, seconds, before):
    try:
        client.within(what, seconds, lambda: loop.good > before + 1)
    except machine.Failed as e:
        raise machine.Failed(f"{e}: {loop.good} answers, slowest "
                             f"{loop.slowest:.1f} s, {loop.bad[-3:]}") from e


@contextlib.contextmanager
def asking():
    loop = machine.Loop(service.token)
    loop.start()
    goes_on(loop, "the loop asks", 10, 0)
    yield loop
    goes_on(loop, "it goes on", 20, loop.good + 1)
    loop.over.set()
    loop.join()


def no_refusal(loop):
    refused = [b for b in loop.bad if b.startswith("refused")]
    equal(refused, [], "refused connections")
    # What was under way when it stopped may end with an error, and says so.
    check(len(loop.bad) <= 2, loop.bad)
    return (f"{loop.good} answers, {len(loop.bad)} cut short, "
            f"slowest {loop.slowest:.1f} s")


@step("socket.control", long=True)
def without_socket():
    """The loop sees a restart that refuses: without the socket unit."""
    with asking() as loop:
        sh("systemctl", "stop", machine.UNIT)
        client.within("a refusal", 10, lambda: [
            b for b in loop.bad if b.startswith("refused")])
        sh("systemctl", "start", machine.UNIT)


@step("socket.enable", always=True)
def enable_socket():
    """As the comment in the unit says."""
    sh("systemctl", "stop", machine.UNIT)
    sh("systemctl", "enable", "--now", "mcp-execd.socket")
    equal(machine.show("ActiveState", "mcp-execd.socket"), "active", "socket")
    equal(machine.show("ActiveState"), "inactive", "service")
    check("up" in call(service.token, "echo up").text,
          "a connection starts the service")


@step("socket.restart")
def restart():
    with asking() as loop:
        for _ in range(2):
            sh("systemctl", "restart", machine.UNIT)
    return no_refusal(loop)


def refusals(since):
    """Of the policy below, as they are in the journal."""
    return [x for x in sh("journalctl", "-o", "cat", "--since", since, "-u",
                          machine.UNIT).splitlines() if "no-such-user" in x]


@step("service.refused_once")
def refused_once():
    """What is refused is not started again by itself, and says why; nor does
    a client who waits have it started more than once."""
    path = machine.write_policy("odd", user="no-such-user",
                                directory="/srv/work")
    since = sh("date", "+%F %T").strip()
    try:
        check(machine.status("systemctl", "restart", machine.UNIT) != 0,
              "it starts with a policy that is wrong")
        time.sleep(3 * RESTART_S)
        equal([machine.show(key) for key in ("ActiveState", "NRestarts",
                                             "ExecMainStatus")],
              ["failed", "0", "78"], "one start, and no other")
        said = refusals(since)
        check(len(said) == 1 and "odd.json" in said[0], said)
        with socket.create_connection(service.address, 60) as waits:
            equal(waits.recv(1), b"", "hung up on")
        time.sleep(3 * RESTART_S)
        equal(len(refusals(since)), 2, "starts, one by a client")
        equal(machine.show("ActiveState", "mcp-execd.socket"), "active",
              "socket")
    finally:
        path.unlink()
        machine.restart()
    return said[0]


@step("package.upgrade", always=True)
def upgrade():
    """Under load: configuration, tokens and log are kept, runs go on after
    it, and no connection is refused."""
    new = machine.version_of("new.deb")
    conf = machine.ETC / "mcp-execd.json"
    conf.write_text("// changed here\n" + conf.read_text())
    records = len(machine.audit())
    with asking() as loop:
        machine.apt("install", machine.HERE / "new.deb")
        client.within("the new version runs", 20,
                      lambda: machine.version() == new)
    check(conf.read_text().startswith("// changed here\n"), "configuration")
    if account.token:
        client.within("the account's service, too", 20, lambda: new == (
            steps_account.records("start")[-1]["service.version"]))
    check(len(machine.audit()) > records and
          [r for r in machine.audit("start")
           if r["service.version"] == machine.version_of("old.deb")],
          "the log goes on")
    check(new in sh("mcp-execctl", "-V"), "programs")
    return no_refusal(loop)


@step("audit.verify")
def verify():
    """One log over versions and crashes, whole."""
    sh("mcp-execctl", "audit", "search", "--since", "1d")
    states = {r["run.state"] for r in machine.audit("run-result")}
    check({"exited", "signalled", "cancelled"} <= states, states)
    intents = {r["run.id"] for r in machine.audit("run-intent")}
    ends = {r["run.id"] for r in machine.audit("run-result")}
    equal(intents - ends, set(), "runs without an end")
    return f"{len(machine.audit())} records, {len(intents)} runs"


@step("audit.sealed")
def sealed():
    """The seal says the same, and names what is changed."""
    said = steps_seal.whole()
    steps_seal.changed()
    return said


def there(*paths):
    return [p for p in paths if pathlib.Path(p).exists()]


KEPT = ("/etc/mcp-execd/mcp-execd.json", "/etc/mcp-execd/policies.d/work.json",
        "/etc/mcp-execd/tokens.d/first.json", str(machine.AUDIT))
PROGRAMS = ("/usr/sbin/mcp-execd", "/usr/sbin/mcp-execctl",
            "/usr/libexec/mcp-execd")


@step("package.remove", always=True)
def remove():
    """Programs go, configuration, tokens and log stay; a run under way ends."""
    mark = client.mark()
    with machine.running(service.token, f"./try stubborn 90 {mark}"):
        client.within("it runs", 5, lambda: client.processes(mark))
        machine.apt("remove", "mcp-execd")
    equal(client.processes(mark), [], "what it ran")
    equal(there(*PROGRAMS), [], "programs")
    equal(there(*KEPT), list(KEPT), "kept")
    check(not machine.healthy(), "it still answers")
    equal(machine.show("ActiveState", "mcp-execd.socket"), "inactive",
          "socket")
    check(not machine.GROUP.exists(), "control group")
    equal([p for p in pathlib.Path("/proc").glob("[0-9]*/comm")
           if p.exists() and p.read_text().startswith("mcp-execd")], [],
          "processes")


@step("package.purge")
def purge():
    """Tokens, log and state go; what is the administrator's stays, and is
    named."""
    out = machine.apt("purge", "mcp-execd")
    equal(there("/etc/mcp-execd/tokens.d", machine.AUDIT,
                "/var/lib/mcp-execd", "/etc/mcp-execd/mcp-execd.json"), [],
          "left")
    equal(there(steps_account.STATE, steps_account.LOG), [], "an account's")
    mine = ["/etc/mcp-execd/policies.d/work.json"]
    if account.token:
        mine.append(str(steps_account.ETC / "policies.d/work.json"))
    for path in mine:
        check(os.path.exists(path) and path in out, path, out)
    equal(sh("dpkg", "-l", "mcp-execd", ok=False).count("\nii"), 0, "dpkg")


@step("package.again", long=True)
def again():
    """Installed once more, it starts with no token."""
    machine.apt("install", machine.HERE / "new.deb")
    machine.up(20)
    equal(machine.status_with(service.token), 401, "the old token")
