# SPDX-License-Identifier: MIT
"""Working directories that a caller names, and races around them."""
import os

import sandbox_env
from sandbox_env import SECRET, Attack, add, case, client, once, says


def into(name, where, **more):
    """A call with that working directory must not see the place outside."""
    return Attack(f"paths.{name}", "cat secret; pwd -P", says(SECRET),
                  direct=f"cd -P '{where}' && cat secret", may_refuse=True,
                  working_dir=where, **more)


def link_out(w):
    path = w.path("{work}/way")
    path.unlink(missing_ok=True)
    path.symlink_to(w.text("{out}"))
    w.own(path)


add(
    into("dotdot", "../out"),
    into("dotdot_inside", "sub/../../out"),
    into("dotdot_slash", "..//out/"),
    into("absolute", "{out}"),
    into("absolute_dotdot", "{work}/../out"),
    into("absolute_sibling", "{work}evil"),
    into("relative_sibling", "../workevil"),
    into("symlink", "way", before=link_out),
    into("symlink_slash", "way/", before=link_out),
    into("symlink_dot", "./way/.", before=link_out),
    into("proc_cwd", "/proc/self/cwd/../out"),
    into("proc_root", "/proc/self/root{out}"),
)


def goes(where, inside):
    """Where a call with that working directory begins."""
    def run(w):
        r = w.call("pwd -P", working_dir=w.text(where))
        if inside is None:
            client.check(r.error, "was taken:", r)
            client.check(r.data is None or not r.data.get("stdout"), r)
        else:
            client.equal(r.text.strip(), w.text(inside), where)
    return run


for name, where, inside in (
        ("empty", "", "{work}"), ("dot", ".", "{work}"),
        ("sub", "sub", "{work}/sub"), ("sub_slash", "sub//", "{work}/sub"),
        ("absolute_inside", "{work}/sub", "{work}/sub"),
        ("sub_dotdot", "sub/..", "{work}"),
        ("root", "/", None), ("parent", "..", None),
        ("no_directory", "plain", None), ("missing", "nothing", None),
        ("nul", "sub\0", None), ("nul_out", "sub\0/../../out", None),
        ("own_descriptor", "/proc/self/fd/4", None),
        ("dev_fd", "/dev/fd/4", None), ("dev_fd3", "/dev/fd/3", None),
        ("guard_cwd", "/proc/1/cwd", None),
        ("self_cwd", "/proc/self/cwd", None),
        ("long", "a/" * 3000, None), ("tilde", "~", None),
        ("device", "/dev/null", None)):
    case(f"paths.goes_{name}")(goes(where, inside))


@case("paths.race_rename")
def race(w):
    """A directory and a link to the outside change names all the time."""
    flip, flop = w.path("{work}/flip"), w.path("{work}/flop")
    w.tidy()
    w.own_made(flip)
    flop.symlink_to(w.text("{out}"))
    w.own(flop)
    inside = refused = 0
    with w.beside("{try} swap {work}/flip {work}/flop 30000"):
        seen = [SECRET in w.direct("cd flip && cat secret")
                for _ in range(30)]
        client.check(any(seen), "the control never got outside")
        for n in range(400):
            if n > 150 and inside and refused:
                break
            r = w.call("cat secret; pwd -P; cat ../out/secret",
                       working_dir="flip")
            client.check(SECRET not in r.text, "came through:", r)
            if r.data and r.data.get("stdout"):
                inside += 1
            else:
                refused += 1
    client.check(inside and refused, "inside", inside, "refused", refused)


@case("paths.says_nothing")
def says_nothing(w):
    """The answer is the same, whatever is where the run may not look."""
    closed, hidden = w.path("{work}/closed"), w.path("{rw}/hidden")
    w.tidy()
    w.own_made(closed)
    (closed / "there").mkdir()
    (closed / "file").write_text("")
    closed.chmod(0)
    (hidden / "there").mkdir(exist_ok=True)
    try:
        names = "there", "file", "nothing", "there/.."
        said = {w.call("pwd", working_dir=f"closed/{n}").text.replace(n, "")
                for n in names}
        client.check(len(said) == 1 and "denied" in said.pop(), said)
        if "mounts" in w.layers:
            client.equal(w.call("pwd", "hidden_jail", working_dir="."
                                ).text.strip(), w.text("{rw}"), "control")
            said = {w.call("pwd", "hidden_jail", working_dir=f"hidden/{n}"
                           ).text.replace(n, "") for n in names}
            client.check(len(said) == 1 and "denied" in said.pop(), said)
    finally:
        closed.chmod(0o755)
        (hidden / "there").rmdir()


@case("paths.narrowed_keeps_rules")
def keeps_rules(w):
    """Narrowed to a part, what the policy protects and hides there stays."""
    sandbox_env.with_mounts(w)
    for token, top in ("hidden_jail", ""), ("hidden_narrow", "up/"):
        w.file(w.path("{rw}/up/lib/vendor/code"), "as it was\n")
        near = "" if token == "hidden_narrow" else "up/"
        out = w.inside(f"cat {near}conf/keys/secret {near}env; "
                       f"echo x >{near}lib/vendor/code; "
                       f"echo x >{near}lib/name; echo y >{near}free; "
                       f"cat {near}free", token)
        client.check(SECRET not in out and "y\n" in out, top, out)
        client.equal(w.path("{rw}/up/lib/vendor/code").read_text(),
                     "as it was\n", top)
        client.check(not w.path("{rw}/up/lib/name").exists(), "protected")
        w.path("{rw}/up/free").unlink()


@case("paths.directory_replaced")
def replaced(w):
    """The policy's directory is that of the load, whatever its name leads
    to later: with mounts the name is looked up again, and must not lead to
    more than its user may see."""
    sub = w.path("{work}/gone")
    w.own_made(sub)
    r = w.call("pwd -P; ls", working_dir="gone")
    client.equal(r.text.split()[0], w.text("{work}/gone"), "before")
    sub.rmdir()
    sub.symlink_to(w.text("{out}"))
    try:
        r = w.call("cat secret", working_dir="gone")
        client.check(r.error and SECRET not in r.text, r)
    finally:
        sub.unlink()


@case("paths.narrowed_token")
def narrowed(w):
    """A token that is narrowed to a directory reaches nothing around it."""
    r = w.call("pwd -P", "narrow")
    client.equal(r.text.strip(), w.text("{work}/sub"), "begins")
    for where in "..", "{work}", "../out", "{out}", "/":
        r = w.call("pwd -P", "narrow", working_dir=w.text(where))
        client.check(r.error and "pwd" not in r.text, where, r)
    plain = w.path("{work}/plain")
    client.check(plain.read_text() == "inside\n", "plain")
    r = w.call("cat ../plain; cat {work}/plain; ls ..; "
               "echo x >../plain".format(**w.names), "narrow")
    client.equal(plain.read_text(), "inside\n", "around it")
    client.check("inside" not in r.text and "plain\n" not in r.text, r)
    w.call("echo x >{out}/new".format(**w.names), "narrow")
    client.check(not w.path("{out}/new").exists(), "out of the policy's")
    r = w.call("echo y >within; cat within; rm within", "narrow")
    client.equal(r.text.strip(), "y", "inside it")
    w.call("echo x >>plain", "other")
    client.equal(plain.read_text(), "inside\nx\n", "by a token that may")
    w.file(plain, "inside\n")


ON_THE_HOST = "/new", "/old", "/tmp/new", "/tmp/old"
THERE_BEFORE = [name for name in ON_THE_HOST if os.path.exists(name)]


@case("paths.directory_of_the_host_kept")
def kept(w):
    """No place that a run needed is left on the host."""
    client.equal([name for name in ON_THE_HOST if os.path.exists(name)],
                 THERE_BEFORE, "left")
