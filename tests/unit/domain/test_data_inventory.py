"""The inventory knows every prefix, and documents and lifecycle rules say the same."""

import inspect
import re
from datetime import UTC, datetime

import pytest

from buyer_stage.domain import s3_layout
from buyer_stage.domain.data_inventory import (
    CODE_BUCKET_KEYS,
    INVENTORY,
    OLD_VERSION_DAYS,
    POINT_IN_TIME_RECOVERY_DAYS,
    Members,
    find_entry,
    render_table,
)
from buyer_stage.domain.windows import Window
from tools.repository import REPOSITORY
from tools.terraform_layout import layout

ARGUMENTS: dict[str, object] = {
    "snapshot_date": datetime(2020, 1, 3, tzinfo=UTC),
    "ended_at": datetime(2020, 1, 3, tzinfo=UTC),
    "prefix": "served-items/2020/01/03/000001-1/",
}
STORAGE = (REPOSITORY / "terraform/modules/storage/main.tf").read_text()


def keys_of_the_layout() -> dict[str, str]:
    """Return a key or prefix for every name in `s3_layout` that stands for a place in the pipeline bucket."""
    keys = {}
    for name, value in vars(s3_layout).items():
        if isinstance(value, str) and name.endswith(("_KEY", "_PREFIX")) and name != "PART_FILE_PREFIX":
            keys[name] = value
        elif inspect.isfunction(value) and not name.startswith("_") and inspect.get_annotations(value)["return"] is str:
            given = {parameter: ARGUMENTS.get(parameter, "train") for parameter in inspect.signature(value).parameters}
            keys[name] = value(**given | ({"window": Window.T001} if "window" in given else {}))
    return {name: key for name, key in keys.items() if name not in CODE_BUCKET_KEYS}


@pytest.mark.parametrize(("name", "key"), keys_of_the_layout().items())
def test_every_prefix_of_the_layout_has_an_entry(name: str, key: str) -> None:
    assert find_entry(key) is not None, f"add an entry for {name} to buyer_stage/domain/data_inventory.py"


def test_longest_prefix_decides() -> None:
    assert find_entry("train/csv/part-00000.csv").members is Members.UNNAMED  # type: ignore[union-attr]
    assert find_entry("best-model/holdout/job/part-00000.csv.out").members is Members.UNNAMED  # type: ignore[union-attr]
    assert find_entry("elsewhere/file") is None


def test_lifecycle_rules_are_those_of_the_inventory() -> None:
    rules = re.search(r"days_kept = \{(.+?)\}", STORAGE, flags=re.DOTALL)
    assert rules is not None
    days = {layout()[name]: int(number) for name, number in re.findall(r"(\w+) += (\d+)", rules[1])}

    assert days == {entry.prefix: entry.days_kept for entry in INVENTORY if entry.days_kept is not None}
    assert re.findall(r"noncurrent_days = (\d+)", STORAGE) == [str(OLD_VERSION_DAYS)]


def test_erasure_role_works_on_every_prefix_with_members() -> None:
    module = (REPOSITORY / "terraform/modules/erasure/main.tf").read_text()
    listed = re.search(r"erased = \[(.+?)\] :", module, flags=re.DOTALL)
    assert listed is not None
    prefixes = tuple(layout()[name] for name in re.findall(r'"(\w+)"', listed[1]))

    assert [
        entry.prefix
        for entry in INVENTORY
        if entry.prefix.startswith(prefixes) != (entry.members is not Members.NONE)
        and entry.prefix != s3_layout.LABELED_SET_MANIFEST_KEY
    ] == []


def test_privacy_document_has_the_inventory() -> None:
    text = (REPOSITORY / "docs/privacy.md").read_text()

    assert render_table() in text
    assert f"for {OLD_VERSION_DAYS} more days" in text
    assert f"{POINT_IN_TIME_RECOVERY_DAYS} days. If you restore" in text
