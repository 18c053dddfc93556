# SPDX-License-Identifier: MIT
"""A place that is mounted twice: a rule holds at both of its paths."""
import contextlib
import os
import pathlib
import subprocess
import tempfile

from client import ROOT, Server, Skip, check, equal

SYSTEM = ["/usr", "/bin", "/lib", "/lib64", "/etc"]


@contextlib.contextmanager
def mounted_twice():
    """A directory in which `w` is seen as `again`, too."""
    if not ROOT:
        raise Skip("mounts a file system")
    with tempfile.TemporaryDirectory() as d:
        top = pathlib.Path(d).resolve()
        top.chmod(0o755)
        for name in "w", "w/hidden", "w/ro", "w/conf", "again":
            (top / name).mkdir()
            (top / name).chmod(0o777)
        for name in "hidden/f", "ro/f", "conf/f", "f":
            (top / "w" / name).write_text("secret\n")
            (top / "w" / name).chmod(0o666)
        done = subprocess.run(["mount", "--bind", top / "w", top / "again"],
                              check=False, capture_output=True)
        if done.returncode != 0:
            raise Skip("nothing can be mounted here")
        try:
            yield top
        finally:
            subprocess.run(["umount", "-l", top / "again"], check=False)


def system():
    return [p for p in SYSTEM if os.path.exists(p)]


def test_hidden():
    with mounted_twice() as top:
        hide = {"files": {"read": [*system(), str(top)],
                          "hide": [str(top / "w/hidden")]}}
        with Server(policy=hide) as server, server.http() as c:
            for place in "w", "again":
                equal(c.sh(f"cat {top}/{place}/f").text, "secret\n", place)
                r = c.sh(f"cat {top}/{place}/hidden/f")
                check(r.error and "secret" not in r.text, place, r)
                check("is hidden from commands" in r.text, place, r)


def test_not_written():
    with mounted_twice() as top:
        keep = {"files": {"read": [*system(), str(top / "w/ro")],
                          "write": [str(top)], "protect": ["w/conf"]}}
        with Server(policy=keep) as server, server.http() as c:
            for place in "w", "again":
                r = c.sh(f"echo {place} >{top}/{place}/f")
                equal((r.error, (top / "w/f").read_text()),
                      (False, f"{place}\n"), "the control")
                for name in "ro", "conf":
                    r = c.sh(f"echo {place} >{top}/{place}/{name}/f")
                    check(r.error, place, name, r)
                    equal((top / "w" / name / "f").read_text(), "secret\n",
                          f"{place} {name}")
