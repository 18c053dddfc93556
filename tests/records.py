# SPDX-License-Identifier: MIT
"""Every record of an audit log against packaging/schema/audit.schema.json."""
import functools
import importlib.machinery
import importlib.util
import json
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parent.parent


@functools.cache
def checker():
    """JSON Schema's words as tests/lint/keys knows them, and the schema."""
    loader = importlib.machinery.SourceFileLoader(
        "lint_keys", str(TOP / "tests/lint/keys"))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("lint_keys", loader))
    loader.exec_module(module)
    schema = json.loads((TOP / "packaging/schema/audit.schema.json")
                        .read_text())
    return module.fits, schema


def why(record):
    """What is wrong with it; "" if nothing."""
    fits, schema = checker()
    if fits(record, schema, schema):
        return ""
    for key, value in record.items():
        if key not in schema["properties"]:
            return f"{key} is not in audit.schema.json"
        if not fits(value, schema["properties"][key], schema):
            return f"{key} is {value!r}"
    return "a key is missing"


def problems(path):
    """Findings of each whole line of a log; [] if there are none."""
    found = []
    if not path.exists():
        return found
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            record = json.loads(line)
        except ValueError:
            continue    # made by a test, and told by `audit verify`
        reason = why(record)
        if reason:
            found.append(f"{record.get('event.action')}: {reason}: "
                         f"{line[:300].decode(errors='replace')}")
    return found


class Between:
    """A number that is not known to the last digit."""

    def __init__(self, least, most):
        self.least, self.most = least, most

    def __eq__(self, value):
        return type(value) is int and self.least <= value <= self.most

    def __repr__(self):
        return f"{self.least} to {self.most}"


class Like:
    """A text that matches, all of it."""

    def __init__(self, pattern):
        self.pattern = pattern

    def __eq__(self, value):
        return isinstance(value, str) and \
            re.fullmatch(self.pattern, value, re.S) is not None

    def __repr__(self):
        return f"/{self.pattern}/"


# Of every record: what time it was and where it stands in the log; test_order
# of tests/e2e/test_records.py looks at them.
PLACE = ("v", "event.sequence", "@timestamp", "monotonic_ns", "seal")


def differences(record, want):
    """How a record is not exactly `want`, its place apart; "" if it is."""
    found = []
    for key in sorted({*record, *want} - set(PLACE)):
        if key not in want:
            found.append(f"{key} is {record[key]!r}, and nobody expects it")
        elif key not in record:
            found.append(f"{key} is missing, {want[key]!r} is expected")
        elif not want[key] == record[key]:
            found.append(f"{key} is {record[key]!r}, not {want[key]!r}")
    return "; ".join(found)
