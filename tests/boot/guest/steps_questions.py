# SPDX-License-Identifier: MIT
"""Further questions of an administrator's day, to what looks and changes
nothing: the policy diagnose, and the same with the pack of tools.

The truth is taken outside of mcp-execd, by root, right before and right after
the answer.  An answer is one of the two, or it says which rule refused it; it
is never empty, and nothing in it is of another machine than this one.
"""
import collections
import os
import pathlib
import re
import socket

import machine
import steps_day
from machine import check, sh, step

MARK = "day-4711"
CERTIFICATE = pathlib.Path(f"/etc/ssl/{MARK}.pem")
CRON = pathlib.Path(f"/etc/cron.d/{MARK}")
CRONTABS = pathlib.Path("/var/spool/cron/crontabs")
SWAP = pathlib.Path(f"/var/{MARK}.swap")
PRIVATE = pathlib.Path(f"/tmp/{MARK}")
TIMER = f"{MARK}.timer"
FORWARD = pathlib.Path("/proc/sys/net/ipv4/ip_forward")
ADDRESS = "192.0.2.47"
POLICIES = "diagnose", "restart"

# --- who may not is told which rule it was ----------------------------------------

NOT_NAMED = steps_day.NOT_NAMED
OWNERS = r"which process has a socket or a file open is shown of this"
MOUNTS = r"and the options ro, nosuid and nodev, are those of this command's"
DENIED = r"(?i)permission denied|operation not permitted|must be root"
NO_DISKS = r"disks and other devices of this machine are not in view"


# --- the truth ---------------------------------------------------------------------

def read(path):
    return pathlib.Path(path).read_text()


def first(pattern, text):
    m = re.search(pattern, text, re.M)
    check(m, "the truth has no", pattern, text[:300])
    return m.group(1)


def out(*argv):
    return sh(*argv).strip()


def shell(command):
    return out("sh", "-c", command)


def pid():
    return machine.show("MainPID", "nginx.service")


class Near:
    """A number after that pattern, which may change a little meanwhile."""

    def __init__(self, pattern, value, by):
        self.pattern, self.value, self.by = pattern, float(value), by

    def is_in(self, text):
        m = re.search(self.pattern, text, re.M)
        return (m is not None and
                abs(float(m.group(1)) - self.value) <= self.by)

    def __repr__(self):
        return f"{self.pattern} near {self.value}"


def is_in(truth, text):
    if isinstance(truth, (list, tuple)):
        return all(is_in(t, text) for t in truth)
    if isinstance(truth, Near):
        return truth.is_in(text)
    if isinstance(truth, re.Pattern):
        return truth.search(text) is not None
    return " ".join(truth.split()) in " ".join(text.split())


def exactly(command):
    """What root's own shell says to the same command, word by word."""
    return lambda: shell(command)


def memory():
    kib = int(first(r"^MemTotal: +(\d+)", read("/proc/meminfo")))
    return [re.compile(rf"Mem: +({kib * 1024}|{kib}|{kib // 1024})\b")]


def boot_time():
    return Near(r"(\d{10})", first(r"^btime (\d+)", read("/proc/stat")), 2)


def inodes():
    v = os.statvfs("/")
    return [Near(r"^\S+ +\d+ +(\d+)", v.f_files - v.f_ffree, 200),
            re.compile(rf"\b{v.f_files}\b")]


def certificate():
    end = shell(f"openssl x509 -in {CERTIFICATE} -noout -enddate")
    year = first(r" (20\d\d) ", end)
    return [year, MARK]


def workers():
    return sorted(shell("pgrep -x nginx").split())


Question = collections.namedtuple("Question", "name command truth tool "
                                  "arguments refused")


def row(name, command, truth, tool=None, arguments=None, **refused):
    """refused: by the name of a policy, what its answer says instead."""
    return Question(name, command, truth, tool, arguments or {}, refused)


def same(name, command, *more, **refused):
    """What anyone may see is what root sees."""
    return row(name, command, exactly(command), *more, **refused)


def nobody(name, command, truth, reason, *more):
    return row(name, command, truth, *more, diagnose=reason, restart=reason)


QUESTIONS = (
    # The network.
    nobody("socket_owner", "ss -Hltnp 'sport = :80'",
           lambda: 'users:(("nginx"', OWNERS),
    row("listeners", "ss -Hltn", lambda: [":80", ":8001"], "listeners"),
    row("unix_listeners", "ss -Hxl", lambda: "/run/dbus/system_bus_socket"),
    row("connections", "ss -Htn state established dport = :80",
        lambda: re.compile(r"127\.0\.0\.1:80\b")),
    row("addresses", "ip -br address", lambda: ADDRESS, "network"),
    row("routes", "ip route show table local", lambda: f"local {ADDRESS}"),
    row("interfaces", "cat /proc/net/dev",
        lambda: re.compile(r'"ifname":"lo"|^ *lo:', re.M), "network"),
    row("resolver", "grep -v '^#' /etc/resolv.conf",
        lambda: first(r"^nameserver (\S+)", read("/etc/resolv.conf")),
        "network"),
    same("forwarding", "cat /proc/sys/net/ipv4/ip_forward"),
    same("ports", "cat /proc/sys/net/ipv4/ip_local_port_range"),
    nobody("firewall", "nft list ruleset", lambda: MARK,
           r"sockets of AF_NETLINK for the firewall's rules"),
    # Processes.
    row("which_process", "pgrep -x nginx", workers),
    row("of_whom", "ps -o user= -p $(pgrep -ox nginx)",
        lambda: shell(f"ps -o user= -p {pid()}")),
    row("command_line", "ps -o args= -C nginx",
        lambda: "nginx: worker process", "service_status",
        {"service": "nginx"}),
    row("limits_of", "cat /proc/$(pgrep -ox nginx)/limits",
        lambda: first(r"(Max open files .*\d)", read(f"/proc/{pid()}/limits"))),
    row("memory_of", "cat /proc/$(pgrep -ox nginx)/status",
        lambda: first(r"(VmPeak:.*)", read(f"/proc/{pid()}/status"))),
    nobody("environment_of", "cat /proc/$(pgrep -ox nginx)/environ",
           lambda: "PATH=", DENIED),
    nobody("files_of", "ls -l /proc/$(pgrep -ox nginx)/fd",
           lambda: "access.log", DENIED),
    row("init", "ps -o comm= -p 1", lambda: "systemd"),
    nobody("own_ids", "ps -o pid= -p $$", lambda: "there is none",
           r"ids that the shell gives \(\$\$, \$!\) are of this command's own"),
    row("zombies", "ps -eo stat= | grep -c '^Z' || echo none",
        exactly("ps -eo stat= | grep -c '^Z' || echo none")),
    row("threads", "cat /proc/loadavg",
        lambda: Near(r"/(\d+) \d+$", first(r"/(\d+) ", read("/proc/loadavg")),
                     40)),
    # systemd.
    row("timers", "systemctl list-timers --all --no-pager", lambda: [TIMER],
        "service_status", {"service": TIMER}, diagnose=NOT_NAMED),
    row("enabled", "systemctl is-enabled nginx", lambda: "enabled",
        "service_status", {"service": "nginx"}, diagnose=NOT_NAMED),
    nobody("boot_duration", "systemd-analyze", lambda: "Startup finished in",
           NOT_NAMED),
    row("unit_file", "cat /usr/lib/systemd/system/nginx.service",
        lambda: "ExecStart=/usr/sbin/nginx"),
    row("service_memory",
        "cat /sys/fs/cgroup/system.slice/nginx.service/pids.current",
        lambda: shell("cat /sys/fs/cgroup/system.slice/nginx.service/"
                      "pids.current")),
    row("logged_in", "who -q", lambda: re.compile(r"# users=0|Nobody is log"),
        "logins"),
    row("boots", "journalctl --list-boots --no-pager",
        lambda: read("/proc/sys/kernel/random/boot_id").strip().replace(
            "-", "")),
    row("journal_usage", "journalctl --disk-usage",
        exactly("journalctl --disk-usage")),
    row("synchronised", "timedatectl show", lambda: "NTPSynchronized=",
        "time_sync", diagnose=NOT_NAMED),
    # The machine.
    row("uptime", "cat /proc/uptime",
        lambda: Near(r"^(\d+)", read("/proc/uptime").split(".")[0], 60)),
    row("load", "cat /proc/loadavg",
        lambda: Near(r"^(\S+)", read("/proc/loadavg").split()[0], 1.0)),
    row("last_boot", "date -d \"$(uptime -s)\" +%s", boot_time),
    row("memory", "free -b", memory, "host"),
    same("kernel", "uname -r", "host"),
    same("command_line_of_kernel", "cat /proc/cmdline"),
    same("processors", "nproc", "host"),
    row("hardware", "lscpu", lambda: first(r"model name\s*: (.*)",
                                           read("/proc/cpuinfo"))),
    same("modules", "lsmod | cut -d' ' -f1 | sort"),
    row("swap", "swapon --show=NAME,SIZE --bytes --noheadings",
        lambda: f"{SWAP} {SWAP.stat().st_size - 4096}"),
    row("open_files", "cat /proc/sys/fs/file-nr",
        lambda: Near(r"^(\d+)", read("/proc/sys/fs/file-nr").split()[0], 1000)),
    same("apparmor", "cat /sys/module/apparmor/parameters/enabled"),
    nobody("apparmor_profiles", "cat /sys/kernel/security/apparmor/profiles",
           lambda: "(enforce)", DENIED + "|No such file"),
    same("lockdown", "cat /sys/kernel/security/lockdown 2>/dev/null || "
         "cat /proc/sys/kernel/yama/ptrace_scope /proc/sys/kernel/tainted"),
    same("host_name", "uname -n"),
    same("time_zone", "date +%Z; readlink -f /etc/localtime"),
    # Disks.
    row("inodes", "df -i / | tail -n 1", inodes),
    row("disks", "lsblk -b -d -o NAME,SIZE",
        lambda: [shell("lsblk -b -d -n -o SIZE /dev/vda"), "vda"],
        "block_devices"),
    nobody("labels", "blkid", lambda: 'TYPE="ext4"', NO_DISKS),
    nobody("read_only", "findmnt -rno TARGET -O ro",
           lambda: "there is none", MOUNTS),
    row("mount_options", "findmnt -no FSTYPE /", lambda: "ext4"),
    row("directory", "du -sm /usr/share 2>/dev/null",
        lambda: shell("du -sm /usr/share"), "largest_directories",
        {"path": "/usr/share", "depth": 1}),
    row("full_disk", f"df -h {steps_day.FULL}", lambda: "100%",
        "file_systems"),
    # Accounts and files.
    same("accounts", "getent passwd | cut -d: -f1,3,7"),
    same("groups", "id www-data"),
    nobody("shadow", "cat /etc/shadow", lambda: "root:",
           DENIED + "|not in view"),
    nobody("home_of_root", "ls /root", lambda: ".bashrc", DENIED),
    nobody("failed_logins", "lastb", lambda: "btmp begins",
           DENIED + "|not found"),
    row("cron", "cat /etc/cron.d/*", lambda: MARK),
    nobody("crontabs", f"ls {CRONTABS}", lambda: MARK, DENIED),
    same("permissions", "stat -c '%U:%G %a %Y' /etc/nginx/nginx.conf"),
    same("checksum", "sha256sum /usr/bin/env"),
    row("certificate", f"openssl x509 -in {CERTIFICATE} -noout -enddate "
        "-subject", certificate, "certificates"),
    same("version", "dpkg-query -W -f '${Version}' nginx-common"),
    row("manual", "man -w ls", lambda: re.compile(r"man1/ls\.1|LS\(1\)"),
        "manual", {"name": "ls", "lines": 5}),
    # A directory of everyone's, of which a run has one of its own.
    nobody("shared_memory", "cat /proc/sysvipc/shm",
           exactly("tail -n 1 /proc/sysvipc/shm"), r"shared memory, semaphores"),
    nobody("temporary", f"ls -l {PRIVATE}", lambda: "root root",
           r"in a directory of this run's own"),
)


# --- asked -------------------------------------------------------------------------

def make_things():
    """What there is to be found out here, and nowhere else."""
    sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
       "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "/dev/null",
       "-out", CERTIFICATE, "-days", "400", "-subj", f"/CN={MARK}")
    CRON.parent.mkdir(exist_ok=True)
    CRON.write_text(f"# {MARK}\n")
    CRONTABS.mkdir(parents=True, exist_ok=True)
    CRONTABS.chmod(0o1730)
    (CRONTABS / MARK).write_text("")
    SWAP.write_bytes(bytes(1 << 20))
    SWAP.chmod(0o600)
    sh("mkswap", SWAP)
    sh("swapon", SWAP)
    PRIVATE.write_text("of the machine\n")
    FORWARD.write_text("1\n")
    sh("ip", "address", "add", f"{ADDRESS}/32", "dev", "lo")
    sh("nft", "add", "table", "inet", MARK)
    sh("ipcmk", "-M", "4711")
    sh("systemd-run", "--on-active=1d", f"--unit={MARK}", "/bin/true")


def remove_things():
    sh("systemctl", "stop", TIMER, ok=False)
    sh("ipcrm", "--all=shm", ok=False)
    sh("nft", "delete", "table", "inet", MARK, ok=False)
    sh("ip", "address", "del", f"{ADDRESS}/32", "dev", "lo", ok=False)
    FORWARD.write_text("0\n")
    sh("swapoff", SWAP, ok=False)
    for path in CERTIFICATE, CRON, SWAP, PRIVATE, CRONTABS / MARK:
        path.unlink(missing_ok=True)


def wrong_with(q, text, wanted, truths):
    """What is wrong with an answer; empty: nothing."""
    if not text.strip() or "(no output)" in text and wanted is None:
        return "empty"
    right = any(is_in(t, text) for t in truths)
    if wanted is None:
        return "" if right else f"is not {truths[0]!r:.300}: {text[-400:]}"
    if not re.search(wanted, text):
        return f"no reason: {text[-500:]}"
    return "right, and was not to be" if right else ""


def answer(client, q, policy):
    if policy == "restart" and q.tool is not None:
        return client.call(q.tool, **q.arguments)
    return client.call("exec_cmd", command=q.command)


def ask_all(policy):
    wrong, right = [], 0
    if policy not in steps_day.TOKENS:
        steps_day.TOKENS[policy] = machine.add_token(f"of-{policy}", policy)
    with (socket.create_connection(("127.0.0.1", 80)),
          machine.as_client(steps_day.TOKENS[policy]) as client):
        for q in QUESTIONS:
            truths = [q.truth()]
            r = answer(client, q, policy)
            truths.append(q.truth())
            wanted = q.refused.get(policy)
            why = wrong_with(q, r.text, wanted, truths)
            machine.note("asked", policy, q.name, repr(r.text[-300:]))
            right += wanted is None
            if why:
                wrong.append(f"{q.name}: {why}")
    check(not wrong, policy, f"{len(wrong)} wrong:", *wrong)
    return f"{right} right, {len(QUESTIONS) - right} not and why"


def ask_step(policy):
    @step(f"day.asked.{policy}", long=True)
    def ask():
        make_things()
        try:
            return ask_all(policy)
        finally:
            remove_things()


for each in POLICIES:
    ask_step(each)

# What is long may be left out; this is not.
step("day.over")(steps_day.over)
