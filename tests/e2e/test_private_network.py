# SPDX-License-Identifier: MIT
"""In a unit with PrivateNetwork=yes: the listener is the service manager's,
and what the network that leads nowhere cannot give is refused.

The test plays the manager, in the machine's network; the server is in one of
its own.
"""
import contextlib
import json
import shutil

from client import ROOT, Skip, check, equal, within
from test_service import Manager

UNSHARE = [shutil.which("unshare") or "unshare",
           *([] if ROOT else ["--map-current-user"]), "-n"]


class Private(Manager):
    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        if shutil.which("unshare") is None:
            raise Skip("unshare(1) is missing")
        self.around = UNSHARE

    def command(self):
        plain, self.wrapper = self.wrapper, [*self.around, *self.wrapper]
        try:
            return super().command()
        finally:
            self.wrapper = plain


@contextlib.contextmanager
def prepared(**more):
    """One that a test starts itself."""
    s = Private(**more)
    try:
        yield s
        s.stop()
    finally:
        s.remove()


def policy(server, network):
    path = server.dir / "policies.d/test.json"
    keys = json.loads(path.read_text())
    path.write_text(json.dumps({**keys, "network": network}))


def test_listener_of_the_manager():
    """Clients of the machine's network get through; commands do not."""
    with prepared() as s:
        policy(s, "loopback")
        s.start()
        with s.http() as c:
            r = c.sh("cat /proc/net/dev | grep -c :; echo in")
            check(r.text.startswith("1\nin\n"), r)


def test_host_is_refused():
    with prepared() as s:
        policy(s, "host")
        s.fails("test.json", '"host" would be empty', "host-network.conf",
                status=78)
        s.around = []           # the control
        s.start()
        with s.http() as c:
            check("in" in c.sh("echo in").text, "control")


def test_told_by_notify_socket():
    """Nothing is handed over: where the notifications go tells it."""
    with prepared(sockets=[]) as s:
        s.config_file.write_text(json.dumps({
            **json.loads(s.config_file.read_text()),
            "listen": [f"unix:{s.dir}/http"]}))
        policy(s, "host")
        s.fails("test.json", '"host" would be empty', status=78)
        s.around = []           # the control
        s.start()


def test_own_address_is_refused():
    """Nobody could connect to it."""
    with prepared(sockets=[]) as s:
        s.fails("PrivateNetwork=yes", "ListenStream=")
        s.around = []
        s.start()


def test_reload_keeps_what_was():
    with prepared() as s:
        s.start()
        policy(s, "host")
        s.process.send_signal(1)
        said = within("the reload is recorded", 5, lambda: s.audit("reload"))
        equal(said[-1]["event.outcome"], "failure", said)
        check('"host" would be empty' in said[-1]["event.reason"], said)
        with s.http() as c:
            check("in" in c.sh("echo in").text, "still in force")
