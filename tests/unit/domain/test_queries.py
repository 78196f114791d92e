"""Queries are filled with snapshots and features."""

from datetime import date

from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.domain.queries import fill_feature_query, fill_labeled_set_query

DAYS = [date(2020, 1, 30), date(2020, 1, 31)]


def test_feature_query_selects_the_snapshots() -> None:
    assert fill_feature_query("WHERE day IN (:snapshot_dates)", DAYS) == "WHERE day IN ('20200130', '20200131')"


def test_labeled_set_query_embeds_the_feature_query_and_lists_every_feature() -> None:
    query = fill_labeled_set_query("SELECT :model_features FROM (:features)", "IN (:snapshot_dates)", DAYS)
    listed, _, rest = query.removeprefix("SELECT ").partition(" FROM ")
    assert listed.split(",\n    ") == [f"features.{name}" for name in MODEL_FEATURES]
    assert rest == "(IN ('20200130', '20200131'))"
