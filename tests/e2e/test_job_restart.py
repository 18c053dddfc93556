# SPDX-License-Identifier: MIT
"""What is left of jobs when the executor was killed, and is there again."""
import hashlib
import os
import re

from client import REVISIONS, Server, check, equal, within
from modern import Modern
from test_budget import fill, small_disk
from test_jobs import NONE, body, ended, first, output, start
from test_tasks import create, get, result, settled

JOBS = {"at_once": 6, "max_seconds": 60, "keep_seconds": 600, "keep": 8,
        "wait_ms": 20000, "output_bytes": 1 << 20}
POLICY = {"structured": False, "text": "clean", "jobs": JOBS}
LOST = "the server was restarted while it ran"
RANGE = re.compile(r"^bytes (\d+) to (\d+) follow", re.M)
LINES = "for i in $(seq 20000); do echo line $i; done"


def crash(server):
    server.kill()
    server.start()


def kept(server):
    """The files of runs that the next executor would know."""
    return sorted(p.name for p in server.dir.glob("recordings/jobs/*"))


def listed(c, job):
    row = [r for r in c.call("job_list").text.split("\n") if job in r]
    equal(len(row), 1, job)
    return row[0]


def whole(c, job):
    """Digest of all its output, range by range, and how much that is."""
    digest, at = hashlib.sha256(), 0
    while True:
        text = output(c, job, cursor=at)
        said = RANGE.search(text)
        if said is None or int(said[2]) == at:
            return digest.hexdigest(), at
        digest.update(body(text).encode())
        at = int(said[2])


def test_ended():
    """The same bytes, the same end, the same views, for nobody else."""
    with Server(policy=POLICY) as server:
        other = server.add("other")
        with server.http() as c:
            job = start(c, LINES + "; echo no >&2; exit 3", name="lines")
            said = ended(c, job)
            before, view = whole(c, job), c.call(
                "job_output", job=job, view="grep line 777$").text
            row = listed(c, job)
            c.sh("echo control: no job")
            task = create(c, "echo out; exit 0")
            settled(c, task)
        check(before[1] > 200000, "control", before)
        equal(len(kept(server)), 4, "two files each, of these two alone")
        for _ in range(2):
            crash(server)
            for client in [lambda r=r: server.http(revision=r)
                           for r in REVISIONS] + [lambda: Modern(server)]:
                with client() as c:
                    equal(first(output(c, job)), first(said), "the end")
            with server.http() as c:
                equal(whole(c, job), before, "output")
                equal(listed(c, job), row, "job_list")
                check("line 777\n" in view and view == c.call(
                    "job_output", job=job,
                    view="grep line 777$").text, view)
                check("control: no job" not in c.call("job_list").text,
                      "an ordinary run is not kept")
                equal(get(c, task)["status"], "completed", "task")
                equal(result(c, task)["content"][0]["text"], "out\n", "result")
            with server.http(token=other) as c:
                check(NONE in c.call("job_output", job=job).text, "another's")
                check(job not in c.call("job_list").text, "another's list")
        equal({p.stat().st_mode & 0o777
               for p in server.dir.glob("recordings/jobs/*")}, {0o600}, "mode")
        equal((server.dir / "recordings/jobs").stat().st_mode & 0o777, 0o700,
              "mode of the folder")
        secret = hashlib.sha256(hashlib.sha256(
            server.token.encode()).digest()).digest()
        check(not any(secret in p.read_bytes()
                      for p in server.dir.glob("recordings/jobs/*.job")),
              "no verifier is in it")
        check(job not in server.ctl("runs"), "mcp-execctl runs")


def test_running():
    """Lost, with what there is of it; the log is whole; then it may go."""
    with Server(policy=POLICY) as server:
        with server.http() as c:
            job = start(c, LINES + "; touch done; sleep 50")
            task = create(c, "echo half; touch half; sleep 50")
            within(
                "both wrote", 20, lambda: (server.work / "done").exists() and
                (server.work / "half").exists())
            within("all of it is read", 10, lambda: "line 20000\n" in
                   c.call("job_output", job=job, view="tail").text)
            before = whole(c, job)
            within("half", 5, lambda: get(c, task)["status"] == "working")
        crash(server)
        with server.http() as c:
            text = output(c, job)
            check("lost" in first(text) or LOST in text, text[:300])
            check(LOST in text, text[:300])
            equal(whole(c, job), before, "output up to then")
            check("lost" in listed(c, job), listed(c, job))
            equal(get(c, task)["status"], "failed", "task")
            check(LOST in str(result(c, task)), result(c, task))
            r = c.call("job_stop", job=job)
            check("running" not in first(r.text), r)
        lost = server.audit("run-result")
        equal({r["run.id"]: r["run.state"] for r in lost if
               r["run.id"] == job}, {job: "lost"}, "the record")
        server.ctl("audit", "verify")
        crash(server)
        with server.http() as c:
            equal(whole(c, job), before, "once more")


def test_gone_meanwhile():
    """What a revoked token left, and one that may have no jobs any more."""
    with Server(policy=POLICY) as server:
        gone = server.add("gone")
        server.add_policy("poor")
        poor = server.add("poor", policy="poor")
        jobs = {}
        for token in None, gone, poor:
            with server.http(token=token) as c:
                jobs[token] = start(c, "echo out")
                ended(c, jobs[token])
        equal(len(kept(server)), 6, "control")
        live = server.add("live")
        with server.http(token=live) as c:
            ended(c, start(c, "echo out"))
        equal(len(kept(server)), 8, "control")
        server.ctl("token", "revoke", "live")
        within("revoked while it runs", 5, lambda: len(kept(server)) == 6)
        server.kill()
        for path in (server.dir / "tokens.d").glob("gone*"):
            path.unlink()
        policy = server.dir / "policies.d/poor.json"
        policy.write_text(re.sub(r'"jobs": \{[^}]*\},? ?', "",
                                 policy.read_text()).replace(", }", "}"))
        server.start()
        equal(kept(server), [f"{jobs[None]}.job", f"{jobs[None]}.out"], "left")
        with server.http() as c:
            check("out\n" in output(c, jobs[None]), "control")


def test_age():
    """keep_seconds goes on from the end, also while nobody is there."""
    with Server(policy={**POLICY, "jobs": {**JOBS, "keep_seconds": 10}}
                ) as server:
        with server.http() as c:
            job = start(c, "echo out")
            ended(c, job)
            crash(server)
        with server.http() as c:
            within("it is kept no longer", 30, lambda: NONE in c.call(
                "job_output", job=job).text, step=.2)
        within("nor is its file", 5, lambda: not kept(server))


def test_since_a_reload():
    """Where no policy had jobs at the start, and so no file was there."""
    with Server(policy={"structured": False, "text": "clean"}) as server:
        check(not kept(server), "control")
        server.add_policy("rich", jobs=JOBS)
        token = server.add("rich", policy="rich")
        with server.http(token=token) as c:
            job = start(c, "echo out")
            ended(c, job)
        equal(len(kept(server)), 2, "kept")
        server.reload()
        crash(server)
        with server.http(token=token) as c:
            check("out\n" in output(c, job), "known again")


def test_strange_files():
    """None is followed or shown, and the server starts."""
    with Server(policy=POLICY) as server:
        with server.http() as c:
            job = start(c, "echo out")
            ended(c, job)
        server.kill()
        folder = server.dir / "recordings/jobs"
        (server.dir / "secret").write_text("secret")
        for n in range(3):
            (folder / f"{n:032x}.job").symlink_to(server.dir / "secret")
        os.mkfifo(folder / f"{3:032x}.job")
        (folder / f"{4:032x}.out").write_text("orphan")
        (folder / "notes").write_text("mine")
        server.start()
        equal(kept(server), sorted([f"{job}.job", f"{job}.out", "notes"]),
              "left")
        equal((server.dir / "secret").read_text(), "secret", "it is as it was")
        check(server.log().count("is kept no longer") == 4, server.log())
        check("recordings has 1 file of others" in server.log(), server.log())
        with server.http() as c:
            check("out\n" in output(c, job), "control")
        server.kill()
        elsewhere = server.dir / "elsewhere"
        folder.rename(elsewhere)
        folder.symlink_to(elsewhere)
        server.start()
        with server.http() as c:
            check(NONE in c.call("job_output", job=job).text, "not followed")
            equal(c.sh("echo on").text, "on\n", "runs go on")
        folder.unlink()
        server.kill()
        elsewhere.rename(folder)
        server.start()
        with server.http() as c:
            check("out\n" in output(c, job), "it is there again")


def test_full_disk():
    """A gap is a gap after a restart, and every byte besides is right."""
    with small_disk(8) as disk:
        with Server({"recordings": {"directory": str(disk / "rec"),
                                    "max_bytes": 1 << 30}},
                    {**POLICY, "jobs": {**JOBS, "output_bytes": 4 << 20}}
                    ) as server:
            with server.http() as c:
                job = start(c, LINES + "; touch one; read x; " + LINES +
                            "; touch two; read x; echo last; touch three; "
                            "sleep 50", input=True)
                within("first", 20, (server.work / "one").exists)
                size = within("all of it", 10, lambda: whole(c, job)
                              if "line 20000\n" in c.call(
                                  "job_output", job=job, view="tail").text
                              else None)
                ends = start(c, "echo a; touch four; read x; exit 4",
                             input=True)
                within("fourth", 20, (server.work / "four").exists)
                fill(disk / "ballast")
                c.call("job_input", job=ends, data="x\n")
                within("its end", 10,
                       lambda: "status 4" in first(output(c, ends)))
                c.call("job_input", job=job, data="x\n")
                within("second", 20, (server.work / "two").exists)
                within("a gap", 10, lambda: "not kept" in c.call(
                    "job_output", job=job, cursor=size[1]).text or
                    "lost" in c.call("job_output", job=job,
                                     cursor=size[1]).text)
                late = start(c, "echo late; sleep 50")
                (disk / "ballast").unlink()
                c.call("job_input", job=job, data="x\n")
                within("third", 20, (server.work / "three").exists)
                within("the last", 10, lambda: "last\n" in c.call(
                    "job_output", job=job, view="tail").text)
            crash(server)
            with server.http() as c:
                text = output(c, job, cursor=0)
                check("line 1\nline 2\n" in text, text[:400])
                check("last\n" in c.call("job_output", job=job,
                                         view="tail").text, "after the gap")
                check(LOST in text, text[:300])
                check("status 4" in first(output(c, ends)) and
                      "a\n" in output(c, ends), "the end on a full disk")
                check(NONE in c.call("job_output", job=late).text or
                      LOST in c.call("job_output", job=late).text, "late")
