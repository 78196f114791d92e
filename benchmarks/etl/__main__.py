"""Measures the ETL's two steps next to DuckDB, polars, and a chain of full outer joins on Spark.

    python -m benchmarks.etl [--members 1000000 ...] [--repeat 3] [--only ENGINE ...]

Every engine is a process of its own and reads the same data lake. The engines take turns, so that what else the machine
does slows all of them. The benchmark fails if their features differ. `build/benchmarks/etl.json` gets all measurements.
Their medians are printed as a table, and plotted in `etl.png` next to it.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

import psutil
from matplotlib.figure import Figure

from benchmarks.etl import SNAPSHOT
from buyer_stage.domain.s3_layout import features_prefix
from buyer_stage.domain.snapshot_date import format_partition_value
from sample_data.generate import LABELED_DAYS_BEFORE_SNAPSHOT, generate
from tools.local_spark import COMPILED_JAVA_OPTIONS, MANY_PARTITIONS, local_spark_submit
from tools.repository import REPOSITORY

OUT = REPOSITORY / "build/benchmarks"
PEERS_PYTHON = REPOSITORY / ".venv-benchmark/bin/python"
SEED = 3
PART_FILES = 1

PROCESS, VALIDATE, DUCKDB, POLARS, OUTER_JOINS = (
    "process_features",
    "validate_features",
    "DuckDB",
    "polars",
    "outer joins",
)
STEPS = (PROCESS, VALIDATE)
ENGINES = (PROCESS, VALIDATE, DUCKDB, POLARS, OUTER_JOINS)
MOST_MEMBERS_OF_PEERS = 4_000_000
"""Of more members, only the two steps run."""

SAMPLE_SECONDS = 0.1
"""How often to look at the CPU seconds of Spark's Python workers."""

SECONDS_SHOWN = (10, 20, 50, 100, 200)
"""Ticks of the plot."""


@dataclass(frozen=True)
class Measurement:
    """What one turn of an engine took.

    Attributes:
        members: number of members in the data lake.
        engine: name of the engine.
        seconds: wall time.
        cpu_seconds: user and system time of all processes.
        peak_megabytes: most resident memory of a process.
        exit_code: 0, or how the engine failed. -9 usually means that memory ran out.
    """

    members: int
    engine: str
    seconds: float
    cpu_seconds: float
    peak_megabytes: float
    exit_code: int


def main() -> None:
    """Run the benchmark; exit with 1 if a step fails or features differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, nargs="+", default=[1_000_000], help="sizes, default 1000000")
    parser.add_argument("--repeat", type=int, default=3, help="turns of each engine, default 3")
    parser.add_argument("--only", nargs="+", choices=ENGINES, default=ENGINES, help="engines, default all")
    parsed = parser.parse_args()
    measured: list[Measurement] = []
    for members in parsed.members:
        engines = [name for name in parsed.only if name in STEPS or members <= MOST_MEMBERS_OF_PEERS]
        measured += benchmark(members, engines, parsed.repeat)
    (OUT / "etl.json").write_text(json.dumps([asdict(each) for each in measured], indent=2) + "\n")
    print(medians_table(measured))
    plot(measured, OUT / "etl.png")


def benchmark(members: int, engines: Sequence[str], repeat: int) -> list[Measurement]:
    """Let the engines take turns on a data lake, and compare what they wrote."""
    lake, out = OUT / f"lake-{members}", OUT / f"output-{members}"
    if not (lake / "survey.csv").exists():  # written last
        labeled_date = SNAPSHOT - timedelta(days=LABELED_DAYS_BEFORE_SNAPSHOT)
        generate(lake, members, SNAPSHOT, labeled_date, SEED, PART_FILES)
    out.mkdir(parents=True, exist_ok=True)
    measured = []
    for _ in range(repeat):
        for engine in engines:
            if engine != VALIDATE:
                shutil.rmtree(out / engine, ignore_errors=True)
            measured.append(measure(members, engine, command(engine, lake, out), out / f"{engine}.log"))
            print(f"{members} members, {engine}: {measured[-1].cpu_seconds:.1f} CPU s", flush=True)
    failed = {each.engine for each in measured if each.exit_code}
    if failed.intersection(STEPS):
        sys.exit(f"{' and '.join(failed.intersection(STEPS))} failed; see the logs in {out}")
    written = [out / engine for engine in engines if engine not in {*failed, VALIDATE}]
    folders = [folder / features_prefix(SNAPSHOT) if folder.name == PROCESS else folder for folder in written]
    subprocess.run([PEERS_PYTHON, "-m", "benchmarks.etl.peers", "compare", *folders], cwd=REPOSITORY, check=True)
    return measured


def command(engine: str, lake: Path, out: Path) -> list[str]:
    """Return the command that writes an engine's features to a folder, or validates those of the step."""
    if engine in (DUCKDB, POLARS):
        module = [str(PEERS_PYTHON), "-m", "benchmarks.etl.peers", engine.lower()]
        return [*module, "--datalake", str(lake), "--out", str(out / engine)]
    program = [str(REPOSITORY / "benchmarks/etl/outer_joins.py"), "--datalake", str(lake), "--out", str(out / engine)]
    if engine in STEPS:
        query = ["--feature-query", str(REPOSITORY / "sql/features.sql")] if engine == VALIDATE else []
        program = [
            str(REPOSITORY / f"emr_steps/{engine}.py"),
            *("--datalake", str(lake), "--pipeline-bucket", str(out / PROCESS)),
            *("--snapshot-date", format_partition_value(SNAPSHOT), *query),
        ]
    return local_spark_submit(Path(sys.executable), [*MANY_PARTITIONS, *program], java_options=COMPILED_JAVA_OPTIONS)


def measure(members: int, engine: str, arguments: Sequence[str], log: Path) -> Measurement:
    """Run a command, and return what it took."""
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(REPOSITORY)}
    start = time.perf_counter()
    with log.open("w") as file:
        process = subprocess.Popen(arguments, cwd=REPOSITORY, env=environment, stdout=file, stderr=subprocess.STDOUT)
        workers: dict[int, float] = {}
        # The usage of a process includes that of its descendants: spark-submit starts Java, which starts Python.
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            workers |= python_workers(process.pid)
            time.sleep(SAMPLE_SECONDS)
    seconds = time.perf_counter() - start
    _, status, usage = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu_seconds = usage.ru_utime + usage.ru_stime + sum(workers.values())
    return Measurement(members, engine, seconds, cpu_seconds, usage.ru_maxrss / 1024, process.returncode)


def python_workers(pid: int) -> dict[int, float]:
    """Return the CPU seconds so far of Spark's Python workers below a process, by process id.

    The usage of their parent does not include theirs, because `pyspark.daemon` ignores SIGCHLD.
    """
    found = {}
    for process in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "pyspark.daemon" in process.cmdline():
                times = process.cpu_times()
                found[process.pid] = times.user + times.system
    return found


def medians_table(measured: Sequence[Measurement]) -> str:
    """Return the medians of all turns as a table in Markdown."""
    lines = [
        "| members | engine | wall s | CPU s | CPU s per million | peak MB | CPU / DuckDB | CPU / outer joins |",
        "|---|---|---|---|---|---|---|---|",
    ]
    cpu = {(each.members, each.engine): median_of(measured, each, "cpu_seconds") for each in measured}
    for (members, engine), seconds in cpu.items():
        turns = [each for each in measured if (each.members, each.engine) == (members, engine)]
        if any(turn.exit_code for turn in turns):
            lines.append(f"| {members:,} | {engine} | failed with {turns[-1].exit_code} | | | | | |")
            continue
        wall, peak = (median_of(measured, turns[0], name) for name in ("seconds", "peak_megabytes"))
        ratios = [
            f"{seconds / cpu[members, peer]:.1f}" if (members, peer) in cpu else "" for peer in (DUCKDB, OUTER_JOINS)
        ]
        lines.append(
            f"| {members:,} | {engine} | {wall:.1f} | {seconds:.1f} | {seconds / members * 1e6:.0f} | {peak:.0f} "
            f"| {ratios[0]} | {ratios[1]} |"
        )
    return "\n".join(lines)


def plot(measured: Sequence[Measurement], file: Path) -> None:
    """Draw CPU seconds per million members."""
    axes = (figure := Figure(figsize=(7, 4), layout="constrained")).subplots()
    for engine in ENGINES:
        sizes = sorted({each.members for each in measured if each.engine == engine and not each.exit_code})
        per_million = [
            median(m.cpu_seconds for m in measured if (m.members, m.engine) == (size, engine)) / size * 1e6
            for size in sizes
        ]
        axes.plot([size / 1e6 for size in sizes], per_million, marker="o", label=engine)
    axes.set(xlabel="million members", ylabel="CPU seconds per million", xscale="log", yscale="log")
    for axis, ticks in ((axes.xaxis, sorted({each.members / 1e6 for each in measured})), (axes.yaxis, SECONDS_SHOWN)):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(visible=True)
    axes.legend()
    figure.savefig(file)


def median_of(measured: Sequence[Measurement], like: Measurement, name: str) -> float:
    """Return the median of a figure over the turns of the same engine and size."""
    turns = [each for each in measured if (each.members, each.engine) == (like.members, like.engine)]
    return float(median(getattr(each, name) for each in turns))


if __name__ == "__main__":
    main()
