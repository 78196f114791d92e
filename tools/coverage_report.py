"""Report the test coverage of each package, and fail when one is below its floor.

python -m tools.coverage_report        reads `.coverage`, which `make test` writes

Programs that tests start in their own processes (functions in the local cloud, Spark steps, commands) do not count.
"""

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from coverage import Coverage

from tools.repository import REPOSITORY

FLOORS = {
    "buyer_stage/domain": 98,
    "buyer_stage/quality": 97,
    "buyer_stage/spark": 93,
    "buyer_stage/training": 97,
    "emr_steps": 94,
    "glue": 86,
    "lambdas": 98,
    "localcloud": 10,
    "sample_data": 96,
    "tools": 55,
}
"""Package -> lowest coverage in percent of its lines, a little below what is measured."""


@dataclass(frozen=True)
class PackageCoverage:
    """How many of a package's lines run in tests."""

    package: str
    lines: int
    covered: int

    @property
    def percent(self) -> float:
        """Covered lines in percent; 100 for a package without lines."""
        return 100 * self.covered / self.lines if self.lines else 100.0

    @property
    def is_low(self) -> bool:
        """Whether the coverage is below the package's floor."""
        return self.percent < FLOORS[self.package]


def package_of(file: Path) -> str:
    """Return the package of a file: the library's floor, or the top folder.

    Args:
        file: relative to the repository.
    """
    return "/".join(file.parts[: 2 if file.parts[0] == "buyer_stage" else 1])


def measure(data_file: Path) -> list[PackageCoverage]:
    """Return the coverage of every package that has a floor.

    Args:
        data_file: what coverage.py recorded.
    """
    recorded = Coverage(data_file=str(data_file))
    recorded.load()
    lines: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    for name in recorded.get_data().measured_files():
        _, statements, _, not_run, _ = recorded.analysis2(name)
        package = package_of(Path(name).relative_to(REPOSITORY))
        lines[package] += len(statements)
        missing[package] += len(not_run)
    return [PackageCoverage(package, lines[package], lines[package] - missing[package]) for package in FLOORS]


def main() -> None:
    """Print a line per package; exit with 1 when one is below its floor."""
    packages = measure(REPOSITORY / ".coverage")
    if not any(package.lines for package in packages):
        sys.exit("There is no coverage data in .coverage. Run `make test`.")
    for package in packages:
        floor = FLOORS[package.package]
        print(f"{package.package:<22}{package.percent:6.1f} % of {package.lines:5} lines, floor {floor} %")
    if low := [package.package for package in packages if package.is_low]:
        sys.exit(f"Coverage is below the floor: {', '.join(low)}. Add tests.")


if __name__ == "__main__":
    main()
