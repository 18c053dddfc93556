# SPDX-License-Identifier: MIT
"""bash completion against what the programs say themselves."""
import pathlib
import re
import shlex

from package_env import TOP, Skip, check, equal, run, same_sets, step, world

BUILD = TOP / "build" / "release"
OPTION = re.compile(r"(?<![\w-])(-[A-Za-z]|--[a-z][a-z-]+)(?![\w-])")
LOADER = pathlib.Path("/usr/share/bash-completion/bash_completion")


def complete(*words):
    """What TAB behind these words offers, by bash-completion's loader."""
    if not LOADER.exists():
        raise Skip("bash-completion is not installed: run tests/deps")
    name = words[0]
    script = f"""
        export PATH={shlex.quote(str(BUILD))}:$PATH
        export XDG_DATA_DIRS={shlex.quote(str(world.tree()))}/usr/share
        shopt -s progcomp extglob
        . {LOADER}
        if declare -F _comp_load >/dev/null; then _comp_load {name}
        else _completion_loader {name}; fi
        compopt() {{ :; }}
        COMP_WORDS=({' '.join(shlex.quote(w) for w in words)})
        COMP_CWORD={len(words) - 1}
        [[ $(complete -p {name}) =~ -F\\ ([^ ]+) ]] || exit 3
        "${{BASH_REMATCH[1]}}" {name} "" ""
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    out = run("bash", "-u", "-c", script.replace(f". {LOADER}",
                                                 f"set +u; . {LOADER}"))
    return {line for line in out.splitlines() if line}


def verbs():
    """Of mcp-execctl, from the table that it prints: [["token", "add"], …]."""
    table = re.findall(r'(?m)^\t\{ "([a-z-]+)", (?:NULL|"([a-z-]+)"),',
                       (TOP / "executor/ctl/main.c").read_text())
    check(len(table) > 10, "the table was not found", table)
    return [[w for w in row if w] for row in table]


def options_of(*words):
    text = run(*words, "--help", status=None)
    return set(OPTION.findall(text.replace("[-c CONFIG]", ""))) | {"--help"}


@step("completion.verbs")
def all_verbs():
    same_sets(complete("mcp-execctl", ""), {v[0] for v in verbs()}, "verbs")
    for first in {v[0] for v in verbs() if len(v) == 2}:
        same_sets(complete("mcp-execctl", first, ""),
                  {v[1] for v in verbs() if v[0] == first}, first)
    equal(complete("mcp-execctl", "tok"), {"token"}, "tok")
    equal(complete("mcp-execctl", "-c", "x.json", "tok"), {"token"}, "-c")
    return f"{len(verbs())} verbs"


@step("completion.options")
def all_options():
    """Every option of every verb, and no other."""
    count = 0
    for words in verbs():
        wanted = options_of(BUILD / "mcp-execctl", *words)
        same_sets(complete("mcp-execctl", *words, "-"), wanted,
                  " ".join(words))
        count += len(wanted)
    same_sets(complete("mcp-execctl", "-"), options_of(BUILD / "mcp-execctl")
              | {"-c"}, "without a verb")
    same_sets(complete("mcp-execd", "-"), {
        o for line in run(BUILD / "mcp-execd", "--help").splitlines()
        if line.startswith("  -") for o in OPTION.findall(line[:20])},
        "mcp-execd")
    return f"{count} options"


@step("completion.every_value")
def every_value():
    """What follows an option of any verb is known, if only that it is
    nothing to offer: no name of a policy is taken for it."""
    source = (TOP / "packaging/completion/mcp-execctl").read_text()
    known = set(re.findall(r"--?[a-zA-Z][a-z-]*", source[
        source.index("_mcp_execctl_value()"):
        source.index("_mcp_execctl_operand()")]))
    asked = {o for words in verbs() for o in re.findall(
        r"(?m)^ +(--[a-z-]+)[ =][A-Z]", run(
            BUILD / "mcp-execctl", *words, "--help", status=None))}
    check(len(asked) > 15, asked)
    equal(asked - known, set(), "values unknown to the completion")
    return f"{len(asked)} options"


@step("completion.values")
def values():
    """Names of policies and tokens, clients; nothing after --."""
    etc = world.path / "complete"
    for path in ("policies.d/one.json", "policies.d/two.json",
                 "tokens.d/alice.json", "mcp-execd.json"):
        (etc / path).parent.mkdir(parents=True, exist_ok=True)
        (etc / path).write_text("{}")
    ctl = ["mcp-execctl", "-c", str(etc / "mcp-execd.json")]
    equal(complete(*ctl, "token", "add", "x", "--policy", ""), {"one", "two"},
          "--policy")
    equal(complete(*ctl, "token", "add", "x", "--policy", "="), {"one", "two"},
          "--policy=")
    equal(complete("mcp-execctl", "--config", "=", ctl[2], "token", "add", "x",
                   "--policy", "=", "o"), {"one"}, "--policy=o")
    equal(complete(*ctl, "policy", "explain", "t"), {"two"}, "explain")
    equal(complete(*ctl, "token", "revoke", ""), {"alice"}, "revoke")
    clients = complete(*ctl, "client-config", "alice", "--client", "c")
    said = run(BUILD / "mcp-execctl", "client-config", "--help")
    for client in clients:
        check(client in said, client, "is not a client:", said)
    check("curl" in clients, clients)
    equal(complete(*ctl, "policy", "test", "one", "--", "-"), set(), "--")
