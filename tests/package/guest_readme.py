# SPDX-License-Identifier: MIT
"""Inside a booted Debian: the README's quick start, as it is printed.

Every command of "Quick start from a package" and "Five more minutes" is run
in order by one root shell's words; what a person would paste is put in.
Prints "ok NAME" or "FAIL NAME: why", and how long it took.
"""
import os
import pathlib
import re
import subprocess
import time

README = pathlib.Path("/stage/README.md").read_text()
# Of these a refusal is what is to be seen.
REFUSED = ("policy test diagnose", "policy test deploy")
env = {**os.environ, "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
seen = {}


def commands():
    section = README[README.index("## Quick start"):
                     README.index("## Two commands")]
    for line in re.findall(r"(?m)^    (\S.*)$", section):
        command = re.sub(r"\s+# .*", "", line)
        if not command.startswith(("#", "dnf ")):
            yield command


def pasted(command):
    """What a person does with what was shown before: (command, its input)."""
    if command.startswith("read -rs MCP_TOKEN"):
        env["MCP_TOKEN"] = seen["token"]
        return "true", ""
    if command.endswith("--key-file -"):
        return command, seen["key"]
    return command.replace("apt install ", "apt-get install -y "), ""


def run(command):
    command, given = pasted(command)
    done = subprocess.run(["bash", "-c", command], cwd="/tmp/in", env=env,
                          input=given, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, timeout=60)
    out = done.stdout
    for name, pattern in (("token", r"mxt_[\w-]{43}"),
                          ("key", r"(?m)^([A-Z0-9]{4}(?:-[A-Z0-9]{4}){9,})$")):
        found = re.findall(pattern, out)
        if found and name not in seen:
            seen[name] = found[0]
    print(f"$ {command}\n{out}", flush=True)
    return done.returncode, out


# What has to be seen behind these commands.
SHOWN = {"sh first": '"exit_code":0', "audit search": "diagnose",
         "policy test diagnose": "denied", "policy test deploy": "hello",
         "--key-file -": "", "mcp-execctl status": ""}
os.makedirs("/tmp/in")
os.symlink("/stage/new.deb", "/tmp/in/mcp-execd_new.deb")
start = time.monotonic()
count = 0
for line in commands():
    count += 1
    name = "readme." + re.sub(r"\W+", "_", line)[:40].strip("_")
    try:
        status, text = run(line)
    except Exception as e:      # pylint: disable=broad-except
        status, text = 1, str(e)
    refused = any(r in line for r in REFUSED)
    wanted = [w for key, w in SHOWN.items() if key in line]
    good = (status != 0) == refused and all(
        w.lower() in text.lower() for w in wanted)
    print(f"ok {name}" if good else
          f"FAIL {name}: status {status}: {' '.join(text.split())[-700:]}",
          flush=True)
    if "sh first" in line:
        print(f"ok readme.first_command_after_{time.monotonic() - start:.0f}_s")
print("ok readme.all" if count > 15 else f"FAIL readme.all: {count} commands")
print("# the end")
