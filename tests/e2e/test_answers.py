# SPDX-License-Identifier: MIT
"""What a model reads of a result: once, whole, in order, and harmless."""
import base64

import instance
from client import Server, check, equal, parse

PLAIN = {"structured": False, "text": "clean"}
MORE = {**PLAIN, "audit": {"output": "all"}}


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
        end = server.audit("run-result")[-1]
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
