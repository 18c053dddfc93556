# SPDX-License-Identifier: MIT
"""An administrator's day: fifteen questions under five policies, which are
those that come with the package, their accounts made as their comments say.

Each cell of the table is right, or refused with its reason, or about what is
not in view, and then the answer itself says so, with the policy's key, and
the tool's description as well.  None is empty, and none says of the machine
what is not so.
"""
import collections
import contextlib
import os
import pathlib
import re
import shutil
import time

import machine
from machine import ETC, check, equal, sh, step

SHARE = pathlib.Path("/usr/share/mcp-execd")
FULL = pathlib.Path("/srv/full")
BROKEN = pathlib.Path("/run/systemd/system/broken.service")
BUSY = "burn-4711"
MARK = "why-it-failed-4711"
POLICIES = ("diagnose", "restart", "deploy", "build", "unrestricted")
TOKENS = {}

Question = collections.namedtuple("Question", "name command right tool "
                                  "arguments")
# What is asked with a shell, what is then right, and the tool of the pack.
QUESTIONS = [Question(*row) for row in (
    ("load", ". /etc/os-release; echo $PRETTY_NAME; cat /proc/loadavg",
     r"Debian GNU/Linux(.|\n)*\d\.\d\d,? \d+\.\d\d", "host", {}),
    ("failed", "systemctl --failed --no-pager", r"broken\.service",
     "services", {}),
    ("up", "pidof nginx && echo it runs", r"it runs|active \(running\)",
     "service_status", {"service": "nginx"}),
    ("why", "journalctl --no-pager -u broken -n 20", MARK, "journal",
     {"unit": "broken.service"}),
    ("log", "tail -n 3 /var/log/nginx/access.log", r"GET /day-4711",
     "read_log", {"log": "nginx/access.log", "lines": 3}),
    ("busy", "ps -eo pcpu,args --sort=-pcpu | head -n 6", BUSY,
     "processes", {}),
    ("full", f"df -h {FULL}", rf"100% .*{FULL}|{FULL} .*100%",
     "file_systems", {}),
    ("listen", "ss -Hltn", r":80\b", "listeners", {}),
    ("restart", "systemctl --no-ask-password restart nginx && echo done",
     r"done|active \(running\)", "restart_service",
     {"service": "nginx.service"}),
    ("config", "nginx -t", r"configuration is right|test is successful",
     "check_config", {"service": "nginx"}),
    ("install", "apt-get install -y -q --reinstall libseccomp2",
     r"Setting up libseccomp2", None, None),
    ("installed", "dpkg -l nginx-common | tail -n 1",
     r"nginx-common +[0-9]", "packages", {"name": "nginx"}),
    ("http", "curl -sS http://127.0.0.1/", r"Welcome to nginx", None, None),
    ("ping", "ping -c 1 127.0.0.1", r"1 received", None, None),
    ("kernel", "dmesg | tail -n 3", r"\[ *\d+\.\d+\]|kernel: ",
     "kernel_messages", {"lines": 3}),
)]
# Who may not is told by the program, or by us behind what it printed.
REASON = (r"(?i)refused|permission denied|not permitted|access denied|are you "
          r"root|authentication (is )?required|not allowed|read-only")
# What is not in view is said in the answer: what it is, and by which key; and
# in the description of the tool itself.
UNSEEN = {"processes": (r"only this command's own processes are in view.*"
                        r"key processes\)", "never the machine's"),
          "files": (r"not in view\b.*\bfiles\.read\b",
                    "may be on the machine anyway")}
# What the policy keeps from its commands is said in our words, with the key.
NOT_NAMED = r"is of others, and this policy does not name it.*key unix_sockets"
NO_DMESG = r"the kernel's messages are refused to commands on this machine"
# The questions that a policy does not answer: with its reason, or of what is
# not in view.  All others are right.
NOT_HERE = {
    "diagnose": {**dict.fromkeys(("config", "install", "http", "ping"),
                                 REASON),
                 **dict.fromkeys(("failed", "restart"), NOT_NAMED),
                 "kernel": NO_DMESG},
    # The pack has no tool for these, and so it is the shell that is asked.
    "restart": dict.fromkeys(("install", "http", "ping"), REASON),
    "deploy": {**dict.fromkeys(("listen", "config", "install", "http", "ping"),
                               REASON), "kernel": NO_DMESG,
               **dict.fromkeys(("up", "busy"), "processes"),
               **dict.fromkeys(("failed", "why", "log", "full", "restart",
                                "installed"), "files")},
    "build": {**dict.fromkeys(("config", "install", "ping"), REASON),
              "kernel": NO_DMESG,
              **dict.fromkeys(("up", "busy"), "processes"),
              **dict.fromkeys(("failed", "why", "log", "full", "restart",
                               "installed"), "files")},
    "unrestricted": {**dict.fromkeys(("restart", "config", "install", "ping"),
                                     REASON), "kernel": NO_DMESG},
}
SHORT = ("restart",)        # every day; the others in the long form


def advice(name):
    """The commands in an example's comment that make its account."""
    text = (SHARE / f"policies.d/{name}.json").read_text()
    text = re.sub(r"\\\n *//", "", text)      # one line of two
    lines = re.findall(r"(?m)^ *//  +((?:useradd|install) .*)$", text)
    lines += re.findall(r"(?m)(usermod -aG \S+ \S+)", text)
    check(lines and "useradd" in lines[0], name, "advises no account")
    return lines


def make_machine():
    """What there is to find out here."""
    FULL.mkdir(exist_ok=True)
    sh("mount", "-t", "tmpfs", "-o", "size=1m", "full", FULL)
    sh("dd", "if=/dev/zero", f"of={FULL}/x", "bs=64k", ok=False)
    BROKEN.write_text("[Service]\nExecStart=/bin/sh -c 'echo "
                      f"{MARK}; exit 3'\n")
    sh("systemctl", "daemon-reload")
    sh("systemctl", "start", "broken.service", ok=False)
    sh("systemctl", "start", "nginx.service")
    sh("curl", "-sS", "http://127.0.0.1/day-4711")


@step("day.setup")
def setup():
    """From the package to the first audited command."""
    make_machine()
    begin = time.monotonic()
    out = sh("mcp-execctl", "setup", "--do", "restart", "--service", "nginx",
             "--listen", "loopback", "--seal", "no", "--token", "of-restart",
             "--expires", "1d", "--client", "claude-code")
    took = time.monotonic() - begin
    TOKENS["restart"] = machine.TOKEN.search(out).group()
    said = machine.call(TOKENS["restart"], "id -un").text
    equal(said, "mcp-diagnose\n", "the first audited command")
    return f"from setup to the token {took:.1f} s"


@step("day.accounts", long=True)
def accounts():
    """Of the other policies, by the words of the examples."""
    for name in "deploy", "build", "unrestricted":
        for line in advice(name):
            machine.status("sh", "-c", line)
        shutil.copy(SHARE / f"policies.d/{name}.json", ETC / "policies.d")
    machine.reload_ends("success", "reload")
    for name in POLICIES:
        if name not in TOKENS:
            TOKENS[name] = machine.add_token(f"of-{name}", name)


@contextlib.contextmanager
def busy(q):
    """Something that keeps the machine busy, for as long as that is asked."""
    if q.name == "busy":
        sh("systemd-run", "--unit=day-busy", "/bin/sh", "-c",
           f"while :; do :; done # {BUSY}")
        machine.client.within("it is busy", 30, lambda: BUSY in sh(
            "sh", "-c", "ps -eo pcpu,args --sort=-pcpu | head -n 3"))
    try:
        yield
    finally:
        if q.name == "busy":
            sh("systemctl", "stop", "day-busy.service")


def ask(c, q, with_pack):
    if with_pack and q.tool is not None:
        return c.call(q.tool, **q.arguments)
    return c.call("exec_cmd", command=q.command)


def verdict(q, r, wanted, description):
    """What is wrong with a cell; empty: nothing."""
    right = re.search(q.right, r.text)
    if wanted is None:
        return "" if right and not r.error else f"not right: {r.text[-600:]}"
    if right and not r.error:
        return f"right, and was not to be: {r.text[:200]}"
    if not r.text.strip() or "(no output)" in r.text:
        return "empty"
    said, described = UNSEEN.get(wanted, (wanted, ""))
    if not re.search(described, description):
        return f"it is not described: {description}"
    return "" if re.search(said, r.text) else f"no reason: {r.text[-600:]}"


def row(name):
    wrong, right = [], 0
    with machine.as_client(TOKENS[name]) as c:
        description = next(t["description"] for t in c.tools()
                           if t["name"] == "exec_cmd")
        for q in QUESTIONS:
            wanted = NOT_HERE[name].get(q.name)
            with busy(q):
                r = ask(c, q, name == "restart")
            why = verdict(q, r, wanted, description)
            machine.note("day", name, q.name, repr(r.text[-300:]))
            right += wanted is None
            if why:
                wrong.append(f"{q.name}: {why}")
    check(not wrong, name, *wrong)
    return f"{right} right, {len(QUESTIONS) - right} not and why"


def make_step(name):
    step(f"day.{name}", long=name not in SHORT)(lambda: row(name))


for each in POLICIES:
    make_step(each)


# Neither a word of sshd nor one of ours about a refusal.
ONLY_RIGHT = r"\AThe configuration is right\n?\Z"
# Each tool of the packs once more, with what its answer has to have.
PACK = (
    ("services", {"state": "running"}, r"nginx\.service"),
    ("services", {"state": "all"}, r'"sub":"dead"'),
    ("service_status", {"service": "no-such"}, r"could not be found"),
    ("journal", {"priority": "warning", "lines": 3}, r'"cursor":"s='),
    ("journal", {"text": "Started nginx", "lines": 2}, r"Started nginx"),
    ("journal", {"text": "no-such-text-4711"}, r'"entries":\s*\[\]'),
    ("journal", {"unit": "day-order", "text": "order-4711", "lines": 2},
     r"order-4711-2(.|\n)*order-4711-3"),
    ("journal", {"text": "long-4711"}, r"long-4711 0{3900,} .cut here:"),
    ("read_log", {"log": "nginx/access.log", "text": "day-4711"}, r"404"),
    ("processes", {"by": "memory", "count": 3}, r"COMMAND(.|\n)*mcp-execd"),
    ("network", {}, r'"ifname":\s*"lo"'),
    ("block_devices", {}, r'"name":\s*"vda"'),
    ("largest_directories", {"path": "/usr", "depth": 1}, r"\d+\s+/usr/lib\b"),
    ("packages", {"name": "systemd"}, r"systemd-sysv \d+(.|\n)* packages"),
    ("pending_updates", {}, r"are of: 20\d\d-(.|\n)*(No updates|upgradable)"),
    ("logins", {}, r"Nobody is logged in\n(Last logins:\n.|Earlier logins)"),
    ("time_sync", {}, r"NTPSynchronized=(.|\n)*now=20(.|\n)*daemon="),
    ("certificates", {}, r"Today is 20(.|\n)*CN ?= ?day-4711"),
    ("certificates", {"file": "/etc/ssl/day-4711.crt"}, r"20\d\d-.*day-4711"),
    ("check_config", {"service": "sshd"}, ONLY_RIGHT),
    ("check_config", {"service": "named"}, r"The configuration is right"),
    ("check_config", {"service": "apache"}, r"The configuration is right"),
    ("manual", {"name": "ls", "lines": 5}, r"LS\(1\)"),
    ("manual", {"name": "passwd", "section": 5}, r"PASSWD\(5\)"),
    ("manual", {"name": "no-such"}, r"No manual entry"),
)


def make_for_pack():
    """A certificate, three lines in order, and the directory of sshd's unit."""
    sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
       "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "/dev/null",
       "-out", "/etc/ssl/day-4711.crt", "-days", "9", "-subj", "/CN=day-4711")
    sh("systemd-run", "--wait", "--unit=day-order", "/bin/sh", "-c",
       "for i in 1 2 3; do echo order-4711-$i; done; "
       "printf 'long-4711 %05000d\\n' 1")
    pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)


@step("day.pack", long=True)
def pack():
    make_for_pack()
    wrong = []
    with machine.as_client(TOKENS["restart"]) as c:
        for name, arguments, right in PACK:
            r = c.call(name, **arguments)
            machine.note("pack", name, repr(r.text[-300:]))
            if not re.search(right, r.text):
                wrong.append(f"{name} {arguments}: {r.text[-400:]}")
        os.rmdir("/run/sshd")
        r = c.call("check_config", service="sshd")
        if not (r.error and "was not checked" in r.text):
            wrong.append(f"sshd without its directory: {r.text[-400:]}")
    os.unlink("/etc/ssl/day-4711.crt")
    check(not wrong, *wrong)
    return f"{len(PACK) + 1} answers"


# --- what the examples' comments promise ------------------------------------------

@step("day.headline", long=True)
def headline():
    """deploy unpacks a release, build tests it, unrestricted writes at home."""
    release = pathlib.Path("/srv/app/release.tar.gz")
    sh("tar", "czf", release, "-C", "/etc", "hostname")
    r = machine.call(TOKENS["deploy"], "tar xzf release.tar.gz && cat hostname"
                     " && touch /etc/x")
    check("boot-test" in r.text and r.error, "deploy", r)
    owner = os.stat("/srv/app/hostname")
    check(owner.st_uid != 0, "deploy is an account of its own", owner)
    r = machine.call(TOKENS["build"],
                     "echo 'def f(): return 42' >m.py && python3 -m compileall "
                     "-q m.py && python3 -c 'import m, multiprocessing as p; "
                     "print(p.Pool(2).apply(m.f))'")
    equal((r.error, r.data["stdout"]), (False, "42\n"), f"build {r}")
    r = machine.call(TOKENS["unrestricted"], "cd && touch mine && ls -l mine "
                     "&& journalctl -q -n 1 && id -nG")
    check(not r.error and "systemd-journal" in r.text, "unrestricted", r)


DROP_IN = pathlib.Path("/etc/systemd/system/mcp-execd.service.d")


@step("day.packages", long=True)
def packages():
    """@packages is what the unit keeps back: doctor says with which lines it
    does not, and with the example's the policy installs."""
    policy = machine.write_policy(
        "install", user="root", capabilities=["@packages"], umask="0022",
        directory="/var/lib/mcp-diagnose", network="host",
        limits={"timeout_ms": 300000, "timeout_max_ms": 300000},
        files={"read": ["/"], "write": ["/usr", "/etc", "/var/lib",
                                        "/var/cache", "/var/log/apt",
                                        "/var/log/dpkg.log"]})
    try:
        out = sh("mcp-execctl", "reload", ok=False)
        check("cap_chown" in out and "CapabilityBoundingSet=" in out, out)
        out = " ".join(sh("mcp-execctl", "doctor", ok=False).split())
        line = "CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_FSETID CAP_SETFCAP"
        check(line in out, out[-2000:])
        DROP_IN.mkdir()
        shutil.copy("/usr/share/doc/mcp-execd/examples/systemd/packages.conf",
                    DROP_IN)
        sh("systemctl", "daemon-reload")
        machine.restart()
        token = machine.add_token("installs", "install")
        r = machine.call(token, "apt-get install -q -y --reinstall libyajl2",
                         timeout_ms=300000)
        check(not r.error and "Setting up libyajl2" in r.text, r)
        out = sh("mcp-execctl", "doctor", ok=False)
        check("capabilities of policies" not in out, out)
    finally:
        sh("mcp-execctl", "token", "revoke", "installs", ok=False)
        policy.unlink()
        shutil.rmtree(DROP_IN, ignore_errors=True)
        sh("systemctl", "daemon-reload")
        machine.restart()


def over():
    """As it was: what comes later counts policies and tokens.  The last step
    of the day, which goes on in steps_questions.py."""
    for name in TOKENS:
        (ETC / f"tokens.d/of-{name}.json").unlink()
    for name in "restart", "deploy", "build", "unrestricted":
        (ETC / f"policies.d/{name}.json").unlink(missing_ok=True)
    for path in (*(ETC / "tools.d").glob("*.json"),
                 *(ETC / "policies.d").glob("system*.json")):
        path.unlink()
    machine.reload_ends("success", "reload")
    sh("systemctl", "stop", "nginx.service", ok=False)
    sh("umount", FULL)
    BROKEN.unlink()
    sh("systemctl", "daemon-reload")
    sh("systemctl", "reset-failed", ok=False)
