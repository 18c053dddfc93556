# SPDX-License-Identifier: MIT
"""The packs of tools that come with the program, and mcp-execctl setup: each
tool is run against the real program, where this machine has it."""
import atexit
import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile

from client import INTENT, SLOW, TOP, RpcError, Server, Skip, check, equal
import instance

PACKS = TOP / "packaging" / "tools.d"
TOOLS = sorted(PACKS.glob("*/tools.d/*.json"))
POLICIES = sorted(PACKS.glob("*/policies.d/*.json"))
SERVER = {"policy": {"limits": {"runs_per_minute": 0}}}
PLACE = {}      # of the only server: its tokens
# What no parameter of a word lets through, whatever it is about.
HOSTILE = ("-rf", "--help", "a\nb", "a\0b", "$(id)", "`id`", "a;id", "a|id",
           "*", "%n", "../../etc/shadow", "a/../b", "/etc/../etc", "",
           "x" * 5000)
# Texts that are looked for may be anything in one line: behind -e or --grep=.
FREE = {("read_log", "text"): {"-rf", "--help", "$(id)", "`id`", "a;id",
                               "a|id", "*", "%n", "../../etc/shadow",
                               "a/../b", "/etc/../etc"},
        ("journal", "text"): {"-rf", "--help", "`id`", "a;id", "%n",
                              "../../etc/shadow", "a/../b", "/etc/../etc"},
        ("journal", "since"): {"-rf", "--help"},
        ("journal", "until"): {"-rf", "--help"}}


def warm(client):
    client.call("cli_command", command="true")


def stage(place, user="nobody"):
    """The data of an installed program, for a machine that has neither its
    accounts nor D-Bus.  Its programs are where runs see them."""
    data = place / "data"
    PLACE["shown"] = PLACE.get("shown") or pathlib.Path(
        tempfile.mkdtemp(prefix="mcp-execd-test.", dir="/opt"))
    atexit.register(shutil.rmtree, PLACE["shown"], True)
    PLACE["shown"].chmod(0o755)
    shutil.copytree(PACKS / "bin", PLACE["shown"] / "bin", dirs_exist_ok=True)
    shutil.copytree(PACKS, data / "tools.d")
    shutil.copytree(TOP / "packaging/examples/policies.d", data / "policies.d")
    shutil.copy(TOP / "packaging/examples/mcp-execd.json", data)
    home = place / "empty"
    home.mkdir()
    for path in data.rglob("*.json"):
        text = path.read_text()
        for old, new in (
                ("/usr/libexec/mcp-execd/tools", str(PLACE["shown"] / "bin")),
                ('"mcp-diagnose"', f'"{user}"'),
                ("/var/lib/mcp-diagnose", str(home)),
                ('"groups": ["adm", "systemd-journal"],', ""),
                (', "/run/systemd/system"', "")):
            text = text.replace(old, new)
        path.write_text(re.sub(r'"unix_sockets": \["/run/.*\],', "", text))
    for path in (data, *data.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin"
                   else 0o644)
    return data


def refused(server, *words):
    """What mcp-execctl said on both streams; it must have failed."""
    run = subprocess.run(
        [server.build / "mcp-execctl", "-c", server.config_file, *words],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=60 * server.slow)
    check(run.returncode in (1, 2), words, run)
    return run.stdout + run.stderr


def day(server):
    """A token with the pack's tools and the restart of two services."""
    if os.geteuid() != 0:
        raise Skip("tools that run as others need root")
    if "token" not in PLACE:
        PLACE["data"] = data = stage(server.dir)
        server.ctl("tools", "enable", "system", "--from", str(data))
        server.ctl("tools", "enable", "restart", "--service", "nginx",
                   "--service", "cron.service", "--from", str(data))
        server.add_policy("day", shell=None,
                          tools=["@system", "restart_service"],
                          limits={"timeout_max_ms": 120000})
        PLACE["token"] = server.add("of-day", policy="day")
    return PLACE["token"]


# --- the verbs ------------------------------------------------------------------

def test_enable_and_disable(server):
    if os.geteuid() != 0:
        raise Skip("tools that run as others need root")
    with tempfile.TemporaryDirectory(dir=server.dir) as place:
        place = pathlib.Path(place)
        place.chmod(0o755)
        tools = server.dir / server.config["tool_dir"]
        policies = server.dir / server.config["policy_dir"]
        data = ("--from", str(stage(place)))
        before = sorted(policies.iterdir())
        out = server.ctl("tools", "enable", "system", "--dry-run", *data)
        check("new " in out and "Nothing was changed" in out, out)
        equal(sorted(policies.iterdir()), before, "dry run")
        out = server.ctl("tools", "enable", "system", *data)
        check("It is in force" in out, "reloaded", out)
        out = server.ctl("tools", "list", *data)
        check(re.search(r"journal +enabled; offered by system\n", out), out)
        check(re.search(r"restart_service +not enabled", out), out)
        check("as it is" in server.ctl("tools", "enable", "system", *data),
              "again")
        # What was changed stays, unless --force.
        (tools / "host.json").write_text(
            (tools / "host.json").read_text() + "// mine\n")
        for verb in "enable", "disable":
            out = refused(server, "tools", verb, "system", *data)
            check("differs" in out and "--force" in out, verb, out)
            check("// mine" in (tools / "host.json").read_text(), verb)
        server.ctl("tools", "enable", "system", "--force", *data)
        # A policy that offers one keeps them all.
        path = server.add_policy("uses", tools=["exec_cmd", "@system"])
        out = refused(server, "tools", "disable", "system", *data)
        check("uses.json" in out and "nothing was changed" in out, out)
        check((tools / "host.json").exists(), "restored")
        path.unlink()
        server.ctl("tools", "disable", "system", *data)
        equal(sorted(policies.iterdir()), before, "policies as before")
        equal(list(tools.glob("*.json")), [], "no tool is left")


def test_list_beside_findings(_):
    """A policy that does not load is no reason to hide what packs there are."""
    if os.geteuid() != 0:
        raise Skip("tools that run as others need root")
    with Server() as server:
        def listed(*more):
            run = subprocess.run(
                [server.build / "mcp-execctl", "-c", server.config_file,
                 "tools", *more], capture_output=True, text=True,
                stdin=subprocess.DEVNULL, timeout=60)
            return run.returncode, run.stdout, run.stderr

        data = ("--from", str(stage(server.dir)))
        tools = server.dir / server.config["tool_dir"]
        (tools / "host.json").write_bytes(
            (pathlib.Path(data[1]) / "tools.d/system/tools.d/host.json").read_bytes())
        policy = server.dir / server.config["policy_dir"] / "bad.json"
        policy.write_text('{"network": "nonee"}')
        policy.chmod(0o600)
        status, out, error = listed("list", *data)
        equal(status, 1, out + error)
        check(re.search(r"host +enabled\n", out), out)
        check(re.search(r"journal +not enabled\n", out), out)
        check("who is offered a tool is not shown" in error, error)
        policy.unlink()
        status, out, error = listed("list", *data)
        equal((status, error), (0, ""), out)
        for words in ("list",), ("enable", "system"):
            for place in str(server.dir / "gone"), str(server.config_file):
                status, out, error = listed(*words, "--from", place)
                check(status == 1 and "name by --from the directory" in error
                      and f"{place}/tools.d: " in error, words, error)
        status, out, error = listed("enable", "sistem", *data)
        check(status == 1 and "see mcp-execctl tools list" in error, error)


def test_services_are_listed(server):
    """Nothing can be restarted that was not named."""
    if os.geteuid() != 0:
        raise Skip("tools that run as others need root")
    day(server)
    data = ("--from", str(PLACE["data"]))
    for words, why in ((("restart",), "--service NAME"),
                       (("system", "--service", "x"), "no list"),
                       (("restart", "--service", "a b"), "name of a unit"),
                       (("restart", "--service", "-x"), "name of a unit"),
                       (("restart", "--service", "../x"), "name of a unit"),
                       (("restart", "--service", 'x"]'), "name of a unit"),
                       (("restart", "--service", "x*"), "name of a unit"),
                       (("nothing",), "no pack"), (("../system",), "no pack"),
                       ((), "PACK")):
        out = refused(server, "tools", "enable", *words, *data)
        check(why in out, words, out)
    text = instance.read_json(server.dir / "tools.d/restart_service.json")
    equal(text["parameters"]["service"]["enum"],
          ["nginx.service", "cron.service"], "the list")
    with server.http(token=day(server)) as c:
        before = len(server.audit(INTENT))
        for name in ("sshd.service", "nginx", "nginx.service cron.service",
                     "*", ""):
            r = c.call("restart_service", service=name)
            check(r.error and ("one of" in r.text or not name), name, r)
        equal(len(server.audit(INTENT)), before, "nothing was run")
        # There is no systemd to ask, and that is what it says.
        r = c.call("restart_service", service="cron.service")
        check(r.error and r.text.strip(), r)
    intent = server.audit(INTENT)[-1]
    equal((intent["policy.name"], intent["process.args"][1:]),
          ("system-restart", ["cron.service"]), "recorded")


# --- the tools --------------------------------------------------------------------

def definitions():
    return {p.stem: instance.read_json(p) for p in TOOLS}


def test_definitions(_):
    """Each program is there, and each policy says that it may be used."""
    policies = {p.stem: instance.read_json(p) for p in POLICIES}
    for name, d in definitions().items():
        program = d["argv"][0]
        if program.startswith("/usr/libexec/"):
            script = PACKS / "bin" / pathlib.Path(program).name
            check(os.access(script, os.X_OK), name, "has no program", script)
        check(policies[d["policy"]].get("elevates"), name, d["policy"])
        check(d.get("pack") == "system" or name == "restart_service", name)
    for name, p in policies.items():
        check(p.get("shell", 0) is None, name, "has a shell")
        check("exec_cmd" not in p["tools"], name)
    # Who sees what everybody has neither a network nor a socket.
    equal((policies["system-root"]["network"],
           policies["system-root"].get("unix_sockets")), ("none", None), "")


def test_programs_are_known(_):
    """Each tool has its row in PROGRAMS.md, with each program of its script
    and each long option."""
    table = (PACKS / "PROGRAMS.md").read_text().partition("## Tools")[2]
    rows = dict(re.findall(r"(?m)^\| (\w+) \| (.*) \|$", table))
    rows.pop("tool")
    equal(sorted(rows), sorted(definitions()), "rows")
    known = re.compile(r"(?<![\w./$-])(systemctl|journalctl|loginctl|timedatectl|"
                       r"openssl|nginx|sshd|named-checkconf|httpd|apachectl|lsblk|"
                       r"df|du|ss|ip|man|top|last|rpm|dnf|apt|dpkg-query|uptime|"
                       r"free)(?= -| [a-z]|$)", re.M)
    for name, d in definitions().items():
        program = pathlib.Path(d["argv"][0])
        script = PACKS / "bin" / program.name
        words = " ".join(w for a in d["argv"] for w in (
            a.get("words", ()) if isinstance(a, dict) else [a]))
        text = re.sub(r"(?m)^\s*#.*|echo (\\\n|.)*", "", script.read_text()) \
            if script.exists() else program.name
        for word in {*known.findall(text),
                     *re.findall(r"--[a-z][a-z-]+=?", text + words)}:
            check(word.rstrip("=") in rows[name], name, "its row has no", word)


def test_hostile_parameters(server):
    """None of these gets into a program's words."""
    with server.http(token=day(server)) as c:
        c.call("host")
        before = len(server.audit(INTENT))
        tried = 0
        for name, d in definitions().items():
            for param, spec in d.get("parameters", {}).items():
                if spec["type"] != "string":
                    continue
                for value in HOSTILE:
                    if value in FREE.get((name, param), ()):
                        continue
                    given = {k: "x" for k, s in d["parameters"].items()
                             if s["type"] == "string" and "default" not in s
                             and s.get("required", True)}
                    tried += 1
                    try:
                        r = c.call(name, **{**given, param: value})
                    except RpcError:
                        continue
                    check(r.error, name, param, value, r)
        equal([r["process.args"] for r in server.audit(INTENT)[before:]], [],
              "what was run")
        check(tried > 150, tried)


def answer(client, name, /, **arguments):
    """What a tool says that succeeded, and as data where it is JSON."""
    r = client.call(name, **arguments)
    check(not r.error and r.text.strip(), name, arguments, r)
    schema = definitions()[name].get("output", {}).get("schema")
    if schema is None:
        return r.text
    for key in schema["required"]:
        check(isinstance(r.data[key], list), name, key, r.data)
    return r.data


def certificate():
    path = PLACE["shown"] / "site.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                    "-days", "9", "-subj", "/CN=site.example", "-keyout",
                    PLACE["shown"] / "site.key", "-out", path], check=True,
                   capture_output=True)
    path.chmod(0o600)
    return path


def test_answers(server):
    """Of the machine, and not of the run."""
    with server.http(token=day(server)) as c:
        said = answer(c, "host")
        check(os.uname().release in said and "load average" in said, said)
        said = answer(c, "processes", by="memory", count=100)
        check("mcp-execd" in said and "\n      1 root" in said, said)
        check("COMMAND" in answer(c, "processes", count=1), "by processor")
        said = answer(c, "listeners")
        check(f":{server.address[1]} " in said, said)
        names = [a["ifname"] for a in answer(c, "network")["addresses"]]
        equal(sorted(names), sorted(os.listdir("/sys/class/net")), "network")
        said = answer(c, "file_systems")
        root = subprocess.run(["df", "--output=source", "/"], text=True,
                              capture_output=True, check=True).stdout.split()
        check(re.search(rf"(?m)^/ +{root[-1]} ", said), said)
        said = answer(c, "largest_directories", path=str(PLACE["shown"]))
        check(str(PLACE["shown"] / "bin") in said, said)
        packages = answer(c, "packages", name="coreutils")
        check(re.search(r"(?m)^coreutils \d", packages), packages)


def test_more_answers(server):
    with server.http(token=day(server)) as c:
        if shutil.which("lsblk"):
            check(answer(c, "block_devices")["blockdevices"], "disks")
        if shutil.which("openssl"):
            path = certificate()
            said = answer(c, "certificates", file=str(path))
            check("CN = site.example" in said and str(path) in said, said)
            check(re.search(r"20\d\d-\d\d-\d\d", said), said)
            r = c.call("certificates", file=str(path.with_suffix(".key")))
            check(r.error and "PRIVATE" not in r.text, "a key", r)
        if shutil.which("man"):
            r = c.call("manual", name="no-such-page")
            check(r.error and "No manual entry" in r.text, r)
        r = c.call("read_log", log="no-such-log")
        check(r.error and "No such file" in r.text, r)
        if os.path.exists("/var/log/dpkg.log"):
            said = answer(c, "read_log", log="dpkg.log", text="-no-such-text-")
            check("No line of" in said, said)
        r = c.call("check_config", service="named")
        check(r.text.strip(), r)
        if not os.path.isdir("/run/systemd/system"):
            # Nothing to ask: each says so, and none says that all is well.
            for name, arguments in (("services", {}), ("time_sync", {}),
                                    ("service_status", {"service": "x"}),
                                    ("journal", {}), ("kernel_messages", {}),
                                    ("logins", {})):
                r = c.call(name, **arguments)
                check(r.error and r.text.strip(), name, r)


USUAL = ("sh awk cat date find grep head mkdir ln mount openssl readlink sed "
         "sort tail touch tr").split()


DPKG = "mkdir -p /var/lib/dpkg; echo x >/var/lib/dpkg/status; "


def script(name, prepare, *words, **programs):
    """A tool's script alone, on a machine that is made for it: with a /etc,
    /tmp and /var of its own, and with no program but usual ones and these."""
    if os.geteuid() != 0:
        raise Skip("mounts need root")
    with tempfile.TemporaryDirectory(dir="/opt") as place:
        for usual in filter(shutil.which, USUAL):
            os.symlink(os.path.realpath(shutil.which(usual)),
                       f"{place}/{usual}")
        for program, text in programs.items():
            path = pathlib.Path(place, program)
            path.write_text("#!/bin/sh\n" + text)
            path.chmod(0o755)
        shutil.copy(TOP / "packaging/tools.d/bin" / name, f"{place}/.tool")
        ran = subprocess.run(
            [shutil.which("unshare"), "-m", "sh", "-ec", "for d in etc var tmp; do "
             f"mount -t tmpfs none /$d; done; {prepare}\n exec sh {place}/.tool "
             + " ".join(words)],
            env={"PATH": place}, text=True, capture_output=True, check=False,
            timeout=60 * SLOW)
        return ran.returncode, ran.stdout + ran.stderr


def test_certificates_of_authorities(_):
    """Links into their store are left out, as it is; others are followed."""
    if not shutil.which("openssl"):
        raise Skip("no openssl")
    code, said = script("certificates", """
        mkdir -p /etc/pki/ca-trust/extracted /etc/pki/tls /etc/nginx
        openssl req -x509 -newkey rsa:2048 -nodes -keyout /tmp/key -days 9 \
            -subj /CN=x -config /dev/null -out /etc/nginx/x.pem 2>/dev/null
        cat /etc/nginx/x.pem >/etc/pki/ca-trust/extracted/bundle.pem
        ln -s ../ca-trust/extracted/bundle.pem /etc/pki/tls/cert.pem
        ln -s x.pem /etc/nginx/live.pem""")
    equal(code, 0, said)
    equal(re.findall(r"/etc/\S+", said), ["/etc/nginx/live.pem",
                                          "/etc/nginx/x.pem"], said)


def test_updates_by_dnf(_):
    """dnf5 is told to read root's lists, which dnf reads anyway."""
    dnf = 'echo "asked $*"; echo "bash.x86_64 5.3 updates"; exit 100\n'
    for place, wanted in (("libdnf5", True), ("dnf", False)):
        code, said = script(
            "pending_updates",
            f"mkdir -p /var/cache/{place}/x/repodata; "
            f"touch -d 2026-01-02 /var/cache/{place}/x/repodata/repomd.xml",
            dnf=dnf)
        equal(code, 0, said)
        check("are of: 2026-01-02" in said and "bash.x86_64" in said and
              "No updates" not in said, said)
        equal("--setopt=cachedir=/var/cache/libdnf5" in said, wanted, said)
        equal("--setopt=build_cache=false" in said, wanted, said)
    code, said = script("pending_updates", ":", dnf="exit 0\n")
    check(code == 0 and "not known" in said and "No updates" not in said, said)
    fetched = "mkdir -p /var/cache/dnf; touch /var/cache/dnf/repomd.xml"
    for program, wanted, none in (("exit 0\n", 0, True), ("exit 1\n", 1, False)):
        code, said = script("pending_updates", fetched, dnf=program)
        equal((code, "No updates" in said), (wanted, none), said)


def test_updates_by_apt(_):
    """Lists that are links are lists, too: of a repository on this machine."""
    apt = "exit 0\n"
    for prepare, known in ((":", False), ("touch lock", False),
                           ("ln -s /srv/Packages x_Packages", True),
                           ("touch x_InRelease", True)):
        code, said = script(
            "pending_updates", f"{DPKG}mkdir -p /var/lib/apt/lists/partial; "
            f"cd /var/lib/apt/lists; {prepare}", apt=apt)
        check(code == 0 and known == ("No updates" in said) and
              known != ("not known" in said), prepare, said)


def test_packages_of_another_kind(_):
    """dpkg and apt on a machine of rpm, whose database of theirs is empty."""
    rpm = {"dpkg-query": "echo 'ii  none 0'\n", "apt": "exit 0\n",
           "rpm": "echo bash 5.3\n", "dnf": "echo of-dnf; exit 100\n"}
    lists = ("mkdir -p /var/cache/dnf /var/lib/apt/lists /var/lib/dpkg; "
             "touch /var/cache/dnf/repomd.xml /var/lib/apt/lists/x "
             "/var/lib/dpkg/status; ")
    for prepare, right, wrong in ((":", ("bash 5.3", "of-dnf"), "none 0"),
                                  (DPKG, ("none 0", "No updates"), "bash")):
        for name, word in zip(("packages", "pending_updates"), right):
            code, said = script(name, lists + prepare, **rpm)
            check(code == 0 and word in said and wrong not in said, name, said)


def test_which_apache(_):
    """Never apachectl, which is another program on each of them."""
    envvars = ("mkdir /etc/apache2; echo export APACHE_RUN_DIR=/run/x "
               "APACHE_RUN_USER=of-envvars >/etc/apache2/envvars")
    both = {"httpd": "echo httpd $*\n", "apachectl": "exit 9\n",
            "apache2": "echo apache2 $* $APACHE_RUN_DIR $APACHE_RUN_USER\n"}
    for left, wanted in (("httpd", "httpd -t"),
                         ("apache2", "apache2 -t /tmp of-envvars")):
        programs = {n: text for n, text in both.items()
                    if n in (left, "apachectl")}
        code, said = script("check_config", envvars, "apache", **programs)
        equal((code, said), (0, f"{wanted}\nThe configuration is right\n"), said)
    code, said = script("check_config", ":", "sshd", sshd="echo 'Missing privilege "
                        "separation directory: /run/sshd'; exit 255\n")
    check(code == 1 and "was not checked" in said and "is right" not in said, said)


def test_journal_order(_):
    """The newest come last, whichever way the program prints them."""
    if not shutil.which("awk"):
        raise Skip("awk is missing")
    # As since version 237: --lines= with --grep= means --reverse.
    journalctl = r"""case " $* " in *" --reverse "* | *--grep=*--lines=* | *--grep=*" -n "*) way=tac ;;
        *) way=cat ;; esac
        for i in 1 2 3; do echo "{\"__CURSOR\":\"s=$i\",\"MESSAGE\":\"m$i\"}"; done | $way
        """
    with tempfile.TemporaryDirectory() as place:
        fake = pathlib.Path(place)
        shutil.copy(PACKS / "bin/journal", fake)
        for name, text in (("can_read_journal", ""), ("journalctl", journalctl)):
            (fake / name).write_text("#!/bin/sh\n" + text)
            (fake / name).chmod(0o755)
        for words in (), ("--grep=m",):
            out = subprocess.run(
                [fake / "journal", "9", "newest", *words], text=True, check=True,
                capture_output=True,
                env={"PATH": f"{place}:{os.environ['PATH']}"}).stdout
            said = json.loads(out)
            equal(([e["message"] for e in said["entries"]], said["cursor"]),
                  (["m1", "m2", "m3"], "s=3"), words)


def test_last_logins(_):
    """By wtmp, or by the database that takes its place."""
    last = 'echo "joe pts/0 today"\n'
    for prepare in ("mkdir /var/log; touch /var/log/wtmp",
                    "mkdir -p /var/lib/wtmpdb; touch /var/lib/wtmpdb/wtmp.db"):
        code, said = script("logins", prepare, loginctl=":\n", last=last)
        check(code == 0 and "Nobody is logged in" in said and "joe" in said,
              said)
    for programs in {"last": last}, {}:
        code, said = script("logins", ":", loginctl=":\n", **programs)
        check(code == 0 and "joe" not in said and "not recorded" in said, said)


CUT = " [cut here: journalctl --all shows the whole]"


def test_journal_as_json(_):
    """What is left out and renamed is that, whatever a message holds."""
    if not shutil.which("awk"):
        raise Skip("awk is missing")
    entry = {"__CURSOR": "s=ab;i=1", "__REALTIME_TIMESTAMP": "1700000000123456",
             "__MONOTONIC_TIMESTAMP": "5", "_BOOT_ID": "0af",
             "MESSAGE": 'a "MESSAGE":"x" {"_BOOT_ID":"y","__CURSOR":"z"} \\,}',
             "_PID": "7"}
    # Of 4096 bytes as they are printed nothing is cut, of more the rest is;
    # neither characters nor escapes are cut in the middle.
    whole = "x" * 4096
    long = [first + text * 3000 for first in ("", "x", "xy", "xyz", "xyzw")
            for text in ("\u20ac", "\\", '"', "\x1b", "\n", "ab\\\x01")]
    with tempfile.TemporaryDirectory() as place:
        fake = pathlib.Path(place)
        shutil.copy(PACKS / "bin/journal", fake)
        for name, text in (
                ("can_read_journal", ""),
                ("journalctl", "case \" $* \" in *' --all '*) ;; "
                 "*) exit ;; esac\ncat <<'E'\n"
                 + "\n".join(json.dumps(e, separators=(",", ":"),
                                        ensure_ascii=False) for e in
                             [entry, dict(reversed(entry.items()))]
                             + [{"MESSAGE": m, "_PID": "8"} for m in
                                [whole, *long, 2000 * [200]]])
                 + "\nE\n")):
            (fake / name).write_text("#!/bin/sh\n" + text)
            (fake / name).chmod(0o755)
        out = subprocess.run(
            [fake / "journal", "9", "newest"], text=True, check=True,
            capture_output=True,
            env={"PATH": f"{place}:{os.environ['PATH']}"}).stdout
    said = json.loads(out)
    said["entries"].reverse()       # the newest came first
    more, said["entries"] = said["entries"][2:], said["entries"][:2]
    equal(more.pop(0), {"message": whole, "pid": "8"}, "not cut")
    equal(more.pop(), {"message": "bytes that are not text" + CUT, "pid": "8"},
          "no text")
    equal(len(more), len(long), "entries")
    for is_said, m in zip(more, long):
        text = is_said["message"].removesuffix(CUT)
        check(text != is_said["message"] and m.startswith(text), is_said)
        check(3980 < len(json.dumps(text, ensure_ascii=False).encode()) <= 4002,
              len(text), m[:5])
    equal(said, {"entries": 2 * [
        {"time": "2023-11-14T22:13:20Z", "message": entry["MESSAGE"],
         "pid": "7"}], "cursor": "s=ab;i=1"}, "entries")


# --- setup --------------------------------------------------------------------------

WISH = {"--do": "deploy", "--user": "nobody", "--listen": "loopback",
        "--seal": "no", "--token": "first", "--expires": "30d",
        "--client": "vscode"}


@contextlib.contextmanager
def empty_place():
    """(configuration of a tree that was built, data, a directory of nobody)"""
    if os.geteuid() != 0:
        raise Skip("accounts of others need root")
    with tempfile.TemporaryDirectory(prefix="mcp-execd-setup.") as place:
        place = pathlib.Path(place)
        place.chmod(0o755)
        work = place / "app"
        work.mkdir()
        os.chown(work, *instance.user_ids("nobody"))
        config = place / "etc" / "mcp-execd.json"
        config.parent.mkdir()
        config.write_text(json.dumps({
            "listen": ["127.0.0.1:8001"], "policy_dir": "policies.d",
            "audit": {"file": str(place / "log" / "audit.jsonl")},
            "frontend": {"path": str(instance.build_dir()
                                     / "mcp-execd-frontend"),
                         "user": 65533, "group": 65533}}))
        data = stage(place)
        shutil.copy(config, data)
        yield config, data, work


def files(config):
    return sorted(str(p.relative_to(config.parent))
                  for p in config.parent.rglob("*") if p.is_file())


def setup(config, data, text="", **wish):
    wish = {f"--{k.replace('_', '-')}": v for k, v in wish.items()}
    words = [w for k, v in wish.items() if v is not None
             for w in ([k] if v is True else [k, str(v)])]
    return subprocess.run(
        [instance.build_dir() / "mcp-execctl", "-c", config, "setup",
         "--from", data, *words], input=text, text=True, check=False,
        capture_output=True, timeout=120 * SLOW)


def wish_for(work, **more):
    return {**{k[2:]: v for k, v in WISH.items()}, "directory": work, **more}


def test_setup_by_options(_):
    with empty_place() as (config, data, work):
        run = setup(config, data, **wish_for(work, dry_run=True))
        equal((run.returncode, files(config)), (0, ["mcp-execd.json"]),
              f"a dry run {run}")
        check(f'"directory": "{work}"' in run.stdout, run.stdout)
        run = setup(config, data, **wish_for(work))
        equal(run.returncode, 0, run)
        token = instance.TOKEN.search(run.stdout)
        check(token and "Policy       deploy:" in run.stdout
              and "promptString" in run.stdout, run.stdout)
        equal(files(config), ["mcp-execd.json", "policies.d/deploy.json",
                              "tokens.d/first.json"],
              "nothing that was not named")
        check("expires" in (config.parent / "tokens.d/first.json").read_text()
              and token.group() not in "".join(
                  p.read_text() for p in config.parent.rglob("*.json")), "")
        # It can be used, and again nothing is overwritten.
        run = subprocess.run(
            [instance.build_dir() / "mcp-execctl", "-c", config, "policy",
             "test", "deploy", "--", "touch", "there"], text=True,
            check=False, capture_output=True, timeout=60 * SLOW)
        check(run.returncode == 0 and (work / "there").exists(), run)
        path = config.parent / "policies.d/deploy.json"
        path.write_text(path.read_text() + "// mine\n")
        run = setup(config, data, **wish_for(work, token="second"))
        check(run.returncode == 1 and "differs" in run.stdout
              and "--force" in run.stderr, run)
        check("// mine" in path.read_text(), "kept")
        run = setup(config, data, **wish_for(work, token="second",
                                             force=True))
        check(run.returncode == 0 and "// mine" not in path.read_text(), run)


def test_setup_quotes(_):
    """What it writes for a shell is read by one as what was meant; and a link
    stands as what it leads to."""
    with empty_place() as (config, data, work):
        spaced = work.parent / "my app's; $(id)"
        work.rename(spaced)
        work.symlink_to(spaced)
        run = setup(config, data, **wish_for(f"{work}//", do="build"))
        equal(run.returncode, 0, run)
        text = (config.parent / "policies.d/build.json").read_text()
        equal(json.loads(instance.strip_comments(text))["directory"],
              str(spaced))
        lines = [shlex.split(line.split("//", 1)[1].rstrip("\\")) for line
                 in text.splitlines() if spaced.name.split("'", 1)[0] in line
                 and line.lstrip().startswith("//")]
        check(lines and all(any(w.startswith(str(spaced)) for w in words)
                            for words in lines), lines, text)


def test_setup_by_questions(_):
    """A wrong answer is said at once, and asked again."""
    with empty_place() as (config, data, work):
        run = setup(config, data, "deploi\ndeploy\n/no/such\n"
                    f"{work}\nloopbak\nloopback\nmaybe\nno\n.x\nfirst\n"
                    "soon\nnever\nnetscape\ncurl\n")
        equal(run.returncode, 0, run)
        for said in ("it is look,", "is not a directory yet", "it is loopback",
                     "it is yes or no", "no dot in front", "it is never",
                     "unknown client", "curl -sS"):
            check(said in run.stdout, said, run.stdout)
        # Its account is the directory's owner.
        check('"user": "nobody"' in
              (config.parent / "policies.d/deploy.json").read_text(), "owner")
        run = setup(config, data, "look\n")
        check(run.returncode == 2 and "say --listen" in run.stderr, run)


def test_setup_refuses(_):
    with empty_place() as (config, data, work):
        (work.parent / "to-etc").symlink_to("/etc")
        for change, why in (
                ({"do": "fly"}, "--do"), ({"directory": "app"}, "absolute"),
                ({"directory": "/no/such"}, "not a directory"),
                ({"directory": f"{work}/../app"}, 'without ".."'),
                *(({"directory": d}, "a place of the system") for d in (
                    "/", "//", "/./", "/etc", "/etc/", "/etc/no-such",
                    "/usr/lib", "/srv", "/home", "/var/lib", "/etc/passwd",
                    "/root/x", "/proc", work.parent / "to-etc")),
                ({"directory": "/srv/no such; $(id)'s"},
                 "-m 0755 '/srv/no such; $(id)'\\''s'"),
                ({"directory": f'{work}"'}, "without quotes"),
                ({"user": "no-such-user"}, "no account"),
                ({"listen": "0.0.0.0:80"}, "--listen"),
                ({"listen": "tls:0.0.0.0:8443"}, "--certificate"),
                ({"public_url": "https://a"}, "does not belong"),
                ({"service": "nginx"}, "does not belong"),
                ({"token": "a/b"}, "--token"), ({"expires": "x"}, "--expires"),
                ({"client": "x"}, "--client"), ({"seal": "1"}, "--seal"),
                ({"do": "restart"}, "--service")):
            run = setup(config, data, **wish_for(work, **change))
            check(run.returncode == 2 and why in run.stderr, change, run)
        # Without the owner of a directory nobody is root by silence.
        os.chown(work, 0, 0)
        run = setup(config, data, **wish_for(work, user=None))
        check(run.returncode == 2 and "--user" in run.stderr, run)
        # What does not load is not there afterwards.
        before = config.read_text()
        tls = wish_for(work, listen="tls:127.0.0.1:8443",
                       certificate=work / "no", key=work / "no",
                       public_url="https://x.example")
        config.write_text(before := before + "// mine\n")
        run = setup(config, data, **tls)
        check(run.returncode == 1 and "differs" in run.stdout, run)
        run = setup(config, data, force=True, **tls)
        check(run.returncode == 1 and "nothing was changed" in run.stderr, run)
        equal((files(config), config.read_text()),
              (["mcp-execd.json"], before), "nothing is left")


def test_setup_listeners(_):
    """What it would write where a package's own configuration is."""
    with empty_place() as (config, data, work):
        for more, keys in (
                ({"listen": "tls:0.0.0.0:8443", "certificate": "/a/c.pem",
                  "key": "/a/k.pem"},
                 {"listen": ["tls:0.0.0.0:8443"],
                  "tls": {"certificate": "/a/c.pem", "key": "/a/k.pem"}}),
                ({"listen": "proxy"},
                 {"listen": ["127.0.0.1:8001"],
                  "trusted_proxies": ["127.0.0.1", "::1"]})):
            run = setup(config, data, **wish_for(
                work, dry_run=True, public_url="https://x.example", **more))
            text = re.search(r"(?ms)^--- [^\n]*mcp-execd.json\n(.*?^})$",
                             run.stdout)
            check(text and "changed " in run.stdout, run)
            equal(json.loads(instance.strip_comments(text[1])),
                  {**keys, "public_url": "https://x.example"}, "keys")


def test_setup_look_and_restart(_):
    """The pack is enabled because the task is; sealing begins."""
    with empty_place() as (config, data, work):
        with Server() as server:
            run = setup(server.config_file, data, do="restart",
                        service="nginx", listen="loopback", seal="yes",
                        token="looks", expires="never", client="claude-code")
            equal(run.returncode, 0, run)
            check("verification key" in run.stderr
                  and re.search(r"(?m)^([A-Z0-9]{4}-){14}[A-Z0-9]{4}$",
                                run.stdout), run)
            token = instance.TOKEN.search(run.stdout).group()
            with server.http(token=token) as c:
                policy = c.ask("resources/read", {"uri": "exec://policy"})[
                    "contents"][0]["text"]
                for text in run.stdout, policy:
                    text = " ".join(text.split())
                    check("restart_service restarts services; nothing else "
                          "can be changed" in text and "Read-only diagnosis"
                          not in text, text)
                names = {t["name"] for t in c.tools()}
                check({"exec_cmd", "journal", "restart_service"} <= names,
                      names)
                check("COMMAND" in c.call("processes").text, "used")
