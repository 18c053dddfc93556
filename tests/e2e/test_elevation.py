# SPDX-License-Identifier: MIT
"""Tools that run under a policy of their own, regardless of the caller."""
import json

from client import INTENT, check, equal, within

WORD = {"type": "string", "enum": ["red", "green"]}
DEFINITIONS = {
    "whose": {
        "description": "Says under whose policy it runs.",
        "parameters": {"word": WORD},
        "argv": ["/bin/sh", "-c", "echo $POLICY $1; pwd; id -u", "whose",
                 "{word}"],
        "policy": "maker"},
    "slow": {"description": "Takes its time.", "argv": ["/bin/sleep", "9"],
             "policy": "maker"},
    "plain": {"description": "Says under whose policy it runs.",
              "argv": ["/bin/sh", "-c", "echo $POLICY"]},
}
# Of all tokens but those of "asker".
SERVER = {"name": "maker", "definitions": DEFINITIONS, "policy": {
    "elevates": True, "environment": {"set": {"POLICY": "maker"}}}}
ASKERS = {}     # tokens by their policy
ASKER = {"elevates": False, "shell": None, "tools": list(DEFINITIONS),
         "environment": {"set": {"POLICY": "asker"}}}


def warm(client):
    client.call("cli_command", command="true")


def asker(server, *narrow, name="asker"):
    if name in ASKERS:
        return ASKERS[name]
    server.add_policy(name, **ASKER)
    equal(server.audit("reload")[-1]["event.outcome"], "success", "reload")
    ASKERS[name] = server.add("of-" + name, *narrow, policy=name)
    return ASKERS[name]


def test_runs_there(server):
    token = asker(server)
    with server.http(token=token) as c:
        r = c.call("whose", word="red")
        equal(r.text.splitlines()[0], "maker red", "its policy's variables")
        equal(c.call("plain").text, "asker\n", "another tool's")
        said = {t["name"]: t["description"] for t in c.tools()}
        check("under policy maker" in said["whose"], said)
        check("under policy" not in said["plain"], said)
    first, second = server.audit(INTENT)[-2:]
    for record, policy, by in (first, "maker", "asker"), (second, "asker",
                                                         None):
        equal(record["policy.name"], policy, "whose policy")
        equal(record.get("token.policy"), by, "the caller's")
        equal(record["token.name"], "of-asker", "the caller")
        check(record["mcp.session.id"] and record["mcp.client"], record)
    within("results", 5, lambda: [
        r["policy.name"] for r in server.audit("run-result")[-2:]] == [
            "maker", "asker"])


def test_and_nothing_else(server):
    """Parameters as they are defined; no other word, place or variable."""
    token = asker(server)
    with server.http(token=token) as c:
        for arguments in ({}, {"word": "blue"}, {"word": "red; id"},
                          {"word": "red", "command": "id"},
                          {"word": "red", "working_dir": "/"},
                          {"word": "red", "env": {"POLICY": "x"}},
                          {"word": "red", "policy": "maker"},
                          {"word": ["red"]}):
            try:
                r = c.call("whose", **arguments)
            except Exception as e:  # a wrong type is a protocol error
                check("maker" not in str(e).replace("policy maker", ""), e)
                continue
            check(r.error, "ran with", arguments, r)
        for name in "exec_cmd", "cli_command":
            try:
                check(c.call(name, command="id").error, name, "was run")
            except Exception as e:
                check("uid=" not in str(e), e)


def test_narrowed_tokens(server):
    """A token's time limits hold there too; its directory cannot."""
    (server.work / "sub").mkdir(exist_ok=True)
    (server.work / "sub").chmod(0o755)
    token = asker(server, "--directory", str(server.work / "sub"),
                  name="narrow")
    with server.http(token=token) as c:
        r = c.call("whose", word="red")
        check(r.error and "narrowed to a directory" in r.text, r)
        equal(c.call("plain").text, "asker\n", "another tool")
    token = asker(server, "--timeout-max", "300", name="short")
    with server.http(token=token) as c:
        r = c.call("slow")
        check(r.error and r.data["timed_out"], r)


def test_load(server):
    """What may not be named is found, and the old stays in force."""
    asker(server)
    path = server.dir / server.config["policy_dir"] / "maker.json"
    good = path.read_text()
    for change, words in (
            ({"elevates": False}, '"elevates": true'),
            ({"limits": {"timeout_ms": 100, "timeout_max_ms": 100}}, None)):
        path.write_text(json.dumps({**json.loads(good), **change}))
        r = server.reload()
        if words:
            equal(r["event.outcome"], "failure", "reload")
            check(words in server.log(), "no word of it")
    path.write_text(good)
    server.reload_ends("success", "reload")
    chain = server.dir / server.config["policy_dir"] / "asker.json"
    kept = chain.read_text()
    tool = server.dir / "tools.d" / "plain.json"
    tool.write_text(json.dumps({**DEFINITIONS["plain"], "policy": "asker"}))
    chain.write_text(json.dumps({**json.loads(kept), "elevates": True}))
    path.write_text(json.dumps({**json.loads(good), "tools": ["plain"]}))
    server.reload_ends("failure", "a chain")
    check("yet another one" in server.log(), "no word of it")
    tool.write_text(json.dumps({**DEFINITIONS["plain"], "policy": "none"}))
    chain.write_text(kept)
    path.write_text(good)
    server.reload_ends("failure", "no such policy")
    tool.write_text(json.dumps(DEFINITIONS["plain"]))
    server.reload_ends("success", "as it was")


def test_explained(server):
    asker(server)
    said = " ".join(server.ctl("policy", "explain", "asker").split())
    check("ELEVATED: it runs under policy maker" in said, said)
    out = server.ctl("policy", "test", "asker", "--tool", "whose", "--arg",
                     "word=green")
    check("maker green" in out, out)
    said = server.ctl("policy", "explain", "maker")
    check("whose definitions name this one run under it" in
          " ".join(said.split()), said)
