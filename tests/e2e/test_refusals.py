# SPDX-License-Identifier: MIT
"""Refusals stand in the text, whatever the exit status, and in the records."""
import errno
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

import instance
from client import SLOW, Skip, check, equal, within

UNIT_FILTER = (pathlib.Path(__file__).resolve().parents[1] / "sandbox" /
               "unit_filter.py")
SERVER = {"name": "refusals", "policy": {
    "files": {"tmp_bytes": 4 << 20}, "network": "loopback",
    "limits": {"file_size_bytes": 8 << 20, "timeout_ms": 10000}}}


def told(server, command, *words, rule=None, note=False):
    """Each word is in what is denied, or noted, below its own heading, which
    is once in the text; and in the record."""
    with server.http() as c:
        r = c.sh(command)
    notes = "\n".join(r.data.get("notes", []))
    said = "\n".join(r.data["denials"] + ["NOTE: " + n for n in
                                          r.data.get("notes", [])])
    for word in words:
        check(word in (notes if note else "\n".join(r.data["denials"])),
              word, "is not in", r.text)
    for heading, lines in ("DENIED: ", "\n".join(r.data["denials"])), (
            "NOTE: ", notes):
        equal(r.text.count(heading), 1 if lines else 0, r.text)
        check(not lines or heading + lines in r.text, r.text)
    last = within("its record", 5, lambda: [
        x for x in server.audit("run-result")
        if x["run.id"] == r.data["run_id"]])[-1]
    equal(sorted(last.get("run.explained", "").split("\n")),
          sorted(said.split("\n")), "in the record")
    if rule:
        of_run = [d for d in server.audit("run-denial")
                  if d["run.id"] == last["run.id"]]
        check(rule in [d["denial.rule"] for d in of_run], of_run)
        shown = " ".join(server.ctl("audit", "show", last["run.id"]).split())
        shown = shown.partition("Refused (")[2].partition("Result")[0]
        if rule != "filter":
            for key in re.findall(r"key [a-z_.]+",
                                  "\n".join(r.data["denials"])):
                check(key in shown, key, shown)
    return r


def quiet(server, command):
    with server.http() as c:
        r = c.sh(command)
    equal((r.data["denials"], r.data.get("notes", [])), ([], []), command)
    check("DENIED" not in r.text and "NOTE" not in r.text, r.text)
    return r


def test_behind_a_pipe(server):
    told(server, "dmesg 2>/dev/null | tail -1", "syslog", "key syscalls",
         rule="filter")
    told(server, "dmesg >/dev/null 2>&1; echo done", "syslog", rule="filter")
    quiet(server, "echo dmesg | tail -1")


PYTHON = "python3 -c '%s' 2>/dev/null | tail -1"


def test_by_argument(server):
    """Calls that are refused with some arguments alone."""
    typed = "import fcntl, os, termios; fcntl.ioctl(os.openpty()[1], %s)"
    told(server, PYTHON % (typed % 'termios.TIOCSTI, b"x"'),
         "typing into a terminal", "TIOCSTI", "key syscalls", rule="filter")
    quiet(server, PYTHON % (typed % 'termios.FIONREAD, b"1234"'))
    limits = "import resource as r; r.prlimit(%s, r.RLIMIT_NOFILE)"
    told(server, PYTHON % (limits % "os.getppid()").replace(
        "as r", "as r, os"), "limits of other processes", rule="filter")
    quiet(server, PYTHON % (limits % 0))
    # gdb goes on after it: the model still hears why addresses change
    told(server, "setarch -R true 2>/dev/null | tail -1", "fixed addresses",
         "key syscalls", rule="filter")
    quiet(server, "setarch $(uname -m) true")


def test_which_key(server):
    """A call that is refused for its arguments, or by another key than
    syscalls, names that one."""
    server.add_policy("memory", files={"noexec": True})
    server.add_policy("listed", programs=["/bin", "/usr/bin"])
    server.add_policy("pairs", syscalls={"deny": ["socketpair"]})
    pair = "import socket as s; s.socketpair(s.AF_UNIX, s.%s)"
    told(server, PYTHON % (pair % "SOCK_DGRAM"), "SOCK_SEQPACKET",
         "key unix_sockets", rule="filter")
    quiet(server, PYTHON % (pair % "SOCK_SEQPACKET"))
    memory = "import os; os.memfd_create(\"x\")"
    quiet(server, PYTHON % memory)
    for policy, command, key in (("memory", memory, "files.noexec"),
                                 ("listed", memory, "programs"),
                                 ("pairs", pair % "SOCK_DGRAM", "syscalls")):
        with server.http(token=server.add("of-" + policy,
                                          policy=policy)) as c:
            r = c.sh(PYTHON % command)
        check(f"key {key}" in r.text, policy, r.text)


def test_no_capability(server):
    if os.geteuid():
        raise Skip("in a user namespace of its own these are other errors")
    for call, of in (("import os; os.setgroups([0])", "setgroups failed"),
                     ("import os; os.setuid(0)", "cap_setuid"),
                     ("import os; os.setresgid(-1, 0, -1)", "cap_setgid"),
                     ('import os; os.chown(".", 0, 0)', "cap_chown"),
                     ('import socket as s; s.socket().bind(("", 80))',
                      "cap_net_bind_service"),
                     ("import socket as s; s.socket(s.AF_INET, s.SOCK_RAW, 1)",
                      "raw socket failed")):
        told(server, PYTHON % call, of, "keeps no capability",
             rule="capability")
    quiet(server, PYTHON % "import os; os.setuid(os.getuid()); "
          "os.setgid(os.getgid()); os.chown(\".\", -1, os.getgid())")
    quiet(server, PYTHON % 'import socket as s; s.socket().bind(("", 0))')
    quiet(server, "cp -a /etc/hostname . && cat hostname")


def test_network_is_not_changed(server):
    if os.geteuid():
        raise Skip("in a user namespace of its own it may")
    server.add_policy("looks", network="look", files={"read": ["/"]})
    with server.http(token=server.add("looks", policy="looks")) as c:
        r = c.sh("ip link set lo down 2>&1 | tail -1")
    check("needs the capability cap_net_admin" in r.text and "policy looks"
          in r.text, r.text)


RIGHTS = "commands run as the user "


def test_rights_of_the_user(server):
    """What the machine refuses, by modes or as it is for root: whose rights a
    command has, where nothing else tells why."""
    told(server, "mkdir -pm 000 closed; ls closed/a", RIGHTS,
         "keys user, groups and capabilities", note=True)
    for words in ("dpkg: error: requested operation requires superuser "
                  "privilege", "ERROR: You need to be root to run this script",
                  "mdadm: must be super-user to perform this action",
                  'sysctl: permission denied on key "vm.swappiness"',
                  "E: Unable to lock directory /var/lib/apt/lists/",
                  "useradd: cannot lock /etc/passwd; try again later.",
                  "Failed to restart a: Interactive authentication required.",
                  "a: Permission denied (you must be root)"):
        told(server, f"echo '{words}' | tail -1", RIGHTS, note=True)
    told(server, "echo 'a: Permission denied.'; exit 1", RIGHTS, note=True)
    told(server, "echo 'a: Operation not permitted'; exit 1", RIGHTS,
         note=True)
    quiet(server, "echo 'a: Permission denied.'; echo 'Operation not "
          "permitted' >&2")
    quiet(server, "mkdir -pm 700 open; ls open")
    quiet(server, "exit 1")
    # What tells more stands alone.
    r = told(server, "echo /etc/none: Read-only file system; echo a: "
             "Permission denied; exit 1", "/etc/none")
    check(RIGHTS not in r.text, r.text)


def test_priorities(server):
    """What is not raised is told, also where a pipe hides the status: each
    of these programs goes on without it, or ends in the middle of a line."""
    for words in ("nice: cannot set niceness: Permission denied",
                  "ionice: ioprio_set failed: Operation not permitted",
                  "renice: failed to set priority for 2 (process ID): "
                  "Permission denied",
                  "chrt: failed to set pid 0's policy: Operation not "
                  "permitted"):
        r = told(server, f'echo "{words}" >&2', "cap_sys_nice",
                 "neither raise it", "key capabilities", note=True)
        check(RIGHTS not in r.text, r.text)
    if shutil.which("nice"):
        told(server, "nice -n -5 echo on | cat", "cap_sys_nice", note=True)
        equal(quiet(server, "nice -n 5 echo on | cat").text.strip(), "on", "")
    quiet(server, "echo 'a is nice: be the same'; echo 'chrt: done'")


def test_audit_is_no_reason(server):
    """libaudit's socket is asked for first, and what failed is told."""
    if os.geteuid():
        raise Skip("in a user namespace of its own these are other errors")
    asks = ("python3 -c 'import socket, os\ntry: socket.socket(16, 3, 9)\n"
            "except OSError: pass\n%s' 2>&1 | tail -1")
    server.add_policy("reports", network="look")
    with server.http(token=server.add("reports", policy="reports")) as c:
        alone = c.sh(asks % "print(1)").text
        setid = c.sh(asks % "os.setuid(0)").text
        rights = c.sh(asks % 'print("must be root")').text
    check("for the kernel's audit log (programs" in alone, alone)
    for text, words in (setid, "cap_setuid"), (rights, RIGHTS):
        check(words in text and "audit" not in text, text)


def test_editors(server):
    """One that ends without a word: what of its files cannot be changed; and
    one that waits for keys until the time is over."""
    told(server, "ln -sf /bin/true vi; ./vi -c wq /etc/hostname; :",
         "/etc/hostname cannot be changed", "key files.write", note=True)
    told(server, "cd /etc; $OLDPWD/vi hostname", "/etc/hostname cannot be",
         note=True)
    quiet(server, "./vi -c wq /tmp/mine mine")
    told(server, "ln -sf /bin/false ex; ./ex -c wq mine",
         "the editor failed without a word", "key", note=True)
    quiet(server, "./ex -c wq mine; echo it did not say why; exit 1")
    with server.http() as c:
        r = c.sh("ln -sf /bin/sleep watch; exec ./watch 60",
                 timeout_ms=2000 * SLOW)
        check("watch: it goes on until it gets a key" in r.text, r.text)
        check("may ask for" not in r.text, "more time does not help", r.text)
        r = c.sh("sleep 60", timeout_ms=500)
        check("a call may ask for up to" in r.text, r.text)
    quiet(server, "./watch 0")


def test_database_of_its_own(server):
    """The machine's server is not in view; one that is named may be any."""
    if not os.path.isdir("/run/postgresql"):
        raise Skip("this machine has no directory of PostgreSQL's sockets")
    told(server, "ln -sf /bin/true psql; ./psql -l", "/run/postgresql",
         "key unix_sockets", note=True)
    for words in "-h /tmp", "-h/tmp -l", "--host=/tmp", "postgresql:///x":
        quiet(server, "./psql " + words)


NETLINK = ("python3 -c 'import socket; socket.socket(16, 3, %d); "
           "print(\"made\")' 2>/dev/null | tail -1")


def test_no_shell(server):
    """What cli_command passes on as an argument is not taken for done."""
    with server.http() as c:
        for line, word in (("echo a > made-by-shell", ">"),
                           ("echo a | wc -c", "|"), ("true && false", "&&")):
            r = c.call("cli_command", command=line)
            check(f"NOTE: there is no shell here, so that {word} was an "
                  "argument like any other: exec_cmd has" in r.text, r.text)
            equal(len(r.data["notes"]), 1, r.data)
        check("made-by-shell" not in c.sh("ls").text, "not made")
        for line in "echo 'a | b' '>' c", "find /usr/bin -prune -exec true {} \\;":
            r = c.call("cli_command", command=line)
            check("NOTE" not in r.text and not r.error, line, r.text)
        check("NOTE" not in c.sh("echo a | cat > made; cat made").text,
              "a shell's")
        r = c.call("cli_command", command="cd /tmp")
        check(r.error and "not found: cd: it is a part of shells, and there is "
              "no shell here: exec_cmd has one" in r.text, r.text)
        r = c.call("cli_command", command="A_1=b true")
        check(r.error and "not found: A_1=b: a variable in front" in r.text
              and "write the program env in front" in r.text, r.text)
        check(not c.call("cli_command", command="env A_1=b true").error, "env")
        for word in "1A=b", "=b", "a-b=c":
            r = c.call("cli_command", command=word)
            check(r.error and r.text.strip().endswith(f"not found: {word}"),
                  r.text)
        r = c.call("exec_cmd", command="true", working_dir="nowhere")
        check(r.error and 'directory "nowhere": No such' in r.text
              and f"it has to be in {server.policy['directory']} (" in r.text,
              r.text)
        r = c.call("exec_cmd", command="true", timeout_ms="10s")
        check("whole number of milliseconds, at least 1" in r.text, r.text)
    server.add_policy("no-shell", shell=None, tools=["cli_command"])
    with server.http(token=server.add("no-shell", policy="no-shell")) as c:
        for line in "echo > a", "cd /tmp":
            text = c.call("cli_command", command=line).text
            check("there is no shell here" in text and "exec_cmd" not in text,
                  text)


def test_network_once(server):
    """Of one rule, whichever families of sockets a program tries."""
    server.add_policy("off", network="none")
    with server.http(token=server.add("off", policy="off")) as c:
        for families in (10, 2), (2, 10, 16):
            line = "".join(f"try: s.socket({f}, 1)\nexcept OSError: pass\n"
                           for f in families)
            r = c.call("exec_cmd", command="python3 -", stdin="import socket "
                       f"as s\n{line}")
            equal(r.text.count("network is off"), 1, r.text)
            equal(len(r.data["denials"]), 1, r.text)


def test_netlink(server):
    """What nft, auditctl and udevadm ask: by name, also behind a pipe."""
    server.add_policy("lists", network="look")
    with server.http(token=server.add("lists", policy="lists")) as c:
        for protocol, words in ((12, "for the firewall's rules"),
                                (9, "for the kernel's audit"),
                                (15, "for events of devices"),
                                (16, "for generic netlink")):
            text = c.sh(NETLINK % protocol).text
            check("DENIED: sockets of AF_NETLINK" in text and words in text and
                  "policy lists" in text and "made" not in text,
                  protocol, text)
        text = c.sh("python3 -c 'import socket; socket.socket(16, 3, 9)'").text
        check(f"[Errno {errno.EPROTONOSUPPORT}]" in text, "as a kernel without "
              "it, at which lastlog and useradd go on", text)
        for protocol in 0, 4:
            equal(c.sh(NETLINK % protocol).text, "made\n", protocol)
    server.add_policy("reaches", network="host")
    with server.http(token=server.add("reaches", policy="reaches")) as c:
        text = c.sh(NETLINK % 4).text
        check("for details of sockets" in text and "made" not in text, text)
        equal(c.sh(NETLINK % 0).text, "made\n", "routing")


def test_no_new_privs(server):
    if os.geteuid():
        raise Skip("a program of root's is another's in its user namespace")
    told(server, "su -c id </dev/null 2>/dev/null | tail -1", "/su ",
         "no_new_privs", rule="no_new_privs")
    quiet(server, "su --version >/dev/null; echo it only tells")


def test_program_of_a_group(server):
    """Its bit is for a group: crontab, and chage, which is nearly everywhere."""
    program = shutil.which("chage")
    if os.geteuid() or not program or not os.stat(program).st_mode & 0o6000:
        raise Skip("no program with such a bit")
    told(server, "chage -l root 2>/dev/null | tail -1", "/chage ",
         "user or group", "no_new_privs", rule="no_new_privs")
    with server.http() as c:
        r = c.sh("chage --help >/dev/null; echo it only tells")
    check("no_new_privs" not in r.text, r.text)


def test_private_tmp_full(server):
    told(server, "head -c 6000000 /dev/zero 2>/dev/null >/tmp/x | true; "
         "rm -f /tmp/x | true", "private directories", "4194304",
         "key files.tmp_bytes")
    quiet(server, "head -c 2000000 /dev/zero >/tmp/x; rm -f /tmp/x")


def test_limits(server):
    told(server, "head -c 9000000 /dev/zero >big", "8388608",
         "key limits.file_size_bytes")
    with server.http() as c:
        r = c.sh("sleep 9", timeout_ms=2000)     # it has to begin
    check("key limits.timeout_max_ms" in r.text, r.text)


def test_background(server):
    r = told(server, "sleep 9 & until grep -q sleep /proc/$!/comm; do :; done; "
             "echo begun", "1 background process was",
             "sleep", note=True)
    equal(r.data["exit_code"], 0, "control")
    within("its record", 5, lambda: server.audit("run-result")[-1][
        "run.processes_ended"] == 1)
    quiet(server, "sleep 0 & wait; true | true")


def test_not_in_view(server):
    told(server, "cat /root/of-nobody", "/root/of-nobody is not in view",
         "key files.read", note=True)
    told(server, "cat /tmp/of-another-call", "empty when a run starts",
         "key files.private_tmp", note=True)
    told(server, "touch /etc/of-nobody; true", "/etc/of-nobody cannot be changed",
         "key files.write")
    told(server, "mkdir /usr/of-nobody; true", "/usr/of-nobody cannot be",
         "key files.write")         # with quotes that are not ASCII
    quiet(server, "cat /etc/of-nobody")     # its place is in view


def test_names_without_a_directory(server):
    """Programs tell names as they were given: relative, or none at all."""
    (server.work / ".git/hooks").mkdir(parents=True)
    server.add_policy("kept", files={"protect": [".env", ".ssh", ".git"]})
    with server.http(token=server.add("kept", policy="kept")) as c:
        if c.sh("mkdir /etc/of-nobody").text.find("Read-only") == -1:
            raise Skip("no root of its own")
        for command, heading, words in (
                ("touch .env", "DENIED: ", "/.env is protected and cannot"),
                ("ln -s x ./.ssh", "DENIED: ", "/.ssh/x is protected and"),
                (f"{PYTHON[:12]}open(\".env\", \"w\")'", "DENIED: ",
                 "/.env is protected and can be neither replaced"),
                ("rmdir .ssh", "DENIED: ", "/.ssh is protected and can be nei"),
                ("cd /etc && touch of-nobody", "NOTE: ",
                 "commands may write only in "),
                ("cd .ssh && touch x; true", "NOTE: ",
                 ", and not what is protected there (policy kept, keys")):
            text = c.sh(command).text
            check(heading in text and words in text, command, text)
        for command in ("touch env && rm env", "cat env; true", "ls -a",
                        "cat .git/hooks; true", "cat /; true",
                        "mkdir d && echo x > d; rmdir d"):
            text = c.sh(command).text
            check("DENIED" not in text and "NOTE" not in text, command, text)


def test_system_not_in_view(server):
    """A list of places that forgot those of programs: by the policy's key."""
    server.add_policy("bare", files={"read": ["/usr", "/etc"]})
    with server.http(token=server.add("bare", policy="bare")) as c:
        r = c.sh("id")
        if not r.error:
            raise Skip("no root of its own")
        check("command not found: /bin/sh; policy bare does not show /bin"
              in r.text and '"@system"' in r.text, r.text)
    server.add_policy("more", files={"read": ["@system", "/var/log"]})
    with server.http(token=server.add("more", policy="more")) as c:
        equal(c.sh("echo x").text, "x\n", "control")
        r = c.call("cli_command", command="of-nobody")
        check("command not found: of-nobody" in r.text and "@system" not in
              r.text, r.text)


def test_program_not_listed(server):
    """Not "not found": which ones there are, before a call and after it."""
    shell = os.path.realpath("/bin/sh")
    server.add_policy("few", programs=["/bin/sh", "/usr/bin/awk",
                                       "/usr/bin/seq", "/usr/bin/true"])
    names = "sh, awk, seq, true"        # as they are called: awk is a link
    said = f"commands see and run only {names} (policy few, key programs)"
    with server.http(token=server.add("few", policy="few")) as c:
        text = c.tools()[0]["description"]
        check(f"Only these programs run: {names}. " in text and
              shell not in text and "ld-linux" not in text, text)
        equal(c.sh("seq 2; true; awk 'BEGIN { print 3 }'").text, "1\n2\n3\n",
              "control")
        for command in "id", "seq 1 | id", "id; seq 1":
            check(c.sh(command).text.endswith(f"\nNOTE: {said}\n"), command)
        equal(c.call("cli_command", command="id -u").text,
              f"command not found: id; {said}", "without a shell")
        said = "/usr/bin/id is not in view: commands see and run only the " \
            "programs that this policy lists (policy few, key programs)"
        for tool in "exec_cmd", "cli_command":
            check(said in c.call(tool, command="/usr/bin/id").text, tool)
    with server.http() as c:
        check("programs" not in c.sh("of-nobody").text, "none are listed")


def test_program_not_in_view(server):
    """By its path: why, and by which key, with a shell and without one."""
    server.add_policy("paths", files={"hide": ["/etc/default"]})
    key = "(policy paths, key files."
    with server.http(token=server.add("paths", policy="paths")) as c:
        if not c.sh("ls /etc/default").error:
            raise Skip("no root of its own")
        absent = "/root/of-nobody is not in view: this policy does not show " \
            f"it to commands {key}read)"
        r = c.call("cli_command", command="/root/of-nobody x")
        check(f"command not found: /root/of-nobody; {absent}" in r.text, r.text)
        r = c.sh("/root/of-nobody x")
        check(f"NOTE: {absent}" in r.text, r.text)
        r = c.call("cli_command", command="/etc/default/of-nobody")
        check(f"/etc/default/of-nobody is hidden from commands {key}hide)"
              in r.text, r.text)
        for word in "/usr/bin/of-nobody", "of-nobody":
            r = c.call("cli_command", command=word)
            check(r.text.strip().endswith(f"not found: {word}"), r.text)


def test_own_places_of_a_whole_tree(server):
    """What looks like the machine's, and is the run's own."""
    server.add_policy("whole", files={"read": ["/"]})
    with server.http(token=server.add("whole", policy="whole")) as c:
        for command, words in (
                ("cat /tmp/of-nobody", "/tmp/of-nobody is in a directory of this"),
                ("ls -la /tmp", "/tmp and /var/tmp are this command's own"),
                ("ls /dev/of-nobody", "/dev/of-nobody is not in view"),
                ("ls /dev", "disks and other devices of this machine"),
                ("cat /proc/mounts", "places that are mounted apart"),
                ("cat /proc/sysvipc/shm", "shared memory, semaphores")):
            text = c.sh(command).text
            check("NOTE: " in text and words in text, command, text)
        for command in ("ls /etc", "touch /tmp/x && ls /tmp/x",
                        "cat /etc/hostname", "cat /etc/of-nobody; true"):
            text = c.sh(command).text
            check("NOTE" not in text, command, text)


def test_nothing_is_invented(server):
    for line in ("Permission denied", "No such file or directory",
                 "x: Permission denied", "Operation not permitted",
                 "cat: /etc/hostname: Permission denied", "killed", "DENIED:"):
        with server.http() as c:
            r = c.sh(f"echo '{line}' >&2; exit 1")
        equal(r.data["denials"], [], line)
    with server.http() as c:
        equal(c.sh("true").text, "(no output)", "byte by byte")
        equal(c.sh("printf x").text, "x", "likewise")


SOCKET = ("python3 -c 'import socket as s; c = s.socket(s.AF_UNIX, %s); "
          "c.connect(\"%s\"); print(\"reached\")' 2>/dev/null | tail -1")
AS_GO_DOES = "s.SOCK_STREAM | s.SOCK_NONBLOCK | s.SOCK_CLOEXEC"


def test_sockets_of_others(server):
    """By the form in which Go, node and sd-bus make them, and any other."""
    place = server.work / "others.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(place))
        place.chmod(0o777)
        s.listen()
        for form in AS_GO_DOES, "s.SOCK_STREAM":
            r = told(server, SOCKET % (form, place), "others.sock",
                     "key unix_sockets", rule="socket")
            check("reached" not in r.text, r.text)
        told(server, SOCKET % ("s.SOCK_DGRAM", place), "datagrams",
             rule="filter")
    r = quiet(server, SOCKET % (AS_GO_DOES, "/tmp/none.sock"))
    equal(r.text, "(no output)", "nobody listens: nothing is refused")
    quiet(server, "ls -l . && id")


ONLY_OWN = "only this command's own processes are in view"


def noted(*args):
    return told(*args, note=True)


def test_answers_from_what_is_not_in_view(server):
    """Programs that would be wrong about the machine without a word: as they
    are started, whatever they print, and however they and the line end."""
    noted(server, "ps -e", ONLY_OWN, "key processes")
    noted(server, "pidof of-nobody 2>/dev/null | tail -1", "pidof: " + ONLY_OWN)
    noted(server, "df >/dev/null 2>&1; true", "df: ", "key files.read")
    noted(server, "printf '#!/bin/sh\nps | wc -l' >day; chmod +x day; ./day",
         "ps: " + ONLY_OWN)
    noted(server, "ln -s $(command -v ps) other; ./other | tail -1; rm other",
         "ps: " + ONLY_OWN)
    noted(server, "ps; find /dev/null -exec pgrep of-nobody ';'; df; ps",
         "ps, pgrep: " + ONLY_OWN, "\ndf: ")
    noted(server, "cat /proc/999999/comm; true", "/proc/999999/comm is not a",
         "key processes")
    noted(server, "cat /proc/net/dev", "counters and settings of its own",
          "key network")
    if shutil.which("git"):
        noted(server, "git clone -q file:///srv/of-nobody.git x; true",
              "/srv/of-nobody.git is not in view")
    limit = pathlib.Path("/proc/sys/kernel/pid_max").read_text().strip()
    noted(server, "cat /proc/sys/kernel/pid_max",
          f"kernel.pid_max of this machine is {limit} (policy")
    if os.path.exists("/var/lib/dpkg/status"):
        noted(server, "dpkg -l 2>/dev/null | tail -1", "dpkg",
             "/var/lib/dpkg, is not in view")
    with server.http() as c:
        r = c.call("cli_command", command="ps -e")
    check(ONLY_OWN in r.text and ONLY_OWN in r.data["notes"][0], r.text)


def test_asked_of_the_shell(server):
    """It answers by itself, and without a word: nothing starts and fails."""
    place = "/var/lib/dpkg"
    unseen = place + " is not in view"
    noted(server, f"test -d {place} && echo there || echo absent", unseen,
          "key files.read")
    noted(server, f"if [ ! -e '{place}' ]; then echo absent; fi", unseen)
    noted(server, f'd={place}; test -d "$d" || echo absent', unseen)
    noted(server, f"for d in /usr {place}; do [ -d $d ]; done; true", unseen)
    quiet(server, f"echo test -d {place}; [ -n {place} ]")
    quiet(server, f'd={place}; d=/usr/share/$0; test -d "$d"; true')
    quiet(server, "test -d /usr/share; [ -e /etc/passwd ]; [ -e /bin/sh ]; "
          "[ -c /dev/null ]; test -e /tmp/none; test -d /proc/1; [ -e x ]")


def test_of_what_was_not_started(server):
    quiet(server, "echo ps; sh -c 'echo $0 $1' ps df; true /bin/ps")
    quiet(server, "printf x >ps; cat ps; rm ps")
    quiet(server, "mkdir -p d && touch d/ps && chmod +x d && true d/ps")


def test_what_is_in_view(server):
    """Of a policy that shows it nothing is said."""
    server.add_policy("shown", network="look", processes="see",
                      files={"read": ["/"]})
    if server.audit("reload")[-1]["event.outcome"] != "success":
        raise Skip("the kernel shows no processes without Landlock")
    token = server.add("of-shown", policy="shown")
    with server.http(token=token) as c:
        for line in ("ps -e", "df", "ps; pidof of-nobody; dpkg -l; true"):
            equal(c.sh(f"{line} >/dev/null 2>&1; true").data["denials"], [],
                  line)


def test_no_such_process(server):
    """Ids of other processes: those that a file or /proc names."""
    told(server, "echo 'sh: 1: kill: Operation not permitted'; exit 1",
         "signals reach only", note=True)
    told(server, "ulimit -n 99999999", "not raise them", "key limits",
         note=True)
    quiet(server, "ulimit -n 100 && ulimit -n")
    told(server, "kill 4194303; :", "signals reach only this command's own "
         "processes, and it sees no others", "key processes", note=True)
    quiet(server, "sleep 9 & kill $!")
    try:
        server.add_policy("sees", processes="see")
        server.reload()
    except instance.Failure as e:
        raise Skip(str(e)[:100]) from e
    with server.http(token=server.add("sees", policy="sees")) as c:
        r = c.sh(f"kill -0 {os.getpid()}")
        check("have ids of their own: those in /proc are the machine's" in
              r.text, r.text)
        r = c.sh("pkill -0 no-such-name")
        check("pkill: signals reach only" in r.text, r.text)
        for line in ("ps -p $$", "sleep 9 & cat /proc/$!/comm; kill $!"):
            r = c.sh(line)
            check("by the same id is another process" in r.text, r.text)
        r = c.sh(f"ps -p {os.getpid()}; cat /proc/self/comm")
        equal(r.data.get("notes", []), [], r.text)


def restarted(server, *around):
    server.stop()
    plain, server.wrapper = server.wrapper, [*around, *server.wrapper]
    try:
        server.start()
    finally:
        server.wrapper = plain


AS_A_WHOLE = "refused to this service as a whole"


def test_withheld_from_the_service(server):
    """Its unit's filter answers before ours, and nobody is told of it; "now"
    changes nothing where neither does."""
    restarted(server, sys.executable, UNIT_FILTER)
    try:
        told(server, "date -s now 2>/dev/null | tail -1",
             "date: setting the machine's clock is " + AS_A_WHOLE, note=True)
        told(server, "nice -n 5 true",
             "nice: changing priorities is " + AS_A_WHOLE, note=True)
        quiet(server, "date; date +%s; nice")
        # They show it, whatever else was refused.
        r = told(server, "date; hostname; nice -n 5 true", "nice:", note=True)
        check("date:" not in r.text and "hostname:" not in r.text, r.text)
    finally:
        restarted(server)
    quiet(server, "nice -n 5 true")
    told(server, "date -s now 2>/dev/null | tail -1", "clock_settime",
         "key syscalls", rule="filter")


def test_withheld_capability(server):
    if os.geteuid():
        raise Skip("only root can take from the bounding set")
    restarted(server, "setpriv", "--bounding-set=-sys_time,-sys_boot")
    try:
        told(server, "date -s now 2>/dev/null | tail -1",
             "date: setting the machine's clock needs the capability "
             "cap_sys_time, which this service was started without",
             note=True)
        quiet(server, "date")
    finally:
        restarted(server)


def test_backup(server):
    """As examples/policies.d/backup.json: reads what others own, and changes
    nothing; the capability that one would think of is refused, with advice."""
    if os.geteuid():
        raise Skip("only root can keep capabilities")
    place = server.dir / "data"
    place.mkdir(mode=0o711)
    server.dir.chmod(0o711)
    (place / "secret").write_text("of others")
    (place / "secret").chmod(0o600)
    policy = {"files": {"read": ["@system", str(place)]},
              "capabilities": ["CAP_DAC_OVERRIDE"]}
    server.add_policy("backup", **policy)
    server.add_policy("no-backup", files=policy["files"])
    with server.http(token=server.add("saver", policy="backup")) as c:
        r = c.sh(f"tar -cf b.tar -C {place} secret && tar -xOf b.tar")
        equal(r.data["stdout"], "of others", r.text)
        for command in (f"rm {place}/secret", f"echo x >{place}/secret",
                        f"chmod 666 {place}/secret", "touch /etc/x"):
            r = c.sh(command)
            check("key files.write" in r.text, command, r.text)
    with server.http(token=server.add("other", policy="no-backup")) as c:
        check(c.sh(f"cat {place}/secret").data["exit_code"] != 0, "control")
    equal((place / "secret").read_text(), "of others", "it is as it was")
    file = server.dir / "policies.d/backup.json"
    text = json.loads(file.read_text())
    file.write_text(json.dumps({**text, "capabilities": [
        "CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE"]}))
    out = subprocess.run([server.build / "mcp-execctl", "-c",
                          server.config_file, "check"], capture_output=True,
                         text=True, check=False).stdout
    check("cap_dac_read_search: it opens files past every path: name "
          "CAP_DAC_OVERRIDE" in out and "cap_sys_ptrace: with these" in out,
          out)
    file.unlink()


CALLS = {                       # harmless, and each let go on by "default"
    "bind": 's.socket().bind(("127.0.0.1", 0))',
    "setuid": "os.setuid(os.getuid())", "setgid": "os.setgid(os.getgid())",
    "setresuid": "os.setresuid(-1, -1, -1)",
    "setresgid": "os.setresgid(-1, -1, -1)",
    "setreuid": "os.setreuid(-1, -1)", "setregid": "os.setregid(-1, -1)",
    "setgroups": "os.setgroups(os.getgroups())",
    "fchownat": 'os.chown(".", -1, -1)',
    "socket": "s.socket(s.AF_INET, s.SOCK_RAW, 1)"}
KEPT = ["CAP_SETGID", "CAP_NET_RAW"]


def each_call(c, *names):
    """Which of them failed."""
    script = "import os, socket as s\n" + "".join(
        f"try: {CALLS[name]}\nexcept OSError: print('{name}')\n"
        for name in names or CALLS)
    r = c.sh(f"python3 - <<'END'\n{script}END\n")
    return set(r.data["stdout"].split()), r


def test_denied_by_name(server):
    """What the guard reports, where the filter lets it go on, is refused
    where the policy takes it away: with the capability that it needs, too."""
    kept = {} if os.geteuid() else {"capabilities": KEPT}
    server.add_policy("with-all", network="host", **kept)
    server.add_policy("without", network="host", **kept, syscalls={
        "deny": ["chown", *(c for c in CALLS if c != "socket")]})
    server.add_policy("no-socket", network="host", **kept, syscalls={
        "deny": ["socket"]})
    with server.http(token=server.add("of-all", policy="with-all")) as c:
        allowed = set() if kept else {"socket", "setgroups"}
        equal(each_call(c)[0] - allowed, set(), "the control")
    with server.http(token=server.add("of-none", policy="without")) as c:
        failed, r = each_call(c)
        equal(failed - {"socket"}, set(CALLS) - {"socket"}, r.text)
        check("key syscalls" in r.text, r.text)
    with server.http(token=server.add("of-no-socket",
                                      policy="no-socket")) as c:
        failed, r = each_call(c, "socket")
        check(failed and "raw socket failed" not in r.text, r.text)


AT = ("python3 -c 'import os; "
      "os.execve(os.open(\"/bin/echo\", os.O_RDONLY), [\"echo\", \"ran\"], {})'")
OWN = "python3 -c 'import os; print(os.getpid())'"


def test_denied_of_programs(server):
    """What the guard answers itself is refused where the policy denies it."""
    for name, deny, ran, own in (("anything", [], True, True),
                                 ("no-at", ["execveat"], False, True),
                                 ("no-pid", ["getpid"], True, False)):
        server.add_policy(name, processes="see", syscalls={"deny": deny})
        with server.http(token=server.add("of-" + name, policy=name)) as c:
            r = c.sh(AT)
            equal("ran" in r.text, ran, (name, r.text))
            check(ran or "execveat" in r.text, r.text)
            r = c.sh(OWN)
            equal(r.text.strip().isdigit(), own, (name, r.text))
    for deny in "execve", "@process":
        path = server.add_policy("no-exec", syscalls={"deny": [deny]})
        said = server.audit("reload")[-1]
        equal(said["event.outcome"], "failure", deny)
        check("cannot be denied" in server.log(), server.log()[-400:])
        path.unlink()
        server.reload_ends("success", "without it")


def test_raw_sockets_need_a_network(server):
    """One that is only looked at, or is not there, has no raw sockets."""
    if os.geteuid():
        raise Skip("only root can keep capabilities")
    for network, opens in (("host", True), ("loopback", True),
                           ("look", False), ("none", False)):
        server.add_policy("raw-" + network, network=network,
                          capabilities=["CAP_NET_RAW"])
        token = server.add("of-raw-" + network, policy="raw-" + network)
        with server.http(token=token) as c:
            failed, r = each_call(c, "socket")
            equal((network, not failed), (network, opens), r.text)
            check(opens or "key network" in r.text, r.text)
