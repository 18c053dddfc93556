# SPDX-License-Identifier: MIT
"""The log after a crash, as tests/audit/crash and faults look at it."""
import json

from sealed import CLEAN
from client import equal


def lines(server):
    """Of all files; from the beginning if one was rotated away meanwhile."""
    while True:
        try:
            return [line for path in server.log_dir.iterdir()
                    if path.name.startswith("audit.jsonl")
                    for line in path.read_bytes().splitlines()]
        except FileNotFoundError:
            pass


def records(server):
    found = []
    for line in lines(server):
        try:
            found.append(json.loads(line))
        except ValueError:
            pass                # torn by a crash: verify judges it
    return sorted(found, key=lambda r: r["event.sequence"])


def ran(server):
    path = server.work / "ran"
    return path.read_text().split() if path.exists() else []


def open_runs(server):
    all_of_it = records(server)
    return ({r["run.id"] for r in all_of_it
             if r["event.action"] == "run-intent"} -
            {r["run.id"] for r in all_of_it
             if r["event.action"] == "run-result"})


def examine(server):
    """The log as it is after a start."""
    status, out = server.verify()
    equal(status, CLEAN, out)
    all_of_it = records(server)
    numbers = [r["event.sequence"] for r in all_of_it]
    equal(numbers, list(range(1, len(numbers) + 1)), "sequence")
    intents = {r["run.id"]: r["process.command_line"] for r in all_of_it
               if r["event.action"] == "run-intent"}
    results = [r["run.id"] for r in all_of_it
               if r["event.action"] == "run-result"]
    equal(len(results), len(set(results)), "one result a run")
    equal(set(intents) - set(results), set(), "open runs")
    announced = {command.split()[1] for command in intents.values()}
    equal(set(ran(server)) - announced, set(), "ran without an intent")
    return all_of_it
