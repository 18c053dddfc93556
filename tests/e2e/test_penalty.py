# SPDX-License-Identifier: MIT
"""Who fails to authenticate: slowed, then refused, and nobody else."""
import itertools
import json
import threading
import time

from client import (AUTH_FAILURE, JSON_HEADERS, SLOW, Connection, Server,
                    bearer, check, equal, initialize, within)

_wrong = itertools.count()
PROXY = "127.0.0.2"
BEGIN, END = "penalty-begin", "penalty-end"
# Six failures at once lead to a minute: more than a test takes.
RULES = {"failure_ms": 10000, "missing_ms": 2000, "threshold_ms": 58000,
         "max_ms": 60000, "delay_ms": 0}
SHORT = {"failure_ms": 500, "threshold_ms": 3000, "max_ms": 6000}


def penalized(more=None, **config):
    return Server(config={"penalties": {**RULES, **(more or {})},
                          "trusted_proxies": [PROXY], **config})


def wrong():
    """A token that is not one; another each time, as of who guesses."""
    return f"mxt_{next(_wrong):043}"


def ask(server, token=Ellipsis, client=None, source=PROXY):
    """A request of a client behind the proxy, or of a source itself."""
    token = wrong() if token is ... else token
    headers = {**JSON_HEADERS, **(bearer(token) if token else {})}
    if client:
        headers["X-Forwarded-For"] = client
    with Connection(server, source=source) as c:
        return c.request("POST", "/mcp", headers, initialize())


def until_refused(request, least=6, most=30):
    """Fail until this is answered with 429; what was owed ebbs away."""
    for n in range(most):
        status = request().status
        if status == 429:
            check(n >= least, "refused after", n)
            return
        equal(status, 401, f"failure {n}")
    check(False, "never refused")


def begin(server, client):
    until_refused(lambda: ask(server, client=client))


def records(server, action, client):
    return [r for r in server.audit(action) if r["source.ip"] == client]


def test_refused_and_forgiven():
    with penalized(SHORT) as server:
        bad = "203.0.113.1"
        begin(server, bad)
        r = ask(server, client=bad)
        check(0 < int(r.header("retry-after")) <= 4, r)
        check("wait" in r.json()["error"]["message"], r)
        # also with a good token: from that address nothing is taken
        equal(ask(server, server.token, bad).status, 429, "a good token")
        # others, near and far, are not hurt
        for other in "203.0.113.2", "198.51.100.1", "2001:db8::1", None:
            equal(ask(server, server.token, other).status, 200, other)
            equal(ask(server, client=other).status, 401, other)
        first = within("a record", 5, lambda: records(server, BEGIN, bad))
        equal(len(first), 1, "one record for one penalty")
        check(6 <= first[0]["event.count"] < 30, first)
        check(3 <= first[0]["penalty.seconds"] <= 4, first)
        within("forgiven", 10, lambda: ask(
            server, server.token, bad).status == 200)
        last = within("its end", 5, lambda: records(server, END, bad))
        check(last[0]["penalty.refused"] >= 3, last)
        equal(sum(r["event.count"] for r in server.audit(AUTH_FAILURE)
                  if r["source.ip"] == bad), first[0]["event.count"],
              "refused requests are not failures")


def test_ipv6_network():
    with penalized() as server:
        number = iter(range(100))
        until_refused(lambda: ask(
            server, client=f"2001:db8:1:2:{next(number)}::1"))
        equal(ask(server, client="2001:db8:1:2:ffff::9").status, 429, "/64")
        equal(ask(server, client="2001:db8:1:3::1").status, 401, "the next")


def test_loopback_locks_nobody_out():
    """Local users share an address: a good token is always taken."""
    with penalized() as server:
        until_refused(lambda: ask(server, source="127.0.0.1"))
        equal(ask(server, None, source="127.0.0.1").status, 429, "none")
        for _ in range(5):
            equal(ask(server, server.token, source="127.0.0.1").status, 200,
                  "a good token")
        with server.http() as c:
            equal(c.sh("echo in").text.strip(), "in", "a call")
        # the proxy's own address, and what it cannot name
        for client in None, "unknown":
            begin(server, client)
            equal(ask(server, server.token, client).status, 200, client)
        equal(server.get("/healthz").status, 200, "/healthz")


def test_missing_costs_less():
    """Clients try without a token first."""
    with penalized() as server:
        client = "203.0.113.7"
        for i in range(12):
            equal(ask(server, None, client).status, 401, i)
        equal(ask(server, server.token, client).status, 200, "not refused")
        until_refused(lambda: ask(server, None, client), 0, 100)


def test_expired_and_wrong_source():
    with penalized() as server:
        token = server.add("there", "--from", "198.51.100.0/24")
        within("in force", 5, lambda: ask(
            server, token, "198.51.100.1").status == 200)
        # from each address of a network: each is another try
        number = iter(range(100))
        until_refused(lambda: ask(
            server, token, f"2001:db8:1:9::{next(number)}"))
        equal(ask(server, token, "198.51.100.1").status, 200,
              "the token itself is not hurt")


def test_same_token_counts_once():
    """A client with a mistyped token repeats it: that is not a guess."""
    with penalized() as server:
        for odd in (wrong(), "mistyped", "mxt_short"):
            client = f"203.0.113.{100 + len(odd)}"
            for i in range(14):
                equal(ask(server, odd, client).status, 401, f"{odd} {i}")
            equal(ask(server, server.token, client).status, 200, odd)
        # who guesses: each other one counts, old ones between them or not
        client, known = "203.0.113.9", wrong()
        until_refused(lambda: (ask(server, known, client),
                               ask(server, client=client))[1], 4, 10)
        # more than are remembered, again and again
        many = itertools.cycle([wrong() for _ in range(9)])
        until_refused(lambda: ask(server, next(many), "203.0.113.10"))
        # another address is told apart
        equal(ask(server, known, "203.0.113.11").status, 401, "elsewhere")


def test_discovery_costs_nothing():
    """What clients look for by themselves."""
    with penalized() as server:
        client = "203.0.113.12"
        for i in range(40):
            for path in ("/.well-known/oauth-protected-resource/mcp",
                         "/.well-known/openid-configuration",
                         "/mcp/.well-known/openid-configuration"):
                with Connection(server, source=PROXY) as c:
                    r = c.request("GET", path, {
                        "X-Forwarded-For": client,
                        **(bearer(wrong()) if i % 2 else {})})
                equal(r.status, 404, path)
                check("no OAuth" in r.json()["error"]["message"], r)
        equal(ask(server, server.token, client).status, 200, "no penalty")
        equal(server.audit(AUTH_FAILURE), [], "and no failure on record")


def served_in(server):
    """How long another client's request takes: the least, as a machine that
    is busy is not a delay of ours."""
    took = []
    for _ in range(5):
        start = time.monotonic()
        equal(ask(server, server.token, "203.0.113.2").status, 200, "others")
        took.append(time.monotonic() - start)
    return min(took)


def test_slowed():
    """Each failure's answer comes later than the one before."""
    with penalized({"failure_ms": 4000, "threshold_ms": 60000,
                    "max_ms": 60000, "delay_ms": 1000}) as server:
        took = []
        for _ in range(4):
            start = time.monotonic()
            equal(ask(server, client="203.0.113.1").status, 401, "failure")
            took.append(time.monotonic() - start)
        check(0.35 < took[0] < 3 * SLOW, took)
        check(all(t >= 0.95 for t in took[2:]), took)
        check(took[3] < 3.5 * SLOW, "no more than delay_ms", took)
        check(served_in(server) < 0.3 * SLOW, "others are not")
        # many at once: nobody waits for them, and a client may give up
        conns = [Connection(server, source=PROXY) for _ in range(30)]
        for c in conns:
            c.send(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
                   b"X-Forwarded-For: 203.0.113.3\r\nContent-Length: 0\r\n"
                   b"Authorization: Bearer " + wrong().encode() + b"\r\n\r\n")
        check(served_in(server) < 0.3 * SLOW, "meanwhile")
        for c in conns[:10]:
            c.reset()
        answers = [c.reply().status for c in conns[10:]]
        check(set(answers) == {401, 429} or set(answers) == {429}, answers)
        for c in conns[10:]:
            c.close()
        with server.http() as c:
            equal(c.sh("echo on").text.strip(), "on", "and goes on")


def test_table_is_bounded():
    """A client with many addresses gets only itself refused."""
    with penalized({"sources": 16}) as server:
        begin(server, "203.0.113.1")
        for i in range(60):
            equal(ask(server, client=f"198.51.100.{i}").status, 401, i)
        equal(ask(server, server.token, "192.0.2.77").status, 200, "others")
        equal(ask(server, server.token, "203.0.113.1").status, 429,
              "no way to be forgiven")


def test_parallel_guessing():
    """No more guesses by asking at once."""
    with penalized() as server:
        got = []

        def guess():
            for _ in range(5):
                got.append(ask(server, client="203.0.113.50").status)

        threads = [threading.Thread(target=guess) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        check(6 <= got.count(401) <= 9, got)
        equal(got.count(401) + got.count(429), 40, got)


def test_exempt_and_reload():
    """A reload keeps what is owed, and may forgive."""
    with penalized() as server:
        bad = "203.0.113.1"
        begin(server, bad)
        server.reload()
        equal(ask(server, client=bad).status, 429, "after a reload")
        server.config["penalties"]["sources"] = 100
        server.config["penalties"]["exempt"] = ["203.0.113.0/24"]
        server.config_file.write_text(json.dumps(server.config))
        server.reload_ends("success", "reload")
        within("its end is on record", 5, lambda: records(server, END, bad))
        for _ in range(12):
            equal(ask(server, client=bad).status, 401, "exempt")
        equal(ask(server, server.token, bad).status, 200, "exempt")


def test_default():
    """As shipped: six wrong tokens within a moment."""
    with Server(config={"penalties": {}, "trusted_proxies": [PROXY]}) as s:
        start = time.monotonic()
        n = 0
        while ask(s, client="203.0.113.1").status == 401:
            n += 1
            check(n < 20, "never refused")
        check(6 <= n <= 12, n)
        check(time.monotonic() - start > 2, "slowed")
        r = ask(s, client="203.0.113.1")
        check(20 <= int(r.header("retry-after")) <= 35, r)
