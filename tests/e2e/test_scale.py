# SPDX-License-Identifier: MIT
"""Thousands of tokens and policies: looked up, reloaded, listed, refused.

What is printed with "#" are figures; what is checked leaves room for a busy
machine.
"""
import base64
import hashlib
import json
import os
import statistics
import subprocess
import threading
import time

import instance
from client import (SLOW, Connection, Http, Server, Skip, bearer, check,
                    equal, within)

TOKENS, POLICIES = 10000, 1000      # the most
PATIENCE_S = 60 * SLOW
CHECKER = "asan" in os.environ.get("MCP_EXECD_BUILD", "")


class Large(Server):
    """A server with so many of both; the first of each is the fixture's."""

    def __init__(self, tokens, policies=1, filters=1):
        super().__init__({"limits": {"runs": 64}},
                         {"limits": {"runs": 32, "runs_per_minute": 0}})
        self.write()
        self.texts = [self.put_token(f"t{i:05}") for i in range(tokens - 1)]
        for i in range(policies - 1):
            self.put_policy(f"p{i:04}", i % filters)

    def put_policy(self, name, variant):
        path = self.dir / "policies.d" / f"{name}.json"
        path.write_text(json.dumps({
            **self.policy, "syscalls": {"deny": [
                call for bit, call in enumerate(
                    ("mincore", "msync", "getcpu", "sysinfo", "times",
                     "getpriority", "mlock", "mlockall", "munlock",
                     "munlockall")) if variant >> bit & 1]}}))
        path.chmod(0o600)

    def put_token(self, name, policy=None, created="2026-01-01T00:00:00Z"):
        text = "mxt_" + base64.urlsafe_b64encode(
            os.urandom(32)).decode().rstrip("=")
        proof = hashlib.sha256(b"mcp-execd token proof v1\0"
                               + text.encode()).digest()
        path = self.dir / "tokens.d" / f"{name}.json"
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps({
            "verifier": hashlib.sha256(proof).hexdigest(),
            "policy": policy or self.name, "created": created}))
        temporary.chmod(0o600)
        temporary.rename(path)
        return text

    def memory(self):
        """MiB resident of executor and frontend."""
        def of(pid):
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                return next(int(line.split()[1]) // 1024 for line in f
                            if line.startswith("VmRSS"))
        return of(self.process.pid), of(self.frontend_pid())

    def try_ctl(self, *args):
        begin = time.monotonic()
        r = subprocess.run(
            [self.build / "mcp-execctl", "-c", self.config_file,
             *args], capture_output=True, text=True, timeout=PATIENCE_S,
            check=False)
        return r, time.monotonic() - begin

    def answer(self, *args):
        """None: it takes longer than mcp-execctl waits, with sanitizers."""
        r, _ = self.try_ctl(*args)
        return None if "not loaded yet" in r.stderr else r


class Caller(threading.Thread):
    """Calls `true` and asks with its token, one after the other."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.end, self.wrong = server, False, []
        self.times = []

    def run(self):
        with Http(self.server) as c:
            while not self.end:
                begin = time.monotonic()
                try:
                    if c.call("cli_command", command="true").error:
                        self.wrong.append("the call")
                except Exception as e:      # noqa: BLE001: told at the end
                    self.wrong.append(repr(e))
                    return
                self.times.append((begin, time.monotonic() - begin))

    def longest(self, begin, end):
        """ms of the longest call that was under way in between."""
        def found():
            return [t for at, t in self.times if at + t > begin and at < end]

        within("its end", PATIENCE_S, lambda: self.wrong or found())
        equal(self.wrong, [], "calls")
        return 1000 * max(found())


def asks(server, token, count=200):
    """us of a request that only has to be authenticated, median."""
    times = []
    with Connection(server) as c:
        for _ in range(count):
            begin = time.monotonic()
            r = c.request("GET", "/nowhere", bearer(token))
            times.append(time.monotonic() - begin)
            equal(r.status, 404, "the token is taken")
    return 1e6 * statistics.median(times)


def test_many_tokens():
    """10,000: looked up, one more refused, one revoked, none lost."""
    if CHECKER:
        raise Skip("under a checker, 10,000 tokens take minutes")
    with Server() as one:
        few = asks(one, one.token)
    server = Large(TOKENS)
    with server:
        many = [asks(server, t) for t in (
            server.token, server.texts[0], server.texts[-1])]
        print(f"# a request: {few:.0f} us with 1 token, "
              f"{max(many):.0f} us with {TOKENS}; memory {server.memory()}")
        check(min(many) < 3 * few + 200, "looked up one by one?", few, many)
        for t in server.texts[::997]:
            check(server.accepts(t), "in force")
        r, _ = server.try_ctl("token", "add", "more", "--policy", server.name)
        equal(r.returncode, 1, "one more")
        check("there are 10000 tokens, which is the most" in r.stderr, r)
        # A file that comes first by name, and says that it is the oldest.
        late = server.put_token("a", created="2020-01-01T00:00:00Z")
        record = within("a finding", PATIENCE_S, lambda: [
            r for r in server.audit("reload-tokens")
            if "a.json" in r.get("event.reason", "")])[0]
        check("more than 10000 tokens" in record["event.reason"], record)
        equal(record["token.count"], TOKENS, record)
        check(not server.accepts(late), "one too many is not in force")
        for t in server.texts[::997] + [server.token]:
            check(server.accepts(t), "put out of force by adding")
        r, took = server.try_ctl("token", "revoke", "t00017")
        equal(r.returncode, 0, r)
        check(not server.accepts(server.texts[17]), "revoked when it ends")
        check(server.accepts(late), "the one that waited is in force")
        print(f"# token revoke: {took * 1000:.0f} ms")
        for verb in ("token", "list"), ("check",), ("doctor",):
            r, took = server.try_ctl(*verb)
            print(f"# {' '.join(verb)}: {took * 1000:.0f} ms")
            check(took < 10 * SLOW, verb, took)


def test_reload_beside_calls():
    """1,000 policies of eight filters, 10,000 tokens, and calls go on."""
    part = 10 if CHECKER else 1
    policies = POLICIES // part
    server = Large(TOKENS // part, policies, 8)
    with server:
        caller = Caller(server)
        caller.start()
        time.sleep(2)
        quiet = time.monotonic()
        figures = []
        for what in "as it was", "again":
            if what == "again":     # every filter is another one
                for i in range(policies - 1):
                    server.put_policy(f"p{i:04}", 8 + i % 8)
            begin = time.monotonic()
            loads = len(server.audit("reload"))
            r, took = server.try_ctl("reload")
            if "not loaded yet" in r.stderr:    # a busy machine's
                within("it is loaded", PATIENCE_S, lambda: len(
                    server.audit("reload")) > loads)
            else:
                equal(r.returncode, 0, r)
            end = time.monotonic()
            figures.append((what, took, caller.longest(begin, end)))
        begin = time.monotonic()
        out, added = server.try_ctl(
            "token", "add", "more", "--policy", server.name)
        if out.returncode == 0:
            check(server.accepts(instance.TOKEN.search(out.stdout).group()),
                  "in force when token add ends")
        caller.end = True
        caller.join(PATIENCE_S)
        before = caller.longest(0, quiet)
        equal(caller.wrong, [], "calls")
        print(f"# longest call: {before:.1f} ms before; " + "; ".join(
            f"{most:.1f} ms in a reload of {took:.2f} s ({what})"
            for what, took, most in figures)
            + f"; token add {added * 1000:.0f} ms; memory {server.memory()}")
        for what, _, most in figures:
            check(most < before + 1500 * SLOW, what, most, before)
        equal(server.audit("reload")[-1]["policy.count"], policies, "policies")


def test_changes_all_the_time():
    """Tokens that come and go while all are sent: none valid is refused."""
    server = Large(2000)
    with server:
        refused, end = [], threading.Event()

        def ask():
            while not end.is_set():
                for t in server.texts[::199]:
                    if not server.accepts(t):
                        refused.append(t)

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        for round in range(3):
            r, _ = server.try_ctl("reload")
            equal(r.returncode, 0, r)
            for i in range(10):
                text = server.put_token(f"new{i}")
                within("in force", PATIENCE_S, lambda t=text:
                       server.accepts(t))
                (server.dir / "tokens.d" / f"new{i}.json").unlink()
                within("revoked", PATIENCE_S, lambda t=text:
                       not server.accepts(t))
        end.set()
        asking.join(PATIENCE_S)
        equal(refused, [], "a valid token was refused")


def test_too_many_policies():
    """One over the limit is named, and what was in force stays."""
    if CHECKER:
        raise Skip("under a checker, 1,000 policies take minutes")
    server = Large(1, POLICIES)
    with server:
        server.put_policy("zz", 0)
        r = within("it is read", 120, lambda: server.answer("reload"))
        equal(r.returncode, 1, r)
        check("more than 1000 policies" in r.stderr and "zz.json" in r.stderr,
              r)
        check(server.accepts(server.token), "as it was")
        equal(server.audit("reload")[-1]["policy.count"], POLICIES, "policies")
