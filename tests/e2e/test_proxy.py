# SPDX-License-Identifier: MIT
"""Behind proxies: whose address counts, and who only claims one."""
from client import (AUTH_FAILURE, INTENT, JSON_HEADERS, Connection, Http,
                    bearer, check, equal, initialize, within)

PROXY, OTHER = "127.0.0.2", "127.0.0.3"
CLIENT = "203.0.113.9"
SERVER = {"config": {"penalties": {"failure_ms": 0, "missing_ms": 0},
                     "trusted_proxies": [PROXY, "10.0.0.0/24"],
                     "limits": {"connections_per_address": 8}}}


def ask(server, token, source=PROXY, **headers):
    """Status of a request with these headers, which come from `source`."""
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    with Connection(server, source=source) as c:
        return c.request("POST", "/mcp", {
            **bearer(token), **JSON_HEADERS, **named}, initialize()).status


def limited(server, name):
    return server.add(name, "--from", "203.0.113.0/24")


class Via(Http):
    """An MCP client behind the proxy."""

    def __init__(self, server, hops):
        self.hops = hops
        super().__init__(server, source=PROXY)

    def headers(self):
        return {**super().headers(), "X-Forwarded-For": self.hops}


def test_client_behind_proxy(server):
    token = limited(server, "behind")
    within("in force", 5, lambda: ask(
        server, token, X_Forwarded_For=CLIENT) == 200)
    with Via(server, f"127.0.0.1, {CLIENT}, 10.0.0.7") as c:
        equal(c.sh("echo via").text.strip(), "via", "a call")
    equal(server.audit(INTENT)[-1]["source.ip"], CLIENT, "the record")
    equal(ask(server, token), 401, "the proxy itself")
    equal(ask(server, token, X_Forwarded_For="198.51.100.1"), 401, "another")
    equal(ask(server, server.token), 200, "a token for everywhere")


def last_failure(server, source):
    return within(f"a failure from {source}", 5, lambda: [
        r for r in server.audit(AUTH_FAILURE) if r["source.ip"] == source])


def test_spoofed(server):
    """No client chooses its own address."""
    token = limited(server, "spoofed")
    within("in force", 5, lambda: ask(
        server, token, X_Forwarded_For=CLIENT) == 200)
    # past the proxy
    for source in "127.0.0.1", OTHER:
        equal(ask(server, token, source, X_Forwarded_For=CLIENT), 401, source)
        last_failure(server, source)
    # through it: it adds the address that it sees to what the client sent
    for sent in (CLIENT, f"{CLIENT}, 10.0.0.7", f"{CLIENT}, {PROXY}",
                 "\"", f"for={CLIENT}", f"\"{CLIENT}, "):
        equal(ask(server, token, X_Forwarded_For=f"{sent}, 198.51.100.77"),
              401, sent)
    last_failure(server, "198.51.100.77")
    # nor does an open quote keep it out of the records
    equal(ask(server, token, X_Forwarded_For='", 198.51.100.78'), 401, "quote")
    last_failure(server, "198.51.100.78")
    # by the header that this proxy does not write
    equal(ask(server, token, Forwarded=f"for={CLIENT}"), 401, "Forwarded")
    equal(ask(server, token, X_Forwarded_For="198.51.100.77",
              Forwarded=f"for={CLIENT}"), 401, "both")
    equal(ask(server, token, X_Real_IP=CLIENT), 401, "X-Real-IP")


def test_unknown(server):
    """What cannot be understood is nobody's address."""
    token = limited(server, "unknown")
    local = server.add("local", "--from", "127.0.0.0/8")
    within("in force", 5, lambda: ask(server, local) == 200)
    for hop in "unknown", "_hidden", "unix:", "unix:0", "999.1.1.1", "[::1":
        equal(ask(server, token, X_Forwarded_For=hop), 401, hop)
        equal(ask(server, local, X_Forwarded_For=hop), 401, hop)
        equal(ask(server, server.token, X_Forwarded_For=hop), 200, hop)
    last_failure(server, "unknown")


def test_many_lines(server):
    token = limited(server, "lines")
    head = (f"POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
            f"{token}\r\nContent-Type: application/json\r\nContent-Length: "
            f"{len(initialize())}\r\nX-Forwarded-For: %s\r\n"
            "X-Forwarded-For: %s\r\n\r\n")

    def status(*lines):
        with Connection(server, source=PROXY) as c:
            c.send((head % lines).encode() + initialize())
            return c.reply().status

    within("in force", 5, lambda: status("198.51.100.1", CLIENT) == 200)
    equal(status(CLIENT, "198.51.100.1"), 401, "the last line counts")


def test_connections_of_a_proxy(server):
    """It has many clients: the limit for one address is not its own."""
    conns = [Connection(server, source=PROXY) for _ in range(20)]
    for c in conns:
        equal(c.request("GET", "/healthz").status, 200, "of the proxy")
    direct = [Connection(server, source=OTHER) for _ in range(12)]
    # which of them is the server's choice: it may let them in in any order
    closed = within("control: four of another address", 10, lambda: (
        found := [c for c in direct if c.closed(0)])[3:] and found)
    equal(len(closed), 4, "closed")
    for c in direct:
        if c not in closed:
            equal(c.request("GET", "/healthz").status, 200, "one of eight")
    for c in conns + direct:
        c.close()


def test_forwarded(server):
    """The same by RFC 7239, when it is said that the proxy writes that."""
    token = limited(server, "rfc")
    server.config["forwarded_header"] = "forwarded"
    server.write()
    server.reload_ends("success", "reload")
    try:
        within("in force", 5, lambda: ask(
            server, token, Forwarded=f"for={CLIENT};proto=https") == 200)
        equal(ask(server, token, Forwarded=f"for=127.0.0.1, for={CLIENT}"),
              200, "the last one")
        for hops in (f"for={CLIENT}, for=198.51.100.1", f"for=\"{CLIENT}",
                     f"for={CLIENT};for={CLIENT}", "for=unknown"):
            equal(ask(server, token, Forwarded=hops), 401, hops)
        equal(ask(server, token, X_Forwarded_For=CLIENT), 401, "the other")
        equal(ask(server, token, OTHER, Forwarded=f"for={CLIENT}"), 401,
              "past the proxy")
    finally:
        del server.config["forwarded_header"]
        server.write()
        server.reload()
