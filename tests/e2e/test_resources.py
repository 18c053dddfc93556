# SPDX-License-Identifier: MIT
"""Resources, completions and results that are not text, in all revisions."""
import base64
import json
import os
import random
import time
import zlib

from client import (NEWEST, REVISIONS, Connection, Http, RpcError, Server,
                    Sse, check, equal, message, one, parse, within)
from modern import META, Events, Modern, meta

SERVER = {"policy": {"audit": {"output": "all"}}}
ANY_RUN = "0123456789abcdef0123456789abcdef"
TEMPLATE = "exec://runs/{id}/{stream}{?offset,length}"


def clients(server):
    """One of each revision and transport."""
    for revision in REVISIONS:
        with Http(server, revision=revision) as c:
            yield revision, c
    with Sse(server) as c:
        yield REVISIONS[0], c
    with Modern(server) as c:
        yield "2026-07-28", c


def read(c, uri, **more):
    return c.ask("resources/read", {"uri": uri}, **more)["contents"]


def refused(code, ask, *args):
    """The error that comes of it."""
    try:
        result = ask(*args)
    except RpcError as e:
        equal(e.code, code, e.message)
        return e
    raise AssertionError(f"no error {code} but {result}")


def output(run, stream="stdout", **query):
    text = "&".join(f"{k}={v}" for k, v in query.items())
    return f"exec://runs/{run}/{stream}" + ("?" + text if text else "")


def data_of(content):
    """The bytes of a content."""
    check(("text" in content) != ("blob" in content), content)
    if "text" in content:
        return content["text"].encode()
    return base64.b64decode(content["blob"], validate=True)


def run_id(server, c, command, **more):
    """Run it; the id of the run by exec://runs, as any revision has it."""
    r = c.sh(command, **more)
    runs = json.loads(read(c, "exec://runs")[0]["text"])["runs"]
    return runs[0]["run_id"], r


def test_lists(server):
    for revision, c in clients(server):
        run, _ = run_id(server, c, "echo listed; echo bad >&2")
        result = c.ask("resources/list")
        uris = [r["uri"] for r in result["resources"]]
        equal(uris[:2], ["exec://policy", "exec://runs"], revision)
        equal(uris[2:4], [output(run), output(run, "stderr")], revision)
        equal([r.get("size") for r in result["resources"][2:4]], [7, 4])
        equal("title" in result["resources"][0], revision >= "2025-06-18",
              revision)
        modern = revision > NEWEST
        equal("ttlMs" in result and "cacheScope" in result, modern, revision)
        templates = c.ask("resources/templates/list")
        equal([t["uriTemplate"] for t in templates["resourceTemplates"]],
              [TEMPLATE], revision)
        equal("ttlMs" in templates, modern, revision)
        for method in "resources/list", "resources/templates/list":
            refused(-32602, c.ask, method, {"cursor": "next"})


def test_policy(server):
    for revision, c in clients(server):
        content, = read(c, "exec://policy")
        equal((content["uri"], content["mimeType"]),
              ("exec://policy", "text/markdown"), revision)
        text = content["text"]
        check(str(server.work) in text and "# Policy" in text, text)
        check("`CI`" in text and "network" in text.lower(), text)


def test_runs(server):
    with server.http() as c:
        c.sh("exit 3")
        c.sh("kill -9 $$")
        conn = c.begin("until [ -e go ]; do sleep 0.05; done")
        within("it runs", 5, lambda: json.loads(read(c, "exec://runs")[0][
            "text"])["runs"][0]["state"] == "running")
        listed = json.loads(read(c, "exec://runs")[0]["text"])
        equal([r["state"] for r in listed["runs"][:3]],
              ["running", "signalled", "exited"], listed)
        equal((listed["runs"][1]["signal"], listed["runs"][2]["exit_code"]),
              (9, 3), listed)
        (server.work / "go").touch()
        c.finish(conn)
        conn.close()


def test_ranges(server):
    """Any range of any bytes comes back, whatever they are."""
    with server.http() as c:
        rng = random.Random(4)
        want = bytes(rng.choice(b"abc\n\r\xc3\xa9\xff\x00\x1b")
                     for _ in range(60000))
        (server.work / "bytes").write_bytes(want)
        os.chmod(server.work / "bytes", 0o644)
        run, _ = run_id(server, c, "cat bytes")
        for _ in range(25):
            at, n = rng.randrange(70000), rng.randrange(1, 20000)
            content = read(c, output(run, offset=at, length=n))[0]
            equal(data_of(content), want[at:at + n], f"{at} {n}")
        equal(data_of(read(c, output(run, length=1))[0]), want[:1])
        equal(data_of(read(c, output(run, offset=len(want)))[0]), b"")
        equal(data_of(read(c, output(run, offset=2**63 - 1))[0]), b"")
        for bad in ("offset=-1", "offset=", "length=0", "x=1", "offset=1e3",
                    "offset=1&offset=1", ""):
            refused(-32602, read, c, output(run) + "?" + bad)


def test_large_output_in_turn(server):
    """What was cut is linked to, and comes back piece by piece."""
    want = "".join(f"é{i}\n" for i in range(1, 120001))
    for revision, c in clients(server):
        run, r = run_id(server, c, "seq -f 'é%.0f' 1 120000")
        check("left out" in r.text, "not cut")
        links = [b for b in r.raw["content"] if b["type"] == "resource_link"]
        if revision >= "2025-06-18":
            equal(len(links), 1, "links")
            equal((links[0]["uri"], links[0]["size"]),
                  (output(run), len(want.encode())))
        else:
            equal(links, [], revision)
            check(output(run) in r.text, "not told", r.text[-200:])
        if revision not in (REVISIONS[0], "2026-07-28"):
            continue
        got, uri = "", output(run)
        for _ in range(100):
            contents = read(c, uri)
            check("text" in contents[0], "a character was cut in two")
            got += contents[0]["text"]
            if len(contents) == 1:
                break
            uri = contents[1]["uri"]
            check("continue with " + uri in contents[1]["text"], contents[1])
        check(got == want, f"{len(got)} characters, not {len(want)}")


def test_not_found(server):
    for revision, c in clients(server):
        code = -32602 if revision > NEWEST else -32002
        for uri in ("exec://nothing", output(ANY_RUN), "file:///etc/passwd",
                    output("../policy"), output(ANY_RUN.upper()),
                    output(ANY_RUN, "stdin"), "exec://policy?x=1", ""):
            if not uri and revision > NEWEST:
                continue        # a header cannot be empty
            e = refused(code, read, c, uri)
            if uri:
                equal(e.data, {"uri": uri}, "data")
        # without a URI there is no header with it, which comes first
        code = -32020 if revision > NEWEST else -32602
        refused(code, c.ask, "resources/read", {})
        refused(code, c.ask, "resources/read", {"uri": 7})


def test_bound_to_the_token(server):
    """Another token finds nothing, nor does it after the first is gone."""
    other = server.add("other")
    first = server.add("first")
    with server.http(token=first) as c, server.http(token=other) as d:
        run, _ = run_id(server, c, "echo mine")
        equal(read(c, output(run))[0]["text"], "mine\n", "control")
        e = refused(-32002, read, d, output(run))
        equal(e.message, refused(-32002, read, d, output(ANY_RUN)).message,
              "they can be told apart")
        check(run not in read(d, "exec://runs")[0]["text"], "listed")
        check(run not in json.dumps(d.ask("resources/list")), "listed")
        ref = {"type": "ref/resource", "uri": TEMPLATE}
        got = d.ask("completion/complete", {
            "ref": ref, "argument": {"name": "id", "value": run[:4]}})
        check(run not in got["completion"]["values"], got)
        # of the same name, and not the same
        server.ctl("token", "revoke", "first")
        again = server.add("first")
        with server.http(token=again) as f:
            refused(-32002, read, f, output(run))
    server.ctl("token", "revoke", "other")
    server.ctl("token", "revoke", "first")


def test_not_kept(_):
    with Server() as server, server.http() as c:
        run, r = run_id(server, c, "seq 1 100000")
        check(r.data["truncated"], "control")
        equal([b["type"] for b in r.raw["content"]], ["text"], "a link")
        e = refused(-32002, read, c, output(run))
        check("audit.output" in e.message, e.message)
        equal(len(c.ask("resources/list")["resources"]), 2)
    with Server(policy={"audit": {"output": "tail",
                                  "output_bytes": 8192}}) as server, \
            server.http() as c:
        run, r = run_id(server, c, "seq 1 100000")
        content = read(c, output(run))[0]
        check("?offset=" in content["uri"], content["uri"])
        check(content["text"].endswith("\n99999\n100000\n"), "the end")


def test_found_after_a_restart(_):
    with Server(**SERVER) as server:
        with server.http() as c:
            run, _ = run_id(server, c, "echo before; exit 3")
        server.stop()
        server.process = None
        server.start()
        other = server.add("other")
        with server.http() as c, server.http(token=other) as d:
            listed = json.loads(read(c, "exec://runs")[0]["text"])["runs"]
            equal([(r["run_id"], r["state"], r["exit_code"], r["stdout_bytes"])
                   for r in listed], [(run, "exited", 3, 7)], "runs")
            equal(read(c, output(run))[0]["text"], "before\n")
            refused(-32002, read, d, output(run))


def counted(server):
    n = json.loads(server.ctl("audit", "stats", "--json"))
    return n["runs"], n["open"]


def test_reads_are_no_runs(_):
    """What names a run that has ended, or none, does not begin one."""
    with Server(**SERVER) as server, server.http() as c:
        run, _ = run_id(server, c, "echo kept")
        within("a result", 5, lambda: server.audit("run-result"))
        equal(counted(server), (1, 0), "control")
        equal(read(c, output(run))[0]["text"], "kept\n")
        within("a record of it", 5, lambda: server.audit("recording-read"))
        equal(counted(server), (1, 0), "a read")
        with c.begin("sleep 60"):
            within("it began", 10,
                   lambda: len(server.audit("run-intent")) == 2)
            equal(counted(server), (1, 1), "one that goes on")


def test_completions(server):
    for revision, c in clients(server):
        run, _ = run_id(server, c, "echo x")

        def complete(name, value, uri=TEMPLATE):
            return c.ask("completion/complete", {
                "ref": {"type": "ref/resource", "uri": uri},
                "argument": {"name": name, "value": value}})["completion"]
        equal(complete("id", run[:8])["values"], [run], revision)
        check(run in complete("id", "", "exec://runs/{id}/{stream}")[
            "values"], revision)
        equal(complete("id", "zz"), {"values": [], "total": 0,
                                     "hasMore": False}, revision)
        equal(complete("id", run + "0")["values"], [], revision)
        equal(complete("stream", "std")["values"], ["stdout", "stderr"])
        equal(complete("stream", "stde")["values"], ["stderr"])
        equal(complete("offset", "1")["values"], [], revision)
        refused(-32602, complete, "id", "", "exec://other")
        refused(-32602, c.ask, "completion/complete", {})


def test_watching(server):
    """updated and list_changed, to those who asked for them."""
    with server.http() as c, server.http() as plain:
        streams = []
        for client in c, plain:
            conn = Connection(server)
            conn.send(b"GET /mcp HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                      % conn.port + "".join(
                          f"{k}: {v}\r\n" for k, v in {
                              **client.headers(),
                              "Accept": "text/event-stream"}.items()
                          if k != "Content-Type").encode() + b"\r\n")
            streams.append((conn, Events(conn)))
        c.ask("resources/list")
        plain.ask("resources/list")
        equal(c.ask("resources/subscribe", {"uri": "exec://runs"}), {})
        refused(-32002, c.ask, "resources/subscribe", {"uri": "exec://x"})
        refused(-32602, c.ask, "resources/subscribe", {})
        c.sh("echo noticed")
        wanted = {("notifications/resources/updated", "exec://runs"),
                  ("notifications/resources/list_changed", None)}
        got = set()
        while got != wanted:
            got.add(notice(streams[0][1]))
            check(got <= wanted, got)
        equal(notice(streams[1][1]),
              ("notifications/resources/list_changed", None), "the other")
        equal(c.ask("resources/unsubscribe", {"uri": "exec://runs"}), {})
        for conn, _ in streams:
            conn.close()


def notice(events):
    """The next one: (method, uri or None); the priming event is none."""
    conn = events.conn
    while True:
        while b"\n\n" not in events.text:
            events.text += conn.chunk()
        block, _, events.text = events.text.partition(b"\n\n")
        for line in block.split(b"\n"):
            if line.startswith(b"data: {"):
                m = json.loads(line[6:])
                return m["method"], m.get("params", {}).get("uri")


def test_watching_stateless(server):
    with Modern(server) as c:
        conn = Connection(server)
        params = {"_meta": meta(), "notifications": {
            "resourcesListChanged": True,
            "resourceSubscriptions": ["exec://policy"]}}
        body = message("subscriptions/listen", params, 9)
        conn.send(("POST /mcp HTTP/1.1\r\n" + "".join(
            f"{k}: {v}\r\n" for k, v in {
                "Host": f"127.0.0.1:{conn.port}",
                "Content-Length": len(body),
                **c.headers("subscriptions/listen", params)}.items())
            + "\r\n").encode() + body)
        events = Events(conn)
        equal(next(events)["params"]["notifications"],
              params["notifications"], "honoured")
        c.sh("echo x")
        equal(next(events)["method"], "notifications/resources/list_changed")
        file = server.dir / "policies.d" / f"{server.name}.json"
        before = file.read_text()
        text = json.loads(before)
        text["description"] = "another"
        file.write_text(json.dumps(text))
        server.reload()
        m = next(events)
        equal((m["method"], m["params"]["uri"]),
              ("notifications/resources/updated", "exec://policy"), m)
        equal(m["params"]["_meta"][META + "subscriptionId"], 9, m)
        check("another" in read(c, "exec://policy")[0]["text"], "policy")
        file.write_text(before)
        server.reload()
        conn.close()


# --- results that are not text --------------------------------------------------

def png():
    def chunk(kind, data):
        body = kind + data
        return (len(data).to_bytes(4, "big") + body
                + zlib.crc32(body).to_bytes(4, "big"))
    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", b"\0\0\0\1\0\0\0\1\x08\2\0\0\0")
            + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
            + chunk(b"IEND", b""))


WAV = (b"RIFF" + (36 + 8).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0\1\0\1\0"
       b"\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0data" + (8).to_bytes(4, "little")
       + b"\x80" * 8)
PDF = b"%PDF-1.4\n" + b"%" * 60 + b"\nstartxref\n9\n%%EOF\n"
FILES = {"a.png": (png(), "image", "image/png"),
         "a.jpg": (b"\xff\xd8\xff\xe0" + b"\1" * 80 + b"\xff\xd9", "image",
                   "image/jpeg"),
         "a.gif": (b"GIF89a" + b"\1" * 20 + b";", "image", "image/gif"),
         "a.wav": (WAV, "audio", "audio/wav"),
         "a.pdf": (PDF, "resource", "application/pdf")}


def test_media(server):
    for name, (raw, _, _) in FILES.items():
        (server.work / name).write_bytes(raw)
        os.chmod(server.work / name, 0o644)
    for revision, c in clients(server):
        for name, (raw, kind, mime) in FILES.items():
            r = c.sh(f"cat {name}; echo told >&2")
            check(not r.error, r)
            block = r.raw["content"][0]
            if kind == "audio" and revision == REVISIONS[0]:
                kind = "resource"
            equal(block["type"], kind, f"{revision} {name}")
            if kind == "resource":
                block = block["resource"]
                check(block["uri"].endswith("/stdout"), block)
            equal((block["mimeType"], base64.b64decode(
                block["blob" if kind == "resource" else "data"])),
                (mime, raw), f"{revision} {name}")
            equal(r.raw["content"][1]["type"], "text", revision)
            check("told\n" in r.text and mime in r.text, r.text)
            if r.data is not None:
                equal((base64.b64decode(r.data["stdout"]),
                       r.data["mime_type"]), (raw, mime), r.data)
                equal(r.data["bytes"]["stdout"], len(raw), r.data)
        r = c.call("cli_command", command="cat a.png")
        equal(r.raw["content"][0]["type"], "image", revision)
        check("RETURNCODE: 0" in r.text, r.text)


def test_not_media(server):
    """What failed, is longer, shorter or cut is not a picture."""
    (server.work / "a.png").write_bytes(png())
    (server.work / "big.png").write_bytes(
        png()[:33] + b"\0" * 400000 + png()[33:])
    for name in "a.png", "big.png":
        os.chmod(server.work / name, 0o644)
    with server.http() as c:
        for command in ("cat a.png; false", "cat a.png; echo",
                        "head -c -1 a.png", "cat big.png", "echo; cat a.png"):
            r = c.sh(command)
            equal(r.raw["content"][0]["type"], "text", command)
        r = c.sh("cat big.png")
        check(r.data["truncated"], "not cut")
        equal(r.raw["content"][1]["type"], "resource_link", "no link")


def test_base64(server):
    raw = bytes(range(256)) * 3
    (server.work / "raw").write_bytes(raw)
    os.chmod(server.work / "raw", 0o644)
    want = base64.b64encode(raw).decode()
    for revision, c in clients(server):
        r = c.sh("cat raw; echo said >&2", encoding="base64")
        equal(r.text, want + "said\n", revision)
        if r.data is not None:
            equal((r.data["stdout"], r.data["encoding"], r.data["stderr"]),
                  (want, "base64", "said\n"), revision)
        r = c.sh("cat raw", encoding="text")
        check("\ufffd" in r.text, revision)
        if revision >= "2025-06-18":
            check("encoding" not in r.data, r.data)
            equal(r.raw["content"][1]["type"], "resource_link",
                  "the bytes can be read")
    with server.http() as c:
        r = c.sh("head -c 400000 /dev/zero", encoding="base64")
        check(r.data["truncated"] and "encoding" not in r.data,
              "cut, and coded as if it were whole")
        for bad in "hex", "", 7, ["base64"]:
            r = c.sh("true", encoding=bad)
            check(r.error and "encoding" in r.text, r)
        m = c.sh("echo -n", encoding=None)
        check(not m.error, m)


def test_revoked_while_reading(server):
    """Reading ends with its token; the server goes on."""
    token = server.add("brief")
    with server.http(token=token) as c:
        run, _ = run_id(server, c, "seq 1 300000")
        with Connection(server) as conn:
            c.send(message("resources/read", {"uri": output(
                run, offset=1500000, length=100000)}, 50), conn)
            server.ctl("token", "revoke", "brief")
            reply = conn.reply()
            check(reply.status in (200, 401, 404), reply)
        within("revoked", 5, lambda: not server.accepts(token))
    with server.http() as d:
        check(not d.sh("true").error, "control")
        within("reads are recorded", 5, lambda: [
            r for r in server.audit("recording-read") if r["run.id"] == run])


def test_many_readers(server):
    """More at once than there is room for: refused in words, none lost."""
    with server.http() as c:
        run, _ = run_id(server, c, "seq 1 200000")
        conns = [Connection(server) for _ in range(60)]
        begin = time.monotonic()
        for i, conn in enumerate(conns):
            c.send(message("resources/read", {"uri": output(
                run, offset=1000000, length=65536)}, 1000 + i), conn)
        answers = [one(parse(conn.reply()), 1000 + i)
                   for i, conn in enumerate(conns)]
        took = time.monotonic() - begin
        good = [a for a in answers if "result" in a]
        bad = [a for a in answers if "error" in a]
        check(len(good) >= 20, f"{len(good)} answers")
        for a in bad:
            check("try again" in a["error"]["message"], a)
        check(len({a["result"]["contents"][0]["text"] for a in good}) == 1,
              "they differ")
        check(took < 60 * server.slow, f"{took:.1f} s")
        for conn in conns:
            conn.close()
        check(not c.sh("true").error, "control")
