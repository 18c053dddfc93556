# SPDX-License-Identifier: MIT
"""The rooms of the tree: folder, purpose, and the rooms it may include.

A room includes itself and the rooms that stand below it in its program's list;
each list is ordered from the top (what wires everything) to the bottom.
"""
import pathlib

TOP = pathlib.Path(__file__).resolve().parent.parent.parent

BASE = (
    ("proto", "the frames between the two processes"),
    ("common", "what knows nothing of MCP, policies or tools"),
)
FRONTEND = (
    ("frontend", "wiring only"),
    ("frontend/http", "libmicrohttpd: connections, routes and answers"),
    ("frontend/session", "sessions, their posts and event streams"),
    ("frontend/mcp", "JSON-RPC and the methods of MCP"),
    ("frontend/content", "what an answer consists of; pure functions"),
    ("frontend/gate", "who may come in: heads, tokens, penalties"),
    ("frontend/link", "what the executor says, and calls on their way to it"),
    ("frontend/tls", "GnuTLS"),
    ("frontend/process", "the process itself: options and lockdown"),
)
EXECUTOR = (
    ("executor", "wiring only"),
    ("executor/control", "the socket of mcp-execctl"),
    ("executor/service", "processes, sockets and the service manager"),
    ("executor/channel", "the frames of the hostile frontend"),
    ("executor/jobs", "calls about runs that outlive theirs"),
    ("executor/run", "the life of a run, from its request to its result"),
    ("executor/view", "which part of long output a caller is given; pure"),
    ("executor/policy", "policies, tokens and tools from root's files"),
    ("executor/confine", "what the kernel is asked to enforce"),
    ("executor/recording", "the output of runs, kept on disk"),
    ("executor/conf", "reading the configuration"),
    ("executor/audit", "the audit log and its copies"),
    ("executor/power", "what the executor gives away, and who keeps it"),
    ("executor/launcher", "what runs between fork and execve, and watches"),
)
# mcp-execctl: it reads what the executor reads and writes.
CTL = (
    ("executor/ctl/setup", "the first files, and packs of tools"),
    ("executor/ctl/doctor", "what is wrong with this machine or instance"),
    ("executor/ctl/token", "tokens: add, list, revoke"),
    ("executor/ctl/policy", "policies: explain and try"),
    ("executor/ctl/audit", "reading, showing and verifying the log"),
    ("executor/ctl", "verbs that need no room, and what all verbs share"),
)
# main.c of a room wires what stands above it.
WIRING = {"executor/ctl/main.c"}

ALL = FRONTEND + EXECUTOR + CTL + BASE
NAMES = tuple(name for name, _ in ALL)


def may_include(room):
    """The rooms that a file of this one may include."""
    for program, below in ((FRONTEND, BASE), (CTL, EXECUTOR[1:] + BASE),
                           (EXECUTOR, BASE), (BASE, ())):
        names = [name for name, _ in program]
        if room in names:
            below = [name for name, _ in below]
            return {*names[names.index(room):], *below}
    raise KeyError(room)


def files(*endings):
    """Files with such an ending, room by room."""
    return [p for name in NAMES for p in sorted((TOP / name).iterdir())
            if p.name.endswith(endings)]
