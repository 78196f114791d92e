"""Windows know their length and the suffix of their features."""

from buyer_stage.domain.windows import Window


def test_each_window_has_a_length_and_a_suffix() -> None:
    assert {window.value: (window.days, window.suffix) for window in Window} == {
        "t001": (1, "_001"),
        "t007": (7, "_007"),
        "t030": (30, "_030"),
        "t060": (60, "_060"),
        "t090": (90, "_090"),
    }
