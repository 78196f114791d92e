"""The ETL's two steps next to other engines that compute the same features from the same data lake."""

from datetime import date

SNAPSHOT = date(2020, 3, 1)
"""The snapshot that every engine processes: the scored day of `sample_data.generate`."""
