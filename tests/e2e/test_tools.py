# SPDX-License-Identifier: MIT
"""Tools that the administrator defined: what is offered, run and refused."""
import base64
import json
import os
import tempfile

from client import (INTENT, REVISIONS, TOP, Connection, Failed, RpcError,
                    Server, Skip, check, equal, message, within)
import instance
import modern

# Prints its arguments, one a line in brackets, then its input.
SHOW = ["/bin/sh", "-c", 'for a; do printf "[%s]" "$a"; done; cat', "show"]


def word(pattern, **more):
    return {"type": "string", "pattern": pattern, **more}


DEFINITIONS = {
    "tail_log": {
        "title": "Tail of the log",
        "description": "The last lines of a file of words.",
        "parameters": {
            "lines": {"type": "integer", "minimum": 1, "maximum": 100,
                      "default": 3, "description": "How many"},
            "name": word("[a-z]+", maxLength=20),
            "verbose": {"type": "boolean"},
        },
        "argv": ["/usr/bin/tail", {"if": "verbose", "words": ["-v"]},
                 "-n", "{lines}", "{name}.log"],
        "annotations": {"readOnlyHint": True, "idempotentHint": True,
                        "openWorldHint": False},
    },
    "show": {
        "description": "Shows its words.",
        "parameters": {
            "first": word(".*", minLength=0),
            "inner": word(".*", required=False),
            "level": {"type": "string", "enum": ["low", "high"],
                      "required": False},
            "text": {"type": "string"},
            "offset": {"type": "integer", "minimum": -5, "maximum": 5,
                       "leading_dash": True, "default": 0},
        },
        "argv": [*SHOW, "{first}", "{{literal}}", "{offset}",
                 {"if": "inner", "words": ["--inner={inner}", "x"]},
                 {"if": "level", "words": ["{level}"]},
                 {"unless": "level", "words": ["none"]}],
        "stdin": "text",
    },
    "slow": {
        "description": "Sleeps for longer than it may.",
        "argv": ["/bin/sleep", "60"], "timeout_ms": 300,
    },
    "where": {
        "description": "Says where it is.",
        "argv": ["/bin/pwd"], "directory": "sub",
    },
    "status": {
        "description": "A JSON object.",
        "parameters": {"text": word(".*", minLength=0)},
        "argv": ["/usr/bin/printf", "%s", "{text}"],
        "output": {"form": "json", "schema": {
            "type": "object", "properties": {"up": {"type": "boolean"}},
            "required": ["up"]}},
    },
}
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlE"
                       "QVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")
for form, mime in (("image", "image/png"), ("audio", "audio/wav"),
                   ("resource", "application/pdf"), ("content", None)):
    DEFINITIONS[form] = {
        "description": f"Prints its input as {form}.",
        "parameters": {"data": {"type": "string"}},
        "argv": ["/usr/bin/base64", "-d"], "stdin": "data",
        "output": {"form": form, **({"mime_type": mime} if mime else {})}}

OFFERED = list(DEFINITIONS)

SERVER = {"definitions": DEFINITIONS,
          "policy": {"tools": OFFERED, "limits": {"timeout_max_ms": 60000}}}


def warm(client):
    """A first run, after which descriptors are counted."""
    client.call("where")


def tool(client, name):
    return next(t for t in client.tools() if t["name"] == name)


def test_listed(server):
    for revision in REVISIONS:
        with server.http(revision=revision) as c:
            equal([t["name"] for t in c.tools()], OFFERED, "names, in order")
            t = tool(c, "tail_log")
            equal("title" in t, revision >= "2025-06-18", "title")
            equal("annotations" in t, revision >= "2025-03-26", "hints")
            equal("outputSchema" in t, revision >= "2025-06-18", "output")
    equal(t["title"], "Tail of the log", "title")
    check(t["description"].startswith(
        DEFINITIONS["tail_log"]["description"] + " Runs in "), "words", t)
    equal(t["annotations"], {
        "title": "Tail of the log", "readOnlyHint": True,
        "destructiveHint": False, "idempotentHint": True,
        "openWorldHint": False}, "annotations")
    equal(t["inputSchema"], {
        "type": "object", "additionalProperties": False,
        "required": ["name"], "properties": {
            "lines": {"type": "integer", "minimum": 1, "maximum": 100,
                      "default": 3, "description": "How many"},
            "name": {"type": "string", "minLength": 1, "maxLength": 20,
                     "pattern": "^(?:[a-z]+)$"},
            "verbose": {"type": "boolean"}}}, "inputSchema")
    with server.http() as c:
        equal(tool(c, "slow")["annotations"]["destructiveHint"], True,
              "what is not said is the worst")
        equal(tool(c, "status")["outputSchema"],
              DEFINITIONS["status"]["output"]["schema"], "outputSchema")


def test_call(server):
    (server.work / "words.log").write_text("a\nb\nc\nd\ne\n")
    with server.http() as c:
        r = c.call("tail_log", name="words")
        equal((r.error, r.text), (False, "c\nd\ne\n"), "the default")
        equal(r.data["exit_code"], 0, "structured")
        equal(c.call("tail_log", name="words", lines=1).text, "e\n", "lines")
        check(c.call("tail_log", name="words", lines=1, verbose=True)
              .text.startswith("==> words.log <=="), "an optional word")
        equal(c.call("tail_log", name="words", lines=2, verbose=False).text,
              "d\ne\n", "false: not there")
        equal(c.call("tail_log", name="words", lines=None).text,
              "c\nd\ne\n", "null is as if left out")
        r = c.call("tail_log", name="missing")
        check(r.error and "No such file" in r.text, r)
    with server.sse() as c:
        equal(c.call("tail_log", name="words", lines=1).text, "e\n", "SSE")


def test_one_word(server):
    """Nothing splits a value, expands it, or takes it for an option."""
    with server.http() as c:
        for odd in ("a b", "$(id)", "`id`", "'; id; '", "a\\b", "*", "~",
                    "{first}", "{{", "}", "%s", "é€😀", "", " -x", "$HOME",
                    '"', "a|b>c<d&", "#", "!x"):
            r = c.call("show", first=odd, text="", inner=odd or "y")
            equal(r.text, f"[{odd}][{{literal}}][0][--inner={odd or 'y'}][x]"
                  "[none]", f"as it is: {odd!r}")
        r = c.call("show", first="a", text="in\n\0put\n", level="high",
                   offset=-5)
        equal(r.data["stdout"], "[a][{literal}][-5][high]in\n\0put\n", "all")
        equal(c.call("show", first="a", text="", inner="-rf").text,
              "[a][{literal}][0][--inner=-rf][x][none]", "inside of a word")


BAD_ARGUMENTS = (
    ("tail_log", {}, "name is required"),
    ("tail_log", {"name": None}, "name must be a string"),
    ("tail_log", {"name": "Words"}, "pattern [a-z]+"),
    ("tail_log", {"name": "a\n"}, "control"),
    ("tail_log", {"name": "words\n"}, "control"),
    ("tail_log", {"name": "../words"}, "pattern"),
    ("tail_log", {"name": ""}, "empty"),
    ("tail_log", {"name": "a" * 21}, "characters"),
    ("tail_log", {"name": 5}, "string"),
    ("tail_log", {"name": "a", "lines": 0}, "from 1 to 100"),
    ("tail_log", {"name": "a", "lines": 101}, "from 1 to 100"),
    ("tail_log", {"name": "a", "lines": "5"}, "whole number"),
    ("tail_log", {"name": "a", "lines": 5.5}, "whole number"),
    ("tail_log", {"name": "a", "lines": 1.5e-1}, "whole number"),
    ("tail_log", {"name": "a", "verbose": "true"}, "true or false"),
    ("tail_log", {"name": "a", "verbose": 1}, "true or false"),
    ("tail_log", {"name": "a", "command": "id"}, "no argument \"command\""),
    ("tail_log", {"name": "a", "timeout_ms": 5}, "no argument"),
    ("tail_log", {"name": "a", "env": {"A": "b"}}, "no argument"),
    ("tail_log", {"name": "a", "stdin": "x"}, "no argument"),
    ("show", {"first": "-rf", "text": ""}, "begin with \"-\""),
    ("show", {"first": "a\0b", "text": ""}, "control"),
    ("show", {"first": "a", "text": "", "level": "mid"}, "low, high"),
    ("show", {"first": "a", "text": "", "offset": -6}, "from -5 to 5"),
    ("show", {"first": "a"}, "text is required"),
    ("slow", {"seconds": 1}, "it takes no arguments"),
)


def test_bad_arguments(server):
    with server.http() as c:
        before = len(server.audit(INTENT))
        for name, arguments, words in BAD_ARGUMENTS:
            r = c.call(name, **arguments)
            check(r.error and words in r.text, name, arguments, r)
        equal(len(server.audit(INTENT)), before, "nothing was run")


def test_no_shell(server):
    """What the policy does not list does not exist for this token."""
    with server.http() as c:
        for name in "exec_cmd", "cli_command", "nothing", "../show", "":
            try:
                c.call(name, command="id")
            except RpcError as e:
                equal(e.code, -32602, name)
            else:
                raise Failed(f"{name} was run")


def test_times_and_places(server):
    os.makedirs(server.work / "sub", exist_ok=True)
    with server.http() as c:
        r = c.call("slow")
        check(r.error and r.data["timed_out"], r)
        equal(c.call("where").text, f"{server.work}/sub\n", "directory")
        (server.work / "sub").rmdir()
        os.symlink("/", server.work / "sub")
        r = c.call("where")
        check(r.error and "leads out of" in r.text, "a way out", r)
        (server.work / "sub").unlink()


def test_recorded(server):
    (server.work / "recorded.log").write_text("x\n")
    with server.http() as c:
        equal(c.call("tail_log", name="recorded", lines=7).text, "x\n", "run")
        c.call("show", first="two words", text="secret", level="low")
    intent = server.run_records("tail -n 7 recorded.log")[0]
    equal(intent["mcp.tool"], "tail_log", "the tool")
    equal(intent["process.args"],
          ["/usr/bin/tail", "-n", "7", "recorded.log"], "the final argv")
    intent = server.run_records("'two words'")[0]
    equal((intent["mcp.tool"], intent["process.args"][4:]),
          ("show", ["two words", "{literal}", "0", "low"]), "the final argv")
    equal(intent["stdin.bytes"], 6, "stdin is counted, not kept")
    check("secret" not in json.dumps(intent), intent)


def test_json(server):
    with server.http() as c:
        r = c.call("status", text='{"up": true, "n": [1, 2.50]}')
        equal((r.error, r.data), (False, {"up": True, "n": [1, 2.5]}), "data")
        equal(json.loads(r.text), r.data, "the same as text")
        for bad in ("", "[1]", "5", "{", '{"up": true} x', "nothing",
                    '{"a": 1, "a": 2}'):
            r = c.call("status", text=bad)
            check(r.error and "JSON" in r.text and r.data is None, bad, r)
    with server.http(revision="2024-11-05") as c:
        r = c.call("status", text='{"up": true}')
        equal((json.loads(r.text), r.data), ({"up": True}, None), "older")


def shaped(client, form, raw):
    if isinstance(raw, list):
        raw = json.dumps(raw).encode()
    return client.ask("tools/call", {"name": form, "arguments": {
        "data": base64.b64encode(raw).decode()}})


def test_media(server):
    data = base64.b64encode(PNG).decode()
    with server.http() as c:
        r = shaped(c, "image", PNG)
        equal((r["isError"], r["content"]), (False, [
            {"type": "image", "data": data, "mimeType": "image/png"}]), "png")
        check("structuredContent" not in r, r)
        check("outputSchema" not in tool(c, "image"), "no schema")
        r = shaped(c, "audio", bytes(range(256)))
        equal(base64.b64decode(r["content"][0]["data"]), bytes(range(256)),
              "any bytes")
        run = server.audit(INTENT)[-1]["run.id"]
        r = shaped(c, "resource", b"%PDF\0\xff")["content"][0]["resource"]
        check(r["uri"].startswith("exec://runs/")
              and r["uri"].endswith("/stdout") and run not in r["uri"], r)
        equal((r["mimeType"], base64.b64decode(r["blob"])),
              ("application/pdf", b"%PDF\0\xff"), "a blob")
        r = shaped(c, "resource", "text é\n".encode())
        equal(r["content"][0]["resource"]["text"], "text é\n", "a text")
        r = shaped(c, "image", b"x" * 300000)
        check(r["isError"] and "output_bytes" in r["content"][0]["text"],
              "never a part of it", r["content"][0]["text"])
        r = c.call("image", data="%%%")
        check(r.error and "invalid input" in r.text, "a failure is text", r)
    with server.http(revision="2024-11-05") as c:
        r = shaped(c, "audio", b"x")
        check(r["isError"] and "2024-11-05" in r["content"][0]["text"], r)


BLOCKS = [
    {"type": "text", "text": "é\n"},
    {"type": "image", "data": "AAAA", "mimeType": "image/png"},
    {"type": "audio", "data": "", "mimeType": "audio/wav"},
    {"type": "resource", "resource": {"uri": "x://y", "text": "t"}},
    {"type": "resource", "resource": {"uri": "x://y", "blob": "AA==",
                                      "mimeType": "a/b"}},
    {"type": "resource_link", "uri": "x://y", "name": "n", "size": 5,
     "title": "t", "description": "d", "mimeType": "a/b"}]
BAD_BLOCKS = (
    [{}], [5], ["text"], [{"type": "text"}], [{"type": 5}],
    [{"type": "text", "text": 5}], [{"type": "video", "text": "x"}],
    [{"type": "text", "text": "x", "more": 1}],
    [{"type": "image", "data": "AAA", "mimeType": "a/b"}],
    [{"type": "image", "data": "A A=", "mimeType": "a/b"}],
    [{"type": "image", "data": "AAAA"}],
    [{"type": "resource"}], [{"type": "resource", "resource": "x"}],
    [{"type": "resource", "resource": {"uri": "x"}}],
    [{"type": "resource", "resource": {"uri": "x", "text": "a",
                                       "blob": "AAAA"}}],
    [{"type": "resource_link", "uri": "x"}],
    [{"type": "resource_link", "uri": "x", "name": "n", "size": -1}],
    [BLOCKS[0], {"type": "text", "text": None}],
)


def test_content(server):
    with server.http() as c:
        r = shaped(c, "content", BLOCKS)
        equal((r["isError"], r["content"]), (False, BLOCKS), "as printed")
        equal(shaped(c, "content", [])["content"], [], "nothing")
        for bad in BAD_BLOCKS:
            r = shaped(c, "content", bad)
            text = r["content"][0]["text"]
            check(r["isError"] and f"content[{len(bad) - 1}]" in text,
                  bad, r)
        for raw in b"", b"{}", b"[", b'[{"type":"text","text":"\xff"}]':
            r = shaped(c, "content", raw)
            check(r["isError"] and "JSON" in r["content"][0]["text"], raw, r)
    for revision, unknown in (("2024-11-05", (2, 5)), ("2025-03-26", (5,)),
                              ("2025-06-18", ())):
        with server.http(revision=revision) as c:
            got = shaped(c, "content", BLOCKS)["content"]
            for i, (block, want) in enumerate(zip(got, BLOCKS)):
                if i in unknown:
                    check(block["type"] == "text" and want["type"]
                          in block["text"] and revision in block["text"],
                          revision, block)
                else:
                    equal(block, want, revision)


def test_modern(server):
    (server.work / "modern.log").write_text("m\n")
    with modern.Modern(server) as c:
        equal([t["name"] for t in c.tools()], OFFERED, "names")
        equal(c.call("tail_log", name="modern").text, "m\n", "a call")
        equal(c.call("status", text='{"up": false}').data, {"up": False},
              "structured")


def test_reload(server):
    """New definitions at once, calls of the old go on, a bad set is not."""
    with Server(definitions=DEFINITIONS, policy=SERVER["policy"]) as s, \
            s.http() as c, s.sse() as watcher:
        path = s.dir / "tools.d" / "show.json"
        good = path.read_text()
        changed = {**DEFINITIONS["show"], "description": "Changed."}
        path.write_text(json.dumps(changed))
        s.reload_ends("success", "reload")
        within("the new words", 5,
               lambda: tool(c, "show")["description"].startswith("Changed. "))
        equal(watcher.answer()["method"], "notifications/tools/list_changed",
              "a description is a change")
        path.write_text(good.replace('"argv"', '"args"'))
        record = s.reload()
        equal(record["event.outcome"], "failure", "a bad definition")
        check(tool(c, "show")["description"].startswith("Changed. "), "the old stays")
        path.write_text(good)
        path.chmod(0o666)
        s.reload_ends("failure", "anybody may write it")
        path.chmod(0o600)
        path.unlink()
        s.reload_ends("failure", "a policy wants it")
        path.write_text(good)
        path.chmod(0o600)
        s.reload_ends("success", "good again")


def test_call_outlives_definition(server):
    slow = {"description": "Waits.", "parameters": {
                "name": word("[a-z]+")},
            "argv": ["/bin/sh", "-c",
                     'echo on >"$1"; while [ ! -e "$1.go" ]; do '
                     "sleep 0.05; done; echo done", "sh", "{name}"]}
    with Server(definitions={"wait": slow},
                policy={"tools": ["wait", "cli_command"]}) as s:
        with s.http() as c:
            body = {"name": "wait", "arguments": {"name": "mark"}}
            conn = Connection(s)
            c.send(message("tools/call", body, 5), conn)
            s.file("mark")
            path = s.dir / "policies.d" / "test.json"
            path.write_text(json.dumps({**s.policy,
                                        "tools": ["cli_command"]}))
            (s.dir / "tools.d" / "wait.json").unlink()
            s.reload_ends("success", "reload")
            within("it is gone", 5, lambda: [t["name"] for t in c.tools()]
                   == ["cli_command"])
            (s.work / "mark.go").write_text("")
            r = c.finish(conn)
            equal((r.error, r.text), (False, "done\n"), "its own end")


def test_many(_):
    """As many as there may be, with parameters, reach the frontend."""
    def one(i):
        return {"description": f"Number {i}. " + "x" * 300,
                "parameters": {f"p{n}": word("[a-z]{1,20}|[0-9]+",
                                             required=False)
                               for n in range(8)},
                "argv": ["/bin/echo", str(i), *(
                    {"if": f"p{n}", "words": [f"{{p{n}}}"]}
                    for n in range(8))]}
    names = [f"tool{i}" for i in range(256)]
    offered = names[-32:]
    with Server(definitions={n: one(i) for i, n in enumerate(names)},
                policy={"tools": offered}) as s, s.http() as c:
        equal([t["name"] for t in c.tools()], offered, "offered")
        equal(c.call("tool255", p3="abc", p7="9").text, "255 abc 9\n", "run")
        check(c.call("tool255", p3="abc1").error, "checked")
        path = s.dir / "tools.d" / "tool256.json"
        path.write_text(json.dumps(one(256)))
        path.chmod(0o600)
        s.reload_ends("failure", "one more")
        check("more than 256 tools" in s.log(), s.log()[-300:])
        path.unlink()
        s.reload_ends("success", "all again")
        equal(c.call("tool254").text, "254\n", "after a reload")
    with Server(policy={"tools": ["cli_command"]}) as s:
        policy = {**s.policy, "tools": names[:33]}
        (s.dir / "policies.d" / "test.json").write_text(json.dumps(policy))
        s.reload_ends("failure", "33 in one policy")


def test_words_for_the_model(server):
    with server.http() as c:
        text = c.hello["instructions"]
        check("no shell and no other command" in text, text)
        for name in "exec_cmd", "cli_command", "timeout_ms":
            check(name not in text, name, text)


# --- packaging/examples/tools.d -------------------------------------------------

EXAMPLES = TOP / "packaging" / "examples" / "tools.d"


def examples(logs):
    """As they stand, except for where the logs are."""
    found = instance.read_definitions(EXAMPLES)
    check(len(found) >= 5, found)
    argv = found["tail_log"]["argv"]
    check(argv[-1].startswith("/var/log/nginx/"), argv)
    argv[-1] = argv[-1].replace("/var/log/nginx", str(logs))
    return found


def test_examples(_):
    with tempfile.TemporaryDirectory(prefix="mcp-tools.") as logs:
        os.chmod(logs, 0o755)
        found = examples(logs)
        systemctl = found["restart_nginx"]["argv"][0]
        if not os.access(systemctl, os.X_OK):
            raise Skip(f"{systemctl} is not installed")
        with open(f"{logs}/error.log", "w") as f:
            f.writelines(f"line {i}\n" for i in range(60))
        os.chmod(f"{logs}/error.log", 0o644)
        with Server(definitions=found, policy={
                "tools": sorted(found), "files": {
                    "read": ["@system", logs]}}) as s, s.http() as c:
            every_example(s, c)


def every_example(s, c):
    def call(name, **arguments):
        r = c.call(name, **arguments)
        check(not r.error, name, arguments, r)
        return r

    text = call("tail_log", log="error").text.split("\n")
    equal((text[0], text[-2], len(text)), ("line 10", "line 59", 51), "50")
    equal(call("tail_log", log="error", lines=1).text, "line 59\n", "one")
    for bad in ({"log": "auth"}, {"log": "error", "lines": 0}, {},
                {"log": "error", "lines": 1001}, {"log": "../syslog"}):
        check(c.call("tail_log", **bad).error, bad)
    check("Mounted on" in call("disk_usage").text, "df")
    check("IUsed" not in call("disk_usage", bytes=True).text, "df -B1")
    check("IUsed" in call("disk_usage", inodes=True).text, "inodes")
    (s.work / "a.conf").write_text("one -e two\nONE\n$HOME\n")
    (s.work / "b.txt").write_text("one\n")
    equal(call("find_text", text="one").text.count("\n"), 2, "two files")
    equal(call("find_text", text="one", files="*.conf", case=False).text,
          "./a.conf:1:one -e two\n./a.conf:2:ONE\n", "one file, any case")
    equal(call("find_text", text="-e").text, "./a.conf:1:one -e two\n",
          "no option")
    equal(call("find_text", text="$HOME").text, "./a.conf:3:$HOME\n",
          "no pattern")
    check(c.call("find_text", text=".*").error, "nothing is found")
    check(c.call("find_text", text="one", files="../*").error, "out of it")
    data = call("host_status").data
    check(len(data["load"]) == 3 and data["uptime_s"] > 0 and
          data["memory_kib"]["available"] <= data["memory_kib"]["total"], data)
    # There is no nginx here, and no bus for this policy: it fails, and what
    # was tried is what the definition says.
    r = c.call("restart_nginx")
    check(r.error, r)
    equal(s.audit(INTENT)[-1]["process.args"], [
        "/usr/bin/systemctl", "--no-ask-password", "restart",
        "nginx.service"], "the final argv")
    check(c.call("restart_nginx", unit="sshd").error, "no parameter")
