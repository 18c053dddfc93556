# SPDX-License-Identifier: MIT
"""What the tests of the sealed audit log share."""
import pathlib
import shutil
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True
TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "e2e"))
sys.path.insert(0, str(TESTS))
import client  # noqa: E402,F401

CLEAN, BAD, USAGE = 0, 1, 2


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def run(self, name, test, *args):
        start = time.monotonic()
        try:
            test(*args)
        except Exception as e:
            self.failed += 1
            print(f"FAIL {name}: {type(e).__name__} {e}", flush=True)
            for f in traceback.extract_tb(e.__traceback__):
                print(f"    {pathlib.Path(f.filename).name}:{f.lineno}")
            return
        self.passed += 1
        took = time.monotonic() - start
        print(f"ok {name}" + (f" ({took:.1f} s)" if took > 2 else ""),
              flush=True)

    def close(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


class Sealed(client.Server):
    """An instance, the log of which is sealed."""

    def __init__(self, rotate_bytes=0, keep=0, **more):
        super().__init__(config={"audit": {"rotate_bytes": rotate_bytes,
                                           "keep": keep}}, **more)
        self.key = self.ctl("audit", "seal-init").strip()

    @property
    def log_dir(self):
        return self.audit_file.parent

    def verify(self, *args, key=True):
        """(status, output) of mcp-execctl audit verify."""
        return verify(self, *args, key=self.key if key else None)


def verify(server, *args, key=None):
    argv = [server.build / "mcp-execctl", "-c", server.config_file, "audit",
            "verify"]
    if key is not None:
        argv += ["--key-file", "-"]
    run = subprocess.run([*argv, *args], input=(key or "") + "\n", text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         errors="replace", timeout=300)
    return run.returncode, run.stdout


def copy_tree(source, target):
    """The log's directory as it is, with owners and modes."""
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(source, target)
    return target
