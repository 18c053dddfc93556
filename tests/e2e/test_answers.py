# SPDX-License-Identifier: MIT
"""What a model reads of a result: once, whole, in order, and harmless."""
import base64
import json
import pathlib
import re
import tempfile

import instance
from client import Result, Server, check, equal, parse, within
from modern import Events, Modern

PLAIN = {"structured": False, "text": "clean"}
MORE = {**PLAIN, "audit": {"output": "all"}}
VIEWTEXT = (pathlib.Path(__file__).resolve().parents[2] /
            "executor/channel/viewtext.h")
# What every model's API takes at the top of a tool's schema.
TOP = {"type", "properties", "required", "additionalProperties"}


SERVER = {"policy": PLAIN}


def fields(tool):
    return set(tool) & {"outputSchema"}


def test_text_alone(server):
    """Without "structured": no schema, no second form, and the text says it."""
    with server.http() as c:
        check(not any(fields(t) for t in c.tools()), c.tools())
        for command, want in (("echo hello", "hello\n"),
                              ("exit 3", "exit status 3"),
                              ("touch /usr/x", "Read-only")):
            r = c.sh(command)
            check(r.data is None and want in r.text, r)
        r = c.call("cli_command", command="nosuch")
        check(r.error and "nosuch" in r.text and r.data is None, r)


def test_structured_says_all(_):
    """What the text says, in fields: why it was refused, and what was cut."""
    with Server(policy={**MORE, "structured": True, "limits": {
            "output_bytes": 2048, "timeout_ms": 9000,
            "timeout_max_ms": 20000}}) as server, \
            server.http() as c:
        check(all(fields(t) for t in c.tools()), c.tools())
        refused = [c.call("cli_command", command="nosuch"),
                   c.sh("true", working_dir="nosuch"),
                   c.sh("true", env={"LD_PRELOAD": "x"}),
                   c.sh("true", timeout_ms=30000)]
        for r in refused:
            check(r.error and r.data is None or
                  r.data["message"] and r.data["message"] in r.text, r)
        r = c.sh("sleep 5", timeout_ms=200)
        check("200 ms" in r.data["message"] and r.data["timed_out"], r)
        r = c.sh("seq 5000")
        equal(r.data["more"], [f"exec://runs/{r.data['run_id']}/stdout"], r)
        check(r.data["more"][0] in r.text, "the text says it as well", r.text)
        r = c.sh("echo fine")
        check("message" not in r.data and r.data["more"] == [], r)


def test_token_chooses(_):
    with Server(policy=PLAIN) as server:
        for option, want in (("--structured", True), ("--no-structured",
                                                       False)):
            for policy in False, True:
                server.policy["structured"] = policy
                server.write()
                out = server.ctl("token", "add", f"t{want}{policy}".lower(),
                                 "--policy", server.name, option)
                server.token = instance.TOKEN.search(out).group()
                server.ctl("reload")
                with server.http() as c:
                    r = c.sh("echo x")
                    equal(r.data is not None, want, f"{option} {policy}")


def test_order(server):
    """Standard output and error in the order in which they were written."""
    with server.http() as c:
        for _ in range(40):
            equal(c.sh("echo a; echo b >&2; echo c; /bin/echo d >&2; echo e")
                  .text, "a\nb\nc\nd\ne\n", "order")
        r = c.call("cli_command",
                   command="sh -c 'echo out; echo err >&2'")
        equal(r.text, "STDOUT: out\n\n\nSTDERR: err\n\nRETURNCODE: 0\n"
              "SUCCESS: True", "cli_command has two")
        equal(c.sh("echo x > /dev/stderr; echo y > /dev/stdout").text,
              "x\ny\n", "by their names")


def test_separate(_):
    with Server(policy={**PLAIN, "streams": "separate",
                        "audit": {"output": "all"}}) as server, \
            server.http() as c:
        c.sh("echo out; echo err >&2")
        end = within("its record", 5, lambda: server.audit("run-result"))[-1]
        equal((end["stdout.bytes"], end["stderr.bytes"]), (4, 4), "separate")


def test_silence(server):
    with server.http() as c:
        for command in "true", ":", "cat </dev/null":
            equal(c.sh(command).text, "(no output)", command)


def test_exit_status(server):
    """exec_cmd calls a failure an error, cli_command only what did not run."""
    with server.http() as c:
        check(not c.call("cli_command", command="grep -q x /dev/null").error,
              "grep without a match")
        check(c.sh("grep -q x /dev/null").error, "exec_cmd")
        for odd in (c.call("cli_command", command="nosuch"),
                    c.call("cli_command", command="sleep 9", timeout_ms=100)):
            check(odd.error, odd)


def test_clean(server):
    with server.http() as c:
        for command, want in (
                (r"printf '\033[31mred\033[0m\n'", "red\n"),
                (r"printf '1%%\r50%%\r100%%\n'", "100%\n"),
                (r"printf 'a\000b'", "a<U+0000>b"),
                (r"printf '\342\200\256x'", "<U+202E>x"),
                (r"printf '\363\240\201\201'", "<U+E0041>")):
            equal(c.sh(command).text, want, command)
        r = c.sh(r"printf '\033[31m\000'", encoding="base64")
        equal(base64.b64decode(r.text), b"\033[31m\0", "by encoding")


def test_numbers(server):
    """What JSON Schema counts as an integer is one."""
    with server.http() as c:
        for n in ("5000.0", "5e3", "50E2", "5000"):
            body = ('{"jsonrpc":"2.0","id":1.0,"method":"tools/call","params":'
                    '{"name":"exec_cmd","arguments":{"command":"echo in",'
                    f'"timeout_ms":{n}}}}}}}')
            answer = parse(c.post(body.encode()))[0]
            equal(answer["id"], 1, n)
            equal(answer["result"]["content"][0]["text"], "in\n", n)


def test_line_ends(server):
    """A command with the line ends of another system."""
    with server.http() as c:
        equal(c.sh("echo a\r\nif true; then\r\n echo b\r\nfi\r\n").text,
              "a\nb\n", "CRLF")


def test_program_default(_):
    """Without the key: text alone."""
    with Server(policy=PLAIN) as server:
        del server.policy["structured"]
        server.write()
        server.reload()
        with server.http() as c:
            check(not any(fields(t) for t in c.tools()), "a schema")
            r = c.sh("echo x")
            equal((r.text, r.data), ("x\n", None), "text alone")
            r = c.call("cli_command", command="nosuch")
            check(r.data is None and "nosuch" in r.text, r)


def test_order_is_described(_):
    """What the description promises of the order is what the pipes give."""
    for policy, roughly in ((PLAIN, {"cli_command"}), (
            {**PLAIN, "streams": "separate"}, {"exec_cmd", "cli_command"}), (
            {"structured": True}, {"exec_cmd", "cli_command"}), (
            {"jobs": {}, "structured": True}, {"exec_cmd", "cli_command"})):
        with Server(policy=policy) as server, server.http() as c:
            said = {t["name"]: t["description"] for t in c.tools()}
            equal({n for n in said if "roughly" in said[n]}, roughly, policy)
            for name in roughly:
                check("in the order they" not in said[name], said[name])
                check("forgets" not in said[name], said[name])
            equal("ms unless the call becomes a job" in said["exec_cmd"],
                  "jobs" in policy, said)


def test_view_is_told_once(_):
    """exec_cmd has all of it; cli_command too where that is not offered."""
    facts = "Commands start in ", "Time limit: ", "no network", "as user "
    for tools, teller in ((["exec_cmd", "cli_command"], "exec_cmd"),
                          (["cli_command", "exec_cmd"], "exec_cmd"),
                          (["cli_command"], "cli_command"),
                          (["exec_cmd"], "exec_cmd")):
        with Server(policy={"tools": tools}) as server, server.http() as c:
            said = {t["name"]: t["description"] for t in c.tools()}
            for fact in facts:
                equal([n for n in said if fact in said[n]], [teller], said)
            for name, text in said.items():
                equal("same view of the machine as exec_cmd" in text,
                      name != teller, text)
                check(text.endswith(" resource exec://policy."), text)


def test_tools_are_taken(_):
    """Some models' APIs refuse every tool if one is longer or has more."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as top:
        places = [f"{top}/{i:030}" for i in range(30)]
        for place in places:
            pathlib.Path(place).mkdir()
        many = {"files": {"read": ["@system", *places]}}
        most = int(re.search(r"VIEWTEXT_MAX = (\d+)", VIEWTEXT.read_text())[1])
        tools = {"long": {"description": "x" * 1000, "argv": ["/bin/true"]}}
        for policy in (
                {}, {"jobs": {}}, {**many, "jobs": {}, "structured": True},
                {"tools": ["cli_command"], "jobs": {}, "structured": True},
                {"processes": "see", "files": {"read": ["/"]}, "jobs": {},
                 "streams": "separate"},
                {**many, "network": "loopback", "tools": ["cli_command"]}):
            with Server(policy={"tools": ["exec_cmd", "long"], **policy},
                        definitions=tools) as server, server.http() as c:
                said = {t["name"]: t["description"] for t in c.tools()}
                schemas = {t["name"]: t["inputSchema"] for t in c.tools()}
            for name, text in said.items():
                check(len(text.encode()) <= 1024, name, len(text), text)
                view = re.search(r"Shell: |Commands start in ", text)
                check(not view or view.start() + most <= 1024, name, text)
                schema = schemas[name]
                equal((schema["type"], set(schema) - TOP), ("object", set()),
                      name)
                for word in name, *schema["properties"]:
                    check(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", word), word)
            text = said[policy.get("tools", ["exec_cmd"])[0]]
            for fact in "Commands start in ", "Time limit: ", "network":
                check(fact in text, fact, text)
            equal(bool(re.search(r" and \d+ more; others may", text)),
                  "files" in policy and "processes" not in policy, text)


def test_words_of_scanners(_):
    """Scanners that look for words take paths of programs for an attack."""
    with Server(policy={"directory": "/opt"}) as server, server.http() as c:
        hello = c.hello["instructions"]
        shell = " exec_cmd runs a line with /bin/sh."
        equal(hello.count(shell), 1, "the shell's path, in the instructions")
        for text in (hello.replace(shell, ""),
                     *(t["description"] for t in c.tools())):
            check(not re.search(r"/s?bin/|/(tmp|var|root)/|pidof|\$HOME",
                                text), text)
        for t in c.tools():
            check("POSIX" in t["description"], t)
        check(len(hello) < 400, hello)


def test_blank(server):
    with server.http() as c:
        for command in "echo", r"printf ' \t\n'":
            check(c.sh(command).text.endswith("(nothing but white space)"),
                  command)


def test_hidden_in_words(server):
    """A name in a refusal can neither hide nor overwrite words."""
    with server.http() as c:
        for name, want in (("no\u202esuch", "no<U+202E>such"),
                           ("no\x1b[2Jsuch", "no<U+001B>[2Jsuch"),
                           ("\U000e0041", "<U+E0041>")):
            r = c.call("cli_command", command=f"'{name}'")
            check(want in r.text and name not in r.text, r)


def test_joiners(server):
    """One belongs to its character, a row of them is a message."""
    with server.http() as c:
        text = "\u2764\ufe0f\u200d\U0001f525"
        equal(c.sh(f"printf %s {text}").text, text, "an emoji")
        equal(c.sh("printf %s a\ufe0f\ufe01\u200d\u200d").text,
              "a\ufe0f<U+FE01>\u200d<U+200D>", "rows of them")


def test_defined_tools(_):
    """Forms of defined tools are made harmless as well."""
    def tool(form, text):
        return {"description": "Prints.", "output": {"form": form},
                "argv": ["/usr/bin/printf", "%s", text]}
    hidden = {"json": '{"a": "x\u202ey"}',
              "content": '[{"type":"text","text":"x\u202ey"},'
                         '{"type":"text","text":""}]'}
    tools = {name: tool(name, text.replace("{", "{{").replace("}", "}}"))
             for name, text in hidden.items()}
    with Server(policy={**PLAIN, "tools": sorted(tools)},
                definitions=tools) as server, server.http() as c:
        equal(json.loads(c.call("json").text), {"a": "x\u202ey"}, "the same")
        check("\u202e" not in c.call("json").text, "it is escaped")
        equal([b["text"] for b in c.call("content").raw["content"]],
              ["x<U+202E>y", "(no output)"], "blocks")


def test_live_binary(server):
    """A picture is not sent live as text, line by line."""
    def live(command):
        """Live output, as the client is told it."""
        conn = c.begin(command, progressToken=1)
        notes = [m for m in Events(conn) if "params" in m]
        return [n["params"]["message"] for n in notes]

    with Modern(server) as c:
        got = live(r"printf '\211PNG\r\n'; sleep 0.3; printf 'IHDR\n'; "
                     r"sleep 0.3; echo end")
        check(got and all("not text" in m for m in got), got)
        got = live("echo text; sleep 0.3; echo more")
        check(got and not any("not text" in m for m in got), got)


def called(c, tool, arguments):
    return Result(c.ask("tools/call", {"name": tool,
                                       "arguments": arguments}))


IGNORED = ["sessionId", "action", "chatInput", "toolCallId", "tool"]


def test_ignored_arguments(server):
    """What n8n adds to each call is dropped, and on record."""
    extra = dict.fromkeys(IGNORED, "x")
    with server.http() as c:
        for tool in "exec_cmd", "cli_command":
            r = called(c, tool, {"command": "echo here", **extra})
            check(not r.error and "here" in r.text, r)
            equal(server.audit("run-intent")[-1]["mcp.ignored_arguments"],
                  IGNORED, "on record")
        c.sh("true")
        check("mcp.ignored_arguments" not in server.audit("run-intent")[-1],
              "control")
        for tool, word, nearest in (
                ("exec_cmd", "comand", "command"),
                ("exec_cmd", "cwd", "working_dir"),
                ("cli_command", "cwd", "work_dir"),
                ("exec_cmd", "work_dir", "working_dir"),
                ("cli_command", "working_dir", "work_dir"),
                ("exec_cmd", "timeout", "timeout_ms"),
                ("exec_cmd", "timeoutMs", "timeout_ms")):
            r = called(c, tool, {"command": "true", word: "x"})
            check(r.error and f'did you mean "{nearest}"?' in r.text, r)
        r = c.sh("true", sessionid="x")
        check(r.error and "it takes command, working_dir" in r.text, r)


def test_ignored_are_chosen(_):
    with Server({"ignored_arguments": ["mine", "command"]}, PLAIN,
                definitions={"d": {
                    "description": "Prints.", "argv": ["/usr/bin/printf",
                                                       "%s", "{mine}"],
                    "parameters": {"mine": {"type": "string",
                                            "pattern": "[a-z]*"}}}}) as server:
        server.policy["tools"] = ["exec_cmd", "d"]
        server.write()
        server.reload()
        with server.http() as c:
            equal(c.sh("echo x", mine=1).text, "x\n", "dropped")
            check(c.sh("echo x", sessionId=1).error, "no longer in the list")
            equal(c.call("d", mine="it").text, "it",
                  "a parameter of the tool's own")
            check("mcp.ignored_arguments" not in
                  server.audit("run-intent")[-1], "and not dropped")
    with Server() as server:
        for bad in ["a b"], ["é"], ["x" * 64], [5], "sessionId":
            server.config["ignored_arguments"] = bad
            server.write()
            try:
                server.ctl("check")
            except instance.Failure as e:
                check("mcp-execd.json:" in str(e), e)
                continue
            check(False, bad, "is taken")
