# SPDX-License-Identifier: MIT
"""Inside a booted Debian: the life of the package, from install to purge.

/stage has old.deb, new.deb and drop-ins.  Prints "ok NAME" or "FAIL NAME: why".
"""
import glob
import json
import os
import pathlib
import pwd
import re
import socket
import subprocess
import threading
import time
import traceback
import urllib.error
import urllib.request

STAGE = pathlib.Path("/stage")
ETC = pathlib.Path("/etc/mcp-execd")
LOG = pathlib.Path("/var/log/mcp-execd/audit.jsonl")
UNIT = "mcp-execd.service"
token = ""


def sh(*argv, status=0):
    done = subprocess.run(argv, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, timeout=60)
    assert status is None or done.returncode == status, \
        f"{argv}: {done.returncode}: {done.stdout[-800:]}"
    return done.stdout


def show(name):
    return sh("systemctl", "show", "-P", name, UNIT).strip()


def ask(command, key=None):
    """(status, structured result) of exec_cmd."""
    meta = "io.modelcontextprotocol/"
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "_meta": {meta + "protocolVersion": "2026-07-28",
                  meta + "clientInfo": {"name": "t", "version": "1"},
                  meta + "clientCapabilities": {}},
        "name": "exec_cmd", "arguments": {"command": command}}}
    r = urllib.request.Request(
        "http://127.0.0.1:8001/mcp", json.dumps(body).encode(), {
            "Authorization": f"Bearer {key or token}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call", "Mcp-Name": "exec_cmd"})
    try:
        with urllib.request.urlopen(r, timeout=30) as answer:
            result = json.loads(answer.read())
            return answer.status, result["result"]["structuredContent"]
    except urllib.error.HTTPError as e:
        return e.code, None


def out_of(command):
    status, result = ask(command)
    assert status == 200, f"{command}: status {status}"
    return result["stdout"] + result["stderr"]


def hold(command):
    """Until the answer comes, or the connection is gone."""
    try:
        ask(command)
    except OSError:
        pass


def wait_for(done, what):
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def up():
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", 8001), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("nobody listens: " + sh(
        "journalctl", "-u", UNIT, "-n", "8", "--no-pager"))


def version():
    return sh("dpkg-query", "-W", "-f", "${Version}", "mcp-execd")


# --- the steps, in order -----------------------------------------------------

def life_install():
    """Started, enabled, and the last line says how to go on."""
    out = sh("dpkg", "-i", str(STAGE / "old.deb"))
    assert "mcp-execctl token add" in out.strip().splitlines()[-1], out
    assert show("ActiveState") == "active", show("ActiveState")
    assert sh("systemctl", "is-enabled", UNIT).strip() == "enabled"
    assert sh("systemctl", "is-active", "mcp-execd.socket",
              status=None).strip() == "inactive"
    up()
    for name in ("mcp-execd", "mcp-diagnose"):
        assert pwd.getpwnam(name).pw_shell == "/usr/sbin/nologin", name
    for path in (LOG.parent, ETC / "tokens.d", ETC / "policies.d",
                 "/var/lib/mcp-execd"):
        assert os.stat(path).st_mode & 0o7777 == 0o700, path


def life_refuses_everybody():
    assert ask("id", "mxt_" + "A" * 43)[0] == 401


def life_first_command():
    global token
    out = sh("mcp-execctl", "token", "add", "first", "--policy", "diagnose",
             "--structured")
    token = re.search(r"mxt_[\w-]{43}", out)[0]
    time.sleep(0.5)
    got = out_of("id -un")
    assert got == "mcp-diagnose\n", (got, LOG.read_text()[-1500:])
    found = sh("mcp-execctl", "audit", "search", "--token", "first")
    assert "id -un" in found, found


def life_read_only():
    """Nothing that the policy shows can be changed, and secrets are not."""
    out = out_of("for f in /usr/x /etc/x /var/log/x x /sys/x; do touch $f; "
                 "done; cat /etc/shadow /etc/mcp-execd/mcp-execd.json; "
                 "ls /home /root /srv; dmesg | head -1; ip link add d0 type "
                 "dummy; true")
    assert out.count("touch:") == 5, out
    assert "root:" not in out and "listen" not in out, out
    assert "diagnose" in out_of("cat /proc/self/attr/current; "
                                "ls -d /var/lib/mcp-diagnose")


def layers_under_the_unit():
    """Every line of the unit leaves all layers of a run in force."""
    ask("true")
    rows = [json.loads(line) for line in LOG.read_text().splitlines()]
    posture = [r for r in rows if "posture" in json.dumps(list(r))][-1]
    said = json.dumps(posture)
    for layer in ("mounts", "pids", "ipc", "network", "landlock", "seccomp"):
        assert layer in said, f"{layer} is not in {said}"
    group = sh("systemctl", "show", "-P", "ControlGroup", UNIT).strip()
    assert os.path.isdir(f"/sys/fs/cgroup{group}/runs"), group


def unit_rights():
    """What the main process has left, by the kernel's word."""
    status = pathlib.Path(f"/proc/{show('MainPID')}/status").read_text()
    bounding = int(re.search(r"CapBnd:\s+(\w+)", status)[1], 16)
    for name, bit in (("SYS_MODULE", 16), ("SYS_RAWIO", 17), ("SYS_BOOT", 22),
                      ("SYS_TIME", 25), ("MKNOD", 27), ("SYSLOG", 34),
                      ("SYS_RESOURCE", 24), ("AUDIT_CONTROL", 30)):
        assert not bounding >> bit & 1, name
    assert re.search(r"NoNewPrivs:\s+1", status)
    assert re.search(r"Seccomp:\s+2", status)


def unit_limits_have_room():
    """Limits of a policy above the service's own, without SYS_RESOURCE."""
    limits = pathlib.Path("/proc/1/limits").read_text()
    files = min(100000, int(re.search(
        r"Max open files +\d+ +(\d+)", limits)[1]))
    assert files > 16384, "this machine gives no more than the service has"
    text = (ETC / "policies.d/diagnose.json").read_text()
    text = text.replace('"core_bytes": 0', '"core_bytes": 1048576, '
                        f'"open_files": {files}')
    (ETC / "policies.d/wide.json").write_text(text)
    sh("systemctl", "reload", UNIT)
    out = sh("mcp-execctl", "token", "add", "wide", "--policy", "wide", "--structured")
    time.sleep(0.5)
    status, r = ask("ulimit -Hn; ulimit -Hc",
                    re.search(r"mxt_[\w-]{43}", out)[0])
    assert status == 200 and r["stdout"] == f"{files}\n2048\n", r
    sh("mcp-execctl", "token", "revoke", "wide")
    (ETC / "policies.d/wide.json").unlink()
    sh("systemctl", "reload", UNIT)


def unit_exposure():
    out = sh("systemd-analyze", "security", "--no-pager", UNIT)
    said = float(re.search(r"exposure level for \S+: ([\d.]+)", out)[1])
    assert said <= 5.0, said


def unit_reload():
    """Good files are taken; wrong ones fail the reload and are shown."""
    sh("systemctl", "reload", UNIT)
    (ETC / "policies.d/bad.json").write_text("{")
    sh("systemctl", "reload", UNIT, status=1)
    assert "bad.json:" in sh("journalctl", "-u", UNIT, "-n", "9", "--no-pager")
    (ETC / "policies.d/bad.json").unlink()
    assert show("ActiveState") == "active" and out_of("echo a") == "a\n"


def unit_watchdog():
    """A main process that hangs is ended, and started again."""
    drop_in("watchdog", "[Service]\nWatchdogSec=2\n")
    before = show("MainPID")
    time.sleep(5)
    assert show("MainPID") == before, "it was ended although it is well"
    os.kill(int(before), 19)                    # SIGSTOP
    end = time.monotonic() + 20
    while show("MainPID") in (before, "0") and time.monotonic() < end:
        time.sleep(0.2)
    up()
    assert show("MainPID") != before and out_of("echo a") == "a\n"
    drop_in("watchdog", None)


def unit_socket():
    """Held by systemd, a restart refuses no connection."""
    sh("systemctl", "stop", UNIT)
    sh("systemctl", "start", "mcp-execd.socket")
    sh("systemctl", "start", UNIT)
    restart = subprocess.Popen(
        ["sh", "-c", "for i in 1 2 3; do sleep 0.5; systemctl restart "
         + UNIT + " || exit 1; done"])
    count = 0
    while restart.poll() is None:
        socket.create_connection(("127.0.0.1", 8001), 5).close()
        count += 1
        time.sleep(0.002)
    assert restart.returncode == 0 and count > 100, count
    assert out_of("echo a") == "a\n"
    sh("systemctl", "stop", "mcp-execd.socket", UNIT)
    sh("systemctl", "start", UNIT)
    up()


def drop_in(name, text):
    place = pathlib.Path("/etc/systemd/system/mcp-execd.service.d")
    place.mkdir(exist_ok=True)
    if text is None:
        (place / f"{name}.conf").unlink()
    else:
        (place / f"{name}.conf").write_text(text)
    sh("systemctl", "daemon-reload")
    sh("systemctl", "restart", UNIT)
    up()


def unit_drop_ins():
    """Commands still run with each example, and it does what it says.  Those
    of an account's service are tried where that is, in tests/boot."""
    sh("systemctl", "start", "mcp-execd.socket", status=None)
    tried = []
    for example in glob.glob("/usr/share/doc/mcp-execd/examples/systemd/*"):
        name = pathlib.Path(example).stem
        text = pathlib.Path(example).read_text()
        if "/mcp-execd@.service.d/" in text:
            continue
        tried.append(name)
        if "LoadCredential" in text:
            path = re.search(r"LoadCredential=[^:]*:(\S+)", text)[1]
            os.makedirs(os.path.dirname(path), exist_ok=True)
            pathlib.Path(path).write_text("secret\n")
        if "mcp-execd.socket" in text:
            sh("systemctl", "stop", UNIT)
            sh("systemctl", "start", "mcp-execd.socket")
        drop_in(name, text)
        assert out_of("echo a") == "a\n", name
        if "LoadCredential" in text:
            held = "/run/credentials/mcp-execd.service/tls.key"
            assert os.path.exists(held), held
            assert "secret" not in out_of(f"cat {held} {path}"), name
        if "PrivateNetwork=yes" in text:
            pid = show("MainPID")
            assert os.readlink(f"/proc/{pid}/ns/net") != \
                os.readlink("/proc/self/ns/net"), name
        drop_in(name, None)
        sh("systemctl", "stop", "mcp-execd.socket", status=None)
        sh("systemctl", "restart", UNIT)
        up()
    assert len(tried) >= 3, tried


def life_upgrade():
    """Configuration, tokens and log stay; the new program runs."""
    config = ETC / "mcp-execd.json"
    config.write_text("// mine\n" + config.read_text())
    first, pid = LOG.read_text().splitlines()[0], show("MainPID")
    runs = threading.Thread(target=hold, args=["sleep 1000"], daemon=True)
    runs.start()
    wait_for(lambda: "sleep 1000" in sh("mcp-execctl", "runs"), "it runs")
    out = sh("dpkg", "-i", "--force-confold", str(STAGE / "new.deb"))
    assert "token add" not in out, "it has a token"
    assert "commands that run now: 1." in out, out
    assert "sleep 1000" not in out, "what runs is not for apt's log"
    runs.join(20)
    assert not runs.is_alive(), "its caller is told"
    up()
    assert show("MainPID") != pid, "it was not restarted"
    assert config.read_text().startswith("// mine")
    assert LOG.read_text().splitlines()[0] == first
    assert out_of("echo a") == "a\n"
    out = sh("dpkg", "-i", str(STAGE / "new.deb"))
    assert "that run now" not in out, out
    up()


def life_remove():
    sh("dpkg", "-r", "mcp-execd")
    assert (ETC / "mcp-execd.json").read_text().startswith("// mine")
    assert (ETC / "tokens.d/first.json").exists() and LOG.exists()
    assert not os.path.exists("/usr/sbin/mcp-execd")
    assert sh("systemctl", "is-active", UNIT, status=None).strip() != "active"
    try:
        socket.create_connection(("127.0.0.1", 8001), 1).close()
        raise AssertionError("somebody still listens")
    except ConnectionRefusedError:
        pass


def life_back_again():
    out = sh("dpkg", "-i", str(STAGE / "new.deb"))
    assert "token add" not in out, out
    up()
    assert out_of("echo a") == "a\n"


def life_broken_configuration():
    """An upgrade does not fail for it, and says what to do."""
    config = ETC / "mcp-execd.json"
    good = config.read_text()
    config.write_text("{ nonsense")
    out = sh("dpkg", "-i", "--force-confold", str(STAGE / "new.deb"))
    assert "did not start" in out and "mcp-execctl check" in out, out
    assert version() and "installed" in sh("dpkg", "-s", "mcp-execd")
    config.write_text(good)
    sh("systemctl", "reset-failed", UNIT)
    sh("systemctl", "restart", UNIT)
    up()


def life_purge():
    """As Debian's policy says; what is kept is told."""
    (ETC / "policies.d/mine.json").write_text("{}")
    out = sh("dpkg", "-P", "mcp-execd")
    assert "Kept are" in out and "policies.d/mine.json" in out, out
    assert not LOG.parent.exists() and not (ETC / "tokens.d").exists()
    assert (ETC / "policies.d/mine.json").exists()
    assert not os.path.exists("/var/lib/mcp-execd")
    assert pwd.getpwnam("mcp-execd")
    left = sh("sh", "-c", "find /etc/systemd /usr /lib/systemd /var/lib/systemd"
              " -name 'mcp-exec*' ! -path '*.service.d*'")
    assert left == "", left


STEPS = [life_install, life_refuses_everybody, life_first_command,
         life_read_only, layers_under_the_unit, unit_rights,
         unit_limits_have_room, unit_exposure, unit_reload, unit_watchdog,
         unit_socket, unit_drop_ins, life_upgrade, life_remove,
         life_back_again, life_broken_configuration, life_purge]

for step in STEPS:
    name = step.__name__.replace("_", ".", 1)
    try:
        step()
        print(f"ok {name}", flush=True)
    except Exception as e:       # pylint: disable=broad-except
        where = traceback.extract_tb(e.__traceback__)
        lines = ",".join(str(f.lineno) for f in where)
        why = " ".join(f"{type(e).__name__} {e}".split())
        print(f"FAIL {name}: {why} (lines {lines})", flush=True)
print("# the end")
