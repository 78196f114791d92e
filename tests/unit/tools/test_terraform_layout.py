"""The S3 layout as Terraform reads it."""

from buyer_stage.domain.data_inventory import top_folder
from tools.repository import REPOSITORY
from tools.terraform_layout import layout


def test_folder_of_a_day_is_the_folder_above_the_day() -> None:
    assert layout()["features"] == "inputs/"
    assert layout()["push_receipts"] == "push-receipts/"


def test_file_of_any_model_has_a_wildcard() -> None:
    assert layout()["drift_baselines"] == "best-model/*/drift_baseline.json"
    assert layout()["feature_profiles"] == "inputs/*/profile.json"


def test_top_folder_ends_with_its_slash() -> None:
    assert top_folder("train/csv/part-00000.csv") == "train/"


def test_terraform_reads_every_entry() -> None:
    texts = "".join(file.read_text() for file in (REPOSITORY / "terraform").rglob("*.tf"))

    assert [name for name in layout() if f" {name} " not in texts and f"layout.{name}" not in texts] == []
