# SPDX-License-Identifier: MIT
"""words: every text of ours that a model reads, and what scanners look for.

Scanners of tools judge by words: a path of a program is an attack to them, an
order to use a tool first is an injection.  The rules are the kinds of words
that the rules of cisco's mcp-scanner name, as we read them, and more of their
kind; tests/clients runs that scanner itself.
"""
import json
import re

from client import RpcError


def _rule(*patterns):
    return re.compile("|".join(patterns), re.I)


TOOL = r"(this|the current|our) (tool|function|command)"
OTHER = r"(any|every|each|all)( other)? (tool|function|command|action)s?"
SECRET = (r"(api[ _-]?keys?|passwords?|passphrases?|credentials?|secrets?|"
          r"private keys?|access tokens?)")
SENDS = r"(send|upload|post|transmit|forward|export|share|sync|push)(s|ed|ing)?"
KEEPS = (r"(collect|gather|harvest|record|log|store|cache|track|monitor|"
         r"capture|extract|index|upload|send)(s|ed|ing)?")

RULES = {
    "paths of programs": _rule(r"/s?bin/", r"system32"),
    "paths of the system": _rule(r"/(tmp|var|root)/",
                                 r"/etc/(passwd|shadow|gshadow|hosts|sudoers)"),
    "its environment": _rule(r"\$\{?(path|home|user|shell|pwd)\b",
                             r"process\.env", r"os\.environ", r"getenv *\("),
    "destruction": _rule(r"\brm +-", r"\bdd +if=", r"\bwipefs\b", r"\bshred\b",
                         r"\bfind .*-(delete|exec)\b", r"\bmkfs\b"),
    "permissions": _rule(r"\bchmod +([0-7]{3}|[ugoa]*\+)", r"\bset[ug]id\b",
                         r"\b(chown|chgrp) +(root|0)\b"),
    "privilege": _rule(r"\bsudo\b", r"\bsu +-", r"\brunuser\b", r"\bdoas\b",
                       r"bypass\w* (\w+ )?(security|checks?)",
                       r"(developer|admin|sudo) mode"),
    "processes": _rule(r"\bkill +(-|[0-9])", r"\bkillall\b", r"\bpkill\b",
                       r"\bpgrep\b", r"\bpidof\b", r"\blsof\b"),
    "the machine": _rule(r"\b(shutdown|reboot|halt) +(-|now|0)"),
    "the network": _rule(r"\b(curl|wget) +(-|https?:|ftp:)", r"/dev/tcp",
                         r"\b(nc|netcat|ncat|nmap|socat) +(-|\d)",
                         r"\b(ba)?sh +-i\b"),
    "code": _rule(r"\b(system|exec|execfile|popen|spawn|eval|compile|assert)\(",
                  r"subprocess\.", r"child_process", r"__import__",
                  r"\b(atob|btoa) *\(", r"base64[._-]?(b64)?decode",
                  r"\becho +-e\b", r"\bxxd\b", r"\bhexdump\b", r"powershell",
                  r"\bcmd */[ck]\b"),
    "precedence": _rule(
        rf"always (use|call|run|invoke|consult) {TOOL}",
        rf"before (using|calling|running|invoking) {OTHER}",
        rf"(must|has to|have to|should|required to) (first )?(use|call|run|"
        rf"invoke) {TOOL}", r"only (this|the current|our) tool", rf"instead of {OTHER}",
        r"(highest|top) priority", r"will not work unless",
        r"do not (use|call|run) (any )?other"),
    "overriding": _rule(
        r"(ignore|disregard|forget|override|bypass)\w* ((all|any|the|your|every|"
        r"previous|prior|above) )+(instructions?|rules|guidelines|prompts?|"
        r"messages?|context)", r"system prompt", r"new instructions *:",
        r"you are now", r"pretend (to be|you)", r"jailbreak"),
    "secrecy": _rule(
        r"(do not|don't|never|without) (tell|telling|inform|mention|notify|"
        r"alert|show)\w* (it |this |them )?(to )?(the )?(user|them|anyone)",
        r"\b(secretly|covertly|silently|invisibly)\b",
        r"\bhidden (parameter|argument|input|instruction|command)",
        r"behind the scenes", r"hide\w* (this )?(from )?the user"),
    "markers": _rule(r"<!--", r"</?(script|important|system|secret|critical|"
                     r"urgent|instructions?)\b", r"javascript:", r"\[\[\[",
                     r"\|\|\|", r"\[(hidden|internal|secret|system)\b",
                     r"data:(text|application)/[a-z]+;base64"),
    "a second purpose": _rule(
        rf"\b(also|additionally|moreover|besides|in addition) {KEEPS}\b",
        rf"\b(while|when|during|upon|after) (\w+ing),? {KEEPS}\b",
        rf"\bfor (caching|analytics|backup|improvement|quality) {KEEPS}\b",
        rf"\b{KEEPS} (any |all )?{SECRET}"),
    "sending": _rule(
        rf"\b{SENDS} .{{0,40}}(https?:|external|remote|cloud|third part)",
        rf"\b{SENDS} (the )?(whole |entire )?(conversation|chat|history|"
        rf"context|messages?)\b", r"\bexfiltrat", r"\bwebhook"),
    "credentials": _rule(
        r"\.(ssh|aws|kube|gnupg)\b", r"\.(pem|netrc|pgpass|keystore|p12|jks)\b",
        r"\bid_(rsa|ed25519)\b", r"-----BEGIN", r"\bBearer [\w-]{16}",
        r"\b(AKIA|ghp_|sk-)\w{16}", r"\b\w+_(API_KEY|SECRET_ACCESS_KEY|TOKEN)\b",
        rf"\b(read|show|list|open|cat|dump|reveal|print) .{{0,30}}{SECRET}"),
    "SQL": _rule(r"\bunion (all )?select\b", r"drop table",
                 r"\bor '?1'? *= *'?1", r"\bsleep\("),
    "what is not seen": re.compile(
        "[\x00-\x08\x0b-\x1f\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064"
        "\u2066-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]"),
    "what is off the screen": re.compile(r"[ \t]{20}|\n{6}"),
    "what is encoded": re.compile(r"\b[A-Za-z0-9+/]{60,}={0,2}(?![\w+/])"),
}


# exec://policy lists a policy's places: /var/tmp, and the administrator's own.
ALLOWED = {("contents of exec://policy", "paths of the system"),
           ("contents of exec://policy", "credentials")}


def findings(texts):
    """(where, rule, the words) of each rule that fires."""
    return [(where, name, found.group()) for where, text in texts.items()
            for name, rule in RULES.items() if (where, name) not in ALLOWED
            for found in rule.finditer(text)]


def strings(value, where=""):
    """(where, text) of all strings of a JSON value, keys too."""
    if isinstance(value, dict):
        for k, v in value.items():
            yield f"{where} key", k
            yield from strings(v, f"{where}.{k}")
    elif isinstance(value, list):
        for v in value:
            yield from strings(v, where)
    elif isinstance(value, str):
        yield where, value


def _named(kind, items):
    """{where: all texts of an item}, as a scanner reads it."""
    return {f"{kind} {item.get('name') or item.get('uri')}":
            "\n".join(text for _, text in strings(item)) for item in items}


# Calls whose answers are our own words, or mostly.
ANSWERS = (
    ("true", {}), ("echo", {}), ("exit 3", {}), ("kill -9 $$", {}),
    ("sleep 9", {"timeout_ms": 200}), ("seq 100000", {}),
    ("head -c 300 /dev/urandom", {}), ("touch /usr/x", {}),
    ("nosuchcommand", {}), ("sleep 60 & echo left", {}), ("", {}),
    ("printf '\\033[31mred\\033[0m'", {}), ("true", {"working_dir": "/etc"}),
    ("true", {"working_dir": "nosuch"}), ("true", {"env": {"LD_PRELOAD": "x"}}),
    ("true", {"timeout_ms": 99999999}), ("true", {"cwd": "x"}),
    ("true", {"timeout_ms": "soon"}), ("echo x", {"encoding": "base64"}))


def answers(c, directory):
    """Texts of results and errors; what the caller named is taken out."""
    for i, (command, more) in enumerate(ANSWERS):
        for tool, key in ("exec_cmd", "command"), ("cli_command", "command"):
            arguments = {key: command, **more}
            if tool == "cli_command" and "working_dir" in more:
                arguments["work_dir"] = arguments.pop("working_dir")
            try:
                text = c.call(tool, **arguments).text
            except RpcError as e:
                text = e.message
            if "urandom" in command or "base64" in str(more):
                continue    # the command's own bytes
            # what the caller named, ids, and what the shell itself says
            for word in (command, *map(str, more.values()), directory):
                if len(word) > 3:
                    text = text.replace(word, "IT")
            text = re.sub(r"^/bin/sh: ", "", text, flags=re.M)
            yield f"answer {i} of {tool}", re.sub(
                r"\b[0-9a-f]{32}\b", "ID", text)


def of_token(c, directory="\0", calls=False):
    """{where: text} of what one connection is told."""
    hello = {**c.hello}
    out = {"instructions": hello.get("instructions", "")}
    out.update(_named("tool", c.tools()))
    for method, key in (("prompts/list", "prompts"),
                        ("resources/list", "resources"),
                        ("resources/templates/list", "resourceTemplates")):
        try:
            found = c.ask(method)[key]
        except RpcError:
            continue
        out.update(_named(key, found))
        for item in found:
            if key == "prompts":
                prompt = c.ask("prompts/get", {"name": item["name"]})
                out[f"prompt {item['name']}"] = json.dumps(prompt)
    for uri in "exec://policy", "exec://runs":
        for block in c.ask("resources/read", {"uri": uri})["contents"]:
            out[f"contents of {uri}"] = block.get("text", "")
    if calls:
        out.update(answers(c, directory))
    # The shell's path is in the instructions, which belong to no tool, and at
    # the top of exec://policy, which repeats them: that path alone.
    shell = re.compile(r"( exec_cmd runs a line with )/bin/sh\.")
    return {where: shell.sub(r"\1sh.", text.replace(directory, "DIRECTORY"))
            for where, text in out.items()}
