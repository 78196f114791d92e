"""Tables and partitions of the data lake are where the other teams write them."""

from datetime import date

from buyer_stage.domain.datalake import partition_prefix
from buyer_stage.domain.windows import Window


def test_a_snapshot_is_a_partition_of_its_windows_table() -> None:
    assert partition_prefix(Window.T030, date(2020, 1, 3)) == (
        "cnsp/consumer_analytical_profile_member_id_summary_t030/snapshot_date_mst_yyyymmdd=20200103"
    )
