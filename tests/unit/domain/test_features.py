"""The feature specification yields the contract's columns; tests/contract compares all of them by name."""

from buyer_stage.domain.features import (
    DOMINANT_SEGMENT,
    MODEL_FEATURES,
    OUTPUT_COLUMNS,
    TRANSFORM_INPUT_FILTER,
    column_checksum,
    window_feature_names,
)
from buyer_stage.domain.windows import Window


def test_each_window_has_31_features_and_no_name_occurs_twice() -> None:
    assert {len(window_feature_names(window)) for window in Window} == {31}
    assert len(set(OUTPUT_COLUMNS)) == len(OUTPUT_COLUMNS) == 159
    assert len(MODEL_FEATURES) == 155


def test_a_column_with_known_values_has_one_feature_for_each() -> None:
    assert DOMINANT_SEGMENT.feature_names(Window.T007) == [
        "ldp_dominant_segment_for_sale_007",
        "ldp_dominant_segment_not_for_sale_007",
        "ldp_dominant_segment_for_rent_007",
        "ldp_dominant_segment_no_segment_007",
    ]


def test_the_transform_leaves_out_all_columns_before_the_models_features() -> None:
    assert f"$[{OUTPUT_COLUMNS.index(MODEL_FEATURES[0])}:]" == TRANSFORM_INPUT_FILTER


def test_checksums_are_equal_for_equal_columns_in_equal_order_only() -> None:
    assert column_checksum(["a", "b"]) == "1eb7c54d52831bbfe8942af0b1c56b7409523a59ed6ca99c1174fef7eb32c1b5"
    assert len({column_checksum(columns) for columns in (["a", "b"], ["b", "a"], ["ab"])}) == 3
