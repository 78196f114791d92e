"""The coverage of each package is compared with its floor."""

from pathlib import Path

import pytest

from tools.coverage_report import FLOORS, PackageCoverage, package_of
from tools.repository import REPOSITORY


@pytest.mark.parametrize(
    ("file", "package"),
    [
        ("buyer_stage/domain/stages.py", "buyer_stage/domain"),
        ("lambdas/start_automl/handler.py", "lambdas"),
        ("tools/package.py", "tools"),
    ],
)
def test_file_belongs_to_a_floor_of_the_library_or_to_its_top_folder(file: str, package: str) -> None:
    assert package_of(Path(file)) == package
    assert package in FLOORS


@pytest.mark.parametrize(("covered", "low"), [(FLOORS["lambdas"], False), (FLOORS["lambdas"] - 1, True)])
def test_package_is_low_below_its_floor(covered: int, low: bool) -> None:
    assert PackageCoverage("lambdas", 100, covered).is_low is low


def test_every_package_with_a_floor_exists() -> None:
    assert [package for package in FLOORS if not any((REPOSITORY / package).glob("*.py"))] == []
