# SPDX-License-Identifier: MIT
"""Every record of an audit log against packaging/schema/audit.schema.json."""
import functools
import importlib.machinery
import importlib.util
import json
import pathlib

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
