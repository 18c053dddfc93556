# SPDX-License-Identifier: MIT
"""Rules of redaction: no secret in any field of any record, nor in a copy.

Planted wherever a client, a command or an administrator can put a text, in
more than twenty spellings; then the log, its copies, the lines on stderr and
what mcp-execctl and the resources show are searched for it.
"""
import contextlib
import json
import re
import subprocess

import instance
from client import (COMMAND, ROOT, SLOW, Http, Server, check, equal,
                    initialize, mark, message, within)
from test_receivers import Journal, Rsyslog, listening

RULES = [{"name": "keys", "keys": ["PGPASSWORD", "--token", "password",
                                   "Authorization"]},
         {"name": "gh", "pattern": "ghp_[A-Za-z0-9]{36}"},
         {"name": "url", "pattern": "[a-z]://[^:/@\\s]*:\\K[^@/\\s]+@"}]
# Parts of secrets: none of these may be anywhere.
SECRETS = "hunter2", "SECRETend", "ghp_A1b2", "B3c4D5"
S, GH = "hunter2SECRETend", "ghp_A1b2" + "B3c4D5" * 5 + "e6"
# Commands of a shell; what is to be seen of each is "public".
SPELLINGS = [
    f"PGPASSWORD={S} : public",
    "PGPASSWORD='hunter2 SECRETend' : public",
    "PGPASSWORD=\"hunter2\"\"SECRETend\" : public",
    "PGPASSWORD=hunter2\\ SECRETend : public",
    "PGPASSWORD=''hunter2'SECRETend' : public",
    "PGPASSWORD=$(echo hunter2 SECRETend) : public",
    f": PG'PASS'WORD={S} public",
    ": PG\"PASSWORD\"='hunter2 SECRETend' public",
    f": pass\\word={S} public",
    ": $'pass\\x77ord=hunter2 SECRETend' public",
    f": PGPASSWORD=\\\n{S} public",
    f": PGPASS\\\nWORD={S} public",
    f": --token {S} public",
    ": --token 'hunter2 SECRETend' public",
    ": --tok\"\"en hunter2' SECRETend' public",
    f": --token \\\n {S} public",
    ": '--token=hunter2 SECRETend' public",
    ": public '{\"password\":\"hunter2 SECRETend\"}'",
    ": public '{\\\"password\\\":\\\"hunter2 SECRETend\\\"}'",
    ": public \"{\\\"password\\\": \\\"hunter2 SECRETend\\\"}\"",
    ": public '{\"pass\\u0077ord\":\"hunter2SECRETend\"}'",
    ": public '{\"password\":[\"hunter2\", \"SECRETend\"]}'",
    f": public https://x:{S}@example.com/",
    f": -H 'Authorization: Bearer {S}' public",
    f": -H Authorization:\\ Basic\\ {S} public",
    ": 'PGPASSWORD=hunter2&SECRETend' public",
    ": 'PGPASSWORD=hunter2;SECRETend' public",
    f": 'http://h/?password={S}&x' public",
    ": public 'http://h/?to=x%3Fpass%77ord%3dhunter2%20SECRETend'",
    ": public http://h/?p%61ssword=hunter2SECRETend",
    f": public %67%68p_{GH[4:]}",
    f": public {GH[:9]}%{ord(GH[9]):02X}{GH[10:]}",
    ": $'\\160assword=hunter2 SECRETend' public",
    ": public '{\"\\u0070ASS\\u0057ORD\":\"\\u0068unter2SECRETend\"}'",
    f": public <<EOF\nPGPASSWORD={S}\nEOF",
    ": public <<'EOF'\npassword: hunter2 SECRETend\nEOF",
    f"export PGPASSWORD={S}; : public",
    f": public --token\t{S}",
    f": public <(echo password={S})",
    f"sh -c 'PGPASSWORD=\"hunter2 SECRETend\" : public' public",
    "sh -c \"PGPASSWORD='hunter2 SECRETend' : public\" public",
    f": {GH} public",
    f": {GH[:9]}''{GH[9:]} public",
    f": {GH[:9]}\\\n{GH[9:]} public",
    f": \"$(echo {GH})\" public",
]
# Texts that no client, command or file of a client's can have a part in, or
# that are checked to be of a form that holds no secret.
OURS = {
    "recording.error",      # our errors about a file that is named by us
    "recording.output", "recording.stream", "receiver.name",
    "log.last.timestamp", "log.last.action", "frontend.status",
    "launcher.status",
    "service.version", "config.path", "user.name", "denial.syscall",
    "records.kinds", "trace.parent", "mcp.revision", "posture.seccomp",
    "token.name", "policy.name", "token.policy", "source.ip", "mcp.session.id",
    "policy.added", "policy.changed", "policy.removed",     # names of files
    "posture.directory", "control.verb", "run.id",
    "mcp.tool",             # the frontend asks for tools that are offered
    "mcp.ignored_arguments",    # names that the configuration lists
}


def leaks(text, where):
    return [f"{where}: {s}: ...{text[max(0, text.index(s) - 80):][:160]}"
            for s in SECRETS if s in text]


def search(server):
    """Every field of every record, and what is written next to the log."""
    found = []
    for record in server.audit():
        for key, value in record.items():
            found += leaks(json.dumps(value),
                           f"{record['event.action']} {key}")
    found += leaks(server.stderr.read_text(), "stderr")
    return found


def redacting(**keys):
    return {"audit": {"file": "audit.jsonl", "redact": RULES, **keys}}


def test_spellings():
    with Server(redacting()) as server, Http(server) as c:
        for command in SPELLINGS:
            reply = c.sh(command)
            check("exit_code" in (reply.data or {}), command, reply)
        m = mark()
        c.sh(f": {m}")
        server.ended(m)
        found = search(server)
        check(not found, *found)
        intents = [r[COMMAND] for r in server.audit("run-intent")]
        equal(len(intents), len(SPELLINGS) + 1, "intents")
        for intent in intents[:-1]:
            check("public" in intent, "too much is gone:", intent)
            check("[redacted:" in intent, "nothing is gone:", intent)
        check("run-intent" in json.dumps(server.audit()), "the log is read")


def test_cut():
    """A secret that a bound cuts in two is withheld whole."""
    with Server(redacting()) as server, Http(server) as c:
        for bound in (2048, 8192, 10240):
            for back in (4, 8, 20, 36):
                pad = "x" * (bound - len("/bin/true  ") - back)
                c.sh(f"/bin/true {pad} {GH}")
                c.call("cli_command", command=f"/bin/true {pad} {GH}")
        for length in (100, 400, 480, 500, 508):
            c.call("cli_command", command=f"{'n' * length}/{GH} x")
            c.sh(f"mkdir -p {'d' * 200}/{'e' * (length // 3)}; "
                 f"cd {'d' * 200}/{'e' * (length // 3)} && "
                 f"cp /bin/true {GH}; ./{GH}")
        m = mark()
        c.sh(f": {m}")
        server.ended(m)
        found = search(server)
        check(not found, *found)


def as_client(server, name):
    """A session of a client that calls itself so."""
    c = Http(server)
    c.delete()
    c.session = None
    body = json.loads(initialize())
    body["params"]["clientInfo"] = {"name": name, "version": GH}
    reply = c.post(json.dumps(body).encode())
    equal(reply.status, 200, f"initialize: {reply}")
    c.session = reply.header("mcp-session-id")
    c.post(message("notifications/initialized"))
    return c


def drive_runs(c, server):
    """Commands that fail in each way, and what they leave in records."""
    c.call("cli_command", command=f"PGPASSWORD={S} psql")   # is not found
    c.call("cli_command", command=f"{GH} x")
    c.sh(f"./PGPASSWORD={S} x; ./{GH}")
    c.sh(f"mkdir -p PGPASSWORD={S} && cd PGPASSWORD={S} && /bin/true")
    c.sh("true", working_dir=f"PGPASSWORD={S}")
    c.sh("true", working_dir=f"PGPASSWORD={S}/not-there")
    c.sh("true", working_dir=f"/{GH}")
    c.sh(f"cp /bin/true ./{GH}; ./{GH}; /bin/echo {GH}")
    c.sh(f"ls /no/{GH}; ls /no/PGPASSWORD={S}")     # are not in view
    c.sh("true", env={"PGPASSWORD": S})
    c.sh("true", env={GH: "x", "CI": S})
    c.sh("cat >/dev/null", stdin=f"PGPASSWORD={S}")
    # a process that has such a name is refused a system call
    c.sh("cp $(which unshare) ./PGPASSWORD=hunter2; "
         f"cp $(which unshare) ./{GH}; ./PGPASSWORD=hunter2 -U true; "
         f"./{GH} -U true; mount -t PGPASSWORD={S} {GH} /mnt; "
         f"mkdir {GH}x; chroot {GH}x true; unshare -U true")
    with contextlib.suppress(Exception):
        c.call(f"PGPASSWORD={S}", command="x")
    with contextlib.suppress(Exception):
        c.call("exec_cmd", command=f"PGPASSWORD={S}", nothing=GH)
    conn = c.begin(f"PGPASSWORD={S} sleep 1000337", id=7777)
    m = f"sleep {1000337}"
    within("it runs", 5, lambda: m in server.ctl("runs", "--json"))
    shown = [server.ctl("runs"), server.ctl("runs", "--json"),
             server.ctl("status"), server.ctl("status", "--json"),
             json.dumps(c.ask("resources/list"))]
    with contextlib.suppress(Exception):
        shown.append(json.dumps(c.ask("resources/read",
                                      {"uri": "exec://runs"})))
    c.notify("notifications/cancelled", {
        "requestId": 7777, "reason": f"--token {S} {GH}"})
    with contextlib.suppress(Exception):
        c.finish(conn)
    return shown


def drive_jobs(c):
    """A job whose processes have such names, which its end lists."""
    job = re.search(r"[0-9a-f]{32}", c.call(
        "job_start", command="cp $(which sh) ./PGPASSWORD=hunter2; "
        "./PGPASSWORD=hunter2 -c 'echo up; sleep 60; :'").text).group()
    within("it is up", 5, lambda: "up\n" in c.call(
        "job_output", job=job, wait_ms=200).text)
    c.call("job_stop", job=job)


def drive_others(server):
    """Reading, wrong tokens, and what the administrator asks for."""
    c = Http(server)
    for uri in (f"exec://runs/{GH}/stdout", f"exec://runs/PGPASSWORD={S}"):
        with contextlib.suppress(Exception):
            c.ask("resources/read", {"uri": uri})
    server.get(f"/mcp?PGPASSWORD={S}", token=f"PGPASSWORD={S}")
    c.close()
    for args in (("kill", GH), ("audit", "search", f"PGPASSWORD={S}"),
                 ("audit", "search", "--token", GH),
                 ("audit", "show", GH)):
        with contextlib.suppress(instance.Failure):
            server.ctl(*args)


def free_texts():
    """Keys of the schema that may hold any text."""
    schema = json.loads((instance.TOP / "packaging/schema/audit.schema.json")
                        .read_text())
    found = set()
    for prefix, properties in (("", schema["properties"]), (
            "posture.", schema["properties"]["posture"]["properties"])):
        for key, value in properties.items():
            text = value.get("items", value)
            if value.get("type") == "array" and "items" not in value:
                continue    # runs: ids and names that are ours
            if text.get("type") == "string" and "pattern" not in text:
                found.add(prefix + key)
    return found


def journalled(journal):
    out = subprocess.run(
        ["journalctl", "-D", journal.root / "log/journal", "-o", "json", "-a",
         "--no-pager"], capture_output=True, timeout=30 * SLOW, check=True)
    return out.stdout.decode(errors="replace")


def heard_by(ears):
    text = ""
    with contextlib.suppress(TimeoutError):
        while True:
            data = ears.recv(65536)
            text += data[16:].decode(errors="replace") + "\n"
    return re.sub(r"=([0-9A-F]{8,})", lambda m: "=" + bytes.fromhex(
        m[1][:len(m[1]) & ~1]).decode(errors="replace"), text)


def test_every_field():
    """Each key of the schema that takes any text is driven with a secret,
    or named as ours; the copies hold nothing either."""
    with contextlib.ExitStack() as stack:
        keys, ears = {}, None
        syslog = stack.enter_context(Rsyslog())
        keys.update(syslog="on", syslog_socket=syslog.socket)
        journal = stack.enter_context(Journal()) if ROOT else None
        if journal:
            keys.update(journal="on", journal_socket=journal.socket)
        with contextlib.suppress(Exception):
            ears = stack.enter_context(listening())
            keys.update(kernel="on")
        server = stack.enter_context(Server(
            redacting(**keys),
            policy={"jobs": {},
                    "environment": {"allow": ["PGPASSWORD", "CI", GH]}}))
        c = as_client(server, f"PGPASSWORD={S}")
        shown = drive_runs(c, server)
        drive_jobs(c)
        drive_others(server)
        m = mark()
        c.sh(f": {m}")
        server.ended(m)
        c.delete()
        within("the session's end", 5, lambda: server.audit("session-end"))
        found = search(server)
        for i, text in enumerate(shown):
            found += leaks(text, f"shown {i}")
        within("the copy", 10,
               lambda: any(m in line for line in syslog.lines()))
        found += leaks("\n".join(syslog.lines()), "syslog")
        if journal:
            within("the other", 10, lambda: m in journalled(journal))
            found += leaks(journalled(journal), "journal")
        if ears:
            text = heard_by(ears)
            check(m in text, "the kernel heard nothing", text[-300:])
            found += leaks(text, "kernel")
        check(not found, *found)
        driven = {key for r in server.audit() for key, value in r.items()
                  if "[redacted:" in json.dumps(value)}
        rest = free_texts() - driven - OURS
        check(not rest, "no test plants a secret in", *sorted(rest),
              ": drive it here, or say in OURS why nobody can")


def test_reports():
    """What mcp-execctl makes of the log holds no more than the log."""
    with Server(redacting()) as server, Http(server) as c:
        m = mark()
        c.sh(f": {m}; PGPASSWORD={S} true; /bin/echo {GH}")
        run = server.ended(m)["run.id"]
        html = server.dir / "report.html"
        for args in (("audit", "search"), ("audit", "search", "--json"),
                     ("audit", "show", run), ("audit", "stats"),
                     ("audit", "report", "--html", str(html))):
            out = server.ctl(*args)
            check(not leaks(out, " ".join(args)), *leaks(out, str(args)))
        text = html.read_text()
        check(m in text and not leaks(text, "report"), "the report")
        check("[redacted:keys]" in server.ctl("audit", "show", run), "shown")
