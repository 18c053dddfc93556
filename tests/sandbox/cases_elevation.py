# SPDX-License-Identifier: MIT
"""Tools that run under a policy of their own: what their caller cannot make of
them, and that the caller's other runs do not reach them."""
import contextlib
import json

import sandbox_env
from sandbox_env import ROOT, SECRET, THROUGH, case, client, matches, says, \
    through
from cases_privileges import VICTIM_MS, dead, find_victim, verdict

CALLERS = "elevating", "elevating_see"


def definitions(w):
    """By the places of this world; policy "elevated" is root's, where it can."""
    run = {"policy": "elevated", "timeout_ms": 20000 * client.SLOW}

    def shell(line):
        return ["/bin/sh", "-c", w.text(line), "tool"]
    return {
        "say": {**run, "description": "Says who it is, and a word.",
                "parameters": {"word": {"type": "string",
                                        "pattern": "[a-z][a-z0-9]*",
                                        "maxLength": 16}},
                "argv": [*shell("id -u; cat {elevated}/secret; echo said=$1"),
                         "{word}"]},
        "repeat": {**run, "description": "Says a text.",
                   "parameters": {"text": {"type": "string", "maxLength": 200,
                                           "pattern": "[^-].*"},
                                  "count": {"type": "integer", "minimum": 1,
                                            "maximum": 3, "default": 1}},
                   "argv": [*shell("printf 'text=%s=\\ncount=%s\\n' \"$@\""),
                            "{text}", "{count}"]},
        "hold": {**run, "description": "Is there for a while.",
                 "argv": shell("umask 0; echo " + SECRET + " >/tmp/{tag}; "
                               "exec {tools}/try victim run "
                               f"{VICTIM_MS} >{{elevated}}/victim")},
        "listen": {**run, "description": "Listens.",
                   "parameters": {"where": {"type": "string",
                                            "enum": ["path", "abstract"]}},
                   "argv": [*shell(
                       "rm -f {elevated}/shared/s; umask 0; case $1 in path) "
                       "set {elevated}/shared/s;; *) set @{tag}.e;; esac; "
                       f"exec {{tools}}/try unix-listen $1 {VICTIM_MS} "
                       ">{elevated}/listening"),
                       "{where}"]},
    }


def policies(w):
    """Of the tools, and of those who may call them."""
    elevated = w.server.dir / "elevated"
    read = [*sandbox_env.SYSTEM, w.names["tools"]]
    caller = {"tools": ["exec_cmd", *definitions(w)],
              "files": {"read": [*read, f"{elevated}/shared"]}}
    return {
        "elevated": {"elevates": True, "directory": str(elevated),
                     "files": {"read": read}, "umask": "0022",
                     **({"user": "root", "group": 0} if ROOT else {})},
        "elevating": caller,
        "elevating_see": {**caller, "processes": "see",
                          "files": {"read": ["/"]}},
        "tools_only": {"tools": ["say"], "shell": None},
    }


def build(w):
    """Before the server starts: the tools' own directory, and themselves."""
    place = w.server.dir / "elevated"
    place.mkdir()
    (place / "shared").mkdir()
    (place / "shared").chmod(0o755)
    (place / "secret").write_text(SECRET + "\n")
    (place / "secret").chmod(0o600)
    w.names["elevated"] = str(place)
    w.no_shell.add("tools_only")


def offer(w):
    """The policy of the tools, then they, then those who may call them."""
    for name, keys in policies(w).items():
        w.offer(name, keys)
        if name != "elevated":
            continue
        if name in w.unavailable:
            w.unavailable.update(dict.fromkeys(policies(w), "see elevated"))
            return
        for tool, text in definitions(w).items():
            define(w, tool, text)


def define(w, name, text):
    path = w.server.dir / w.server.config["tool_dir"] / f"{name}.json"
    path.write_text(json.dumps(text))
    path.chmod(0o600)
    return path


sandbox_env.BUILDERS.append(build)
sandbox_env.OFFERS.append(offer)


def need(w, caller="elevating"):
    for name in "elevated", caller:
        w.need_policy(name)


def intents(w):
    return [r for r in w.server.audit(client.INTENT)
            if r["policy.name"] == "elevated"]


@contextlib.contextmanager
def held(w, tool, caller="elevating", **arguments):
    """That tool runs meanwhile, called by the same token."""
    c = w.client(caller)
    before, id = len(intents(w)), c.next_id()
    with client.Connection(w.server) as conn:
        c.send(client.message("tools/call", {"name": tool, "arguments":
                                             arguments}, id), conn)
        client.within("it runs", 5, lambda: len(intents(w)) > before)
        run = intents(w)[-1][client.RUN_ID]
        try:
            yield
        finally:
            c.notify("notifications/cancelled", {"requestId": id})
    client.within("it has ended", 9, lambda: [
        r for r in w.server.audit(client.RESULT) if r[client.RUN_ID] == run])


@case("elevation.works")
def works(w):
    """The control of all that follows: the caller's run gets none of it."""
    need(w)
    r = w.client("elevating").call("say", word="red")
    client.equal(r.text, f"{0 if ROOT else w.uid}\n{SECRET}\nsaid=red\n", r)
    record = intents(w)[-1]
    client.equal(record["token.policy"], "elevating", "whose call it was")
    out = w.inside("id -u; cat {elevated}/secret; :", "elevating")
    client.check(str(w.uid) in out and SECRET not in out, out)


HOSTILE = ("", "-", "--help", "-x", "Red", "red;id", "red id", "red\nid",
           "red\n", "$(id)", "`id`", "${IFS}id", "|id", "&id", ">x", "../red",
           "/bin/sh", "r\0d", "{word}", "%s", "é", "r\u202ed", "\U0001d43d",
           "r" * 17, "r" * 100000, "\x1b[2J", "\ufeffred", "red\r")


@case("elevation.parameters")
def parameters(w):
    """What is not of a parameter's form does not begin a run."""
    need(w)
    before = len(intents(w))
    for name, arguments in [
            *(("say", {"word": v}) for v in HOSTILE),
            *(("say", {"word": v}) for v in (None, 1, True, ["red"],
                                             {"a": "red"})),
            ("say", {}), ("say", {"word": "red", "more": "x"}),
            *(("say", {"word": "red", k: "/"}) for k in (
                "working_dir", "work_dir", "command", "user", "policy",
                "argv", "stdin")),
            ("say", {"word": "red", "env": {"LD_PRELOAD": "/x"}}),
            ("say", {"word": "red", "env": {"CI": "x"}}),
            *(("repeat", {"text": "x", "count": v}) for v in (
                0, 4, -1, 1.5, "1", 1e300, 2 ** 63, [1])),
            ("repeat", {"text": "r" * 201}), ("repeat", {"text": "a\0b"})]:
        try:
            r = w.client("elevating").call(name, **arguments)
        except Exception as e:      # of a wrong type: a protocol error
            client.check("said=" not in str(e) and SECRET not in str(e), e)
            continue
        client.check(r.error and "said=" not in r.text, "ran with",
                     repr(arguments)[:200], r)
    client.equal(len(intents(w)), before, "runs that began")
    client.check("said=blue" in w.client("elevating").call(
        "say", word="blue").text, "the control did not work")


@case("elevation.texts_are_one_word")
def one_word(w):
    """A text without a form arrives as it is, and stays one argument."""
    need(w)
    for text in ("a b", "$(id)`id`;id|id&id>x", "'\"\\", "{count}", "{text}",
                 "a\nb", "*", "~", "--count=9", "\u202e", "%s%n"):
        r = w.client("elevating").call("repeat", text=text)
        client.check(r.text.endswith(f"text={text}=\ncount=1\n") or r.error,
                     repr(text), r)
    client.check("uid=" not in r.text, r)


@case("elevation.without_the_tool")
def without(w):
    """Of a policy that does not list it, and of one that lists no other."""
    need(w)
    before = len(intents(w))
    for policy in "base", "other":
        for name in "say", "hold", "Say", "say\0", "../tools.d/say":
            with contextlib.suppress(client.RpcError):
                r = w.client(policy).call(name, word="red")
                client.check(r.error and SECRET not in r.text, name, r)
    for name in "exec_cmd", "cli_command", "hold", "repeat":
        with contextlib.suppress(client.RpcError):
            r = w.client("tools_only").call(name, command="id", text="x")
            client.check(r.error and "uid=" not in r.text, name, r)
    client.equal(len(intents(w)), before, "runs that began")
    w.need_policy("tools_only")
    client.check(SECRET in w.client("tools_only").call("say", word="x").text,
                 "the control did not work")


@case("elevation.not_offerable")
def not_offerable(w):
    """Only a policy that says so can be elevated to, and not by a chain."""
    need(w)
    good = definitions(w)["say"]
    keys = {**policies(w)["elevating"], "tools": ["exec_cmd", "wrong"]}
    try:
        for policy, words in ((w.server.name, '"elevates": true'),
                              ("of-nobody", "of-nobody"),
                              ("elevated", None)):
            place = define(w, "wrong", {**good, "policy": policy})
            w.offer("wrong", keys)
            said = w.unavailable.pop("wrong", "")
            client.equal(bool(said), words is not None, f"{policy}: {said}")
            client.check(words is None or words in said, policy, said)
    finally:
        w.tokens.pop("wrong", None)
        for kind in "policies.d", "tokens.d":
            (w.server.dir / kind / "wrong.json").unlink(missing_ok=True)
        place.unlink()
        w.server.reload()


# --- a run of a tool, and other runs of its caller --------------------------------

def against(name, command, effect=through, needs=("pids", "landlock"),
            only=None):
    """As in cases_privileges: first directly, then from the caller's run."""
    def on_victim(w, caller, *steps):
        w.path("{elevated}/victim").unlink(missing_ok=True)
        with held(w, "hold", caller):
            line = client.within("a victim", 5, lambda: w.path(
                "{elevated}/victim").exists() and w.path(
                    "{elevated}/victim").read_text())
            w.names["pid"] = str(find_victim(w))
            w.names["address"] = line.split()[1]
            return [step(w, caller) for step in steps][-1]

    def control(w, _):
        out = w.direct(command, "root" if ROOT else "user")
        client.check(effect.happened(w, out, True),
                     "the control did not work:", out)

    def attack(w, caller):
        out = w.inside(command + "; :", caller)
        return verdict(w, effect, out, () if ROOT else needs, w.names["pid"])

    def run(w, caller):
        if only:
            only(w)
        need(w, caller)
        if not isinstance(effect, dead):        # it outlives the control
            return on_victim(w, caller, control, attack)
        on_victim(w, caller, control)
        return on_victim(w, caller, attack)

    for caller in CALLERS:
        see = caller == "elevating_see"
        sandbox_env.CASES.append((
            "elevation." + ("see_" if see else "") + name,
            lambda w, caller=caller: run(w, caller)))


against("kill", "kill -9 {pid}", dead())
against("pidfd_signal", "{tools}/try pidfd-signal {pid} 9", dead())
against("ptrace", "{tools}/try ptrace {pid}", needs=())
against("vm_read", "{tools}/try vm-read {pid} {address}", says("secret-"),
        needs=())
against("memory_file", "{tools}/try mem {pid} {address}", says("secret-"))
against("descriptor", "{tools}/try getfd {pid} 1", needs=())
against("environ", "cat /proc/{pid}/environ | tr '\\0' '\\n'",
        matches("^PATH="))
against("cwd", "cat /proc/{pid}/cwd/secret", says(SECRET))
against("root", "cat /proc/{pid}/root/tmp/{tag}", says(SECRET),
        only=sandbox_env.with_mounts)
against("opened", "cat /proc/{pid}/fd/1", matches(" 0x"))
against("prlimit", "{tools}/try prlimit {pid} 100", needs=())


@case("elevation.files")
def files(w):
    """Neither what is the tool's alone, nor its private /tmp."""
    need(w)
    with held(w, "hold"):
        client.within("a victim", 5, lambda: w.path(
            "{elevated}/victim").exists())
        out = w.inside("cat {elevated}/secret {elevated}/victim /tmp/{tag}; "
                       "echo x >{elevated}/new; echo x >/tmp/{tag}; :",
                       "elevating")
    client.check(not w.path("{elevated}/new").exists(), "wrote", out)
    client.check(" 0x" not in out, "read what it wrote", out)
    if "mounts" in w.layers:            # else /tmp is the machine's
        client.check(SECRET not in out, "read", out)
    client.check(SECRET in w.direct("cat {elevated}/secret", "root" if ROOT
                                    else "user"), "the control")


@contextlib.contextmanager
def listening(w, where):
    said = w.path("{elevated}/listening")
    said.unlink(missing_ok=True)
    with held(w, "listen", where=where):
        client.within("it listens", 5,
                      lambda: said.exists() and said.read_text())
        yield


@case("elevation.sockets")
def sockets(w):
    """What a tool listens at is another's for its caller's runs."""
    need(w)
    if w.mode == "filtered":
        raise client.Skip("has a meaning with sockets of a run's own only")
    for where, path in (("path", "{elevated}/shared/s"),
                        ("abstract", "@{tag}.e")):
        with listening(w, where):
            if where == "path":
                out = w.direct("{tools}/try unix " + path + " x")
                client.check(THROUGH in out, "the control did not work:", out)
        with listening(w, where):
            out = w.inside("{tools}/try unix " + path + " x; :", "elevating")
        client.check(THROUGH not in out, "came through:", out)
