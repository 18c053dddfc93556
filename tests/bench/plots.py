# SPDX-License-Identifier: MIT
"""Pictures of what tests/bench/run has found, by matplotlib.

  plots.py RESULTS.JSON DIRECTORY

It is installed into the same environment as the Python peer, and draws in a
process of that environment's interpreter.
"""
import json
import pathlib
import statistics
import subprocess
import sys

WANT = "matplotlib==3.11.2"


def draw(found, out):
    """Draw in the environment that has matplotlib; what was done, in words."""
    python = out / "venv/bin/python"
    if not python.exists():
        return "no plots: there is no environment for matplotlib"
    for command in ([out / "venv/bin/pip", "install", "-q", WANT],
                    [python, __file__, out / "results.json", out]):
        run = subprocess.run(command, stderr=subprocess.PIPE, text=True,
                             check=False)
        if run.returncode != 0:
            last = (run.stderr.strip().splitlines() or ["no reason given"])[-1]
            return f"no plots: {last}"
    return f"tables and plots: {out}"


def save(figure, axes, out, name, title, x, y):
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    figure.tight_layout()
    for kind in "svg", "png":
        figure.savefig(out / f"{name}.{kind}", dpi=120)


def series(found, key):
    """{name: ([clients], [median])}"""
    lines = {}
    for clients, results in found["calls"].items():
        for name, rows in results.items():
            xs, ys = lines.setdefault(name, ([], []))
            xs.append(int(clients))
            ys.append(statistics.median(r[key] for r in rows))
    return lines


def draw_calls(pyplot, found, out, key, name, title, y):
    figure, axes = pyplot.subplots(figsize=(8, 5))
    axes.set_prop_cycle(color=pyplot.get_cmap("tab20").colors)
    for label, (xs, ys) in series(found, key).items():
        if label == "a server that does nothing":
            continue
        ours = label.startswith("mcp-execd")
        axes.plot(xs, ys, "o-" if ours else "x--", label=label,
                  linewidth=2 if ours else 1)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    counts = sorted(int(n) for n in found["calls"])
    axes.set_xticks(counts, counts)
    save(figure, axes, out, name, title, "clients at once", y)


def main():
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    found = json.loads(pathlib.Path(sys.argv[1]).read_text())
    out = pathlib.Path(sys.argv[2])
    draw_calls(pyplot, found, out, "p50_us", "latency",
               "Time of a call of `true`, median", "microseconds")
    draw_calls(pyplot, found, out, "per_s", "throughput",
               "Calls of `true`", "calls per second")
    figure, axes = pyplot.subplots(figsize=(8, 5))
    for name, rows in found["memory"].items():
        axes.plot([n for n, _ in rows], [kib / 1024 for _, kib in rows], "o-",
                  label=name)
    save(figure, axes, out, "memory", "Memory of all processes (PSS)",
         "idle sessions", "MiB")


if __name__ == "__main__":
    main()
