"""The windows of behavior: the last 1, 7, 30, 60 and 90 days before a snapshot."""

from enum import StrEnum


class Window(StrEnum):
    """A number of days that ends on the snapshot date."""

    T001 = "t001"
    T007 = "t007"
    T030 = "t030"
    T060 = "t060"
    T090 = "t090"

    @property
    def days(self) -> int:
        """Length of the window in days."""
        return int(self.value[1:])

    @property
    def suffix(self) -> str:
        """Suffix of the window's features, such as `_007`."""
        return f"_{self.value[1:]}"
