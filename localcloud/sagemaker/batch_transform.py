r"""Do the work of a SageMaker batch transform job on CSV files, line by line.

    python -m localcloud.sagemaker.batch_transform --model DIR_OR_TAR --input DIR --output DIR \
        --response-keys predicted_label,labels,probabilities --input-filter '$[4:]' --join-source Input \
        --output-filter '$[0,-3,-2,-1]' --strategy MultiRecord [--max-payload-mb 1]

The input filter selects the fields of a line that the model reads. The model receives the lines in mini-batches. Each
prediction is appended to the line it belongs to, and the output filter selects the fields to write. The output of
`part-0.csv` is `part-0.csv.out`, with one line per line of input. Without `--max-payload-mb`, the container's execution
parameters decide.
"""

import argparse
import csv
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from buyer_stage.training.model_archive import load_model
from localcloud.sagemaker.inference_container import MAXIMUM_PAYLOAD_MB, respond, write_csv_line

OUTPUT_SUFFIX = ".out"
BYTES_PER_MB = 1024 * 1024

Fields = list[str]


class TransformError(Exception):
    """The transform cannot run as requested."""


@dataclass(frozen=True)
class FieldFilter:
    """The part of JSONPath that SageMaker applies to CSV: `$`, `$[1]`, `$[4:]`, `$[0,-1]`, `$[:2,-1]`.

    Attributes:
        text: the path as written.
        selectors: its indices and slices, in order.
    """

    text: str
    selectors: tuple[int | slice, ...]

    @classmethod
    def parse(cls, text: str) -> "FieldFilter":
        """Read a path.

        Raises:
            TransformError: The path has another form.
        """
        if text == "$":
            return cls(text, (slice(None),))
        match = re.fullmatch(r"\$\[(.+)\]", text)
        if match is None:
            raise TransformError(f"filter {text!r} does not apply to CSV; use indices and slices, such as $[0,-1]")
        return cls(text, tuple(cls._parse_selector(part.strip(), text) for part in match[1].split(",")))

    @staticmethod
    def _parse_selector(part: str, text: str) -> int | slice:
        match = re.fullmatch(r"(-?\d+)?(:)?(-?\d+)?", part)
        if match is None or not part:
            raise TransformError(f"filter {text!r}: {part!r} is neither an index nor a slice")
        start, colon, end = match.groups()
        if colon:
            return slice(int(start) if start else None, int(end) if end else None)
        return int(part)

    def apply(self, fields: Fields) -> Fields:
        """Return the fields that the path selects, in its order.

        Raises:
            TransformError: An index is outside the line.
        """
        selected: Fields = []
        for selector in self.selectors:
            try:
                selected += fields[selector] if isinstance(selector, slice) else [fields[selector]]
            except IndexError:
                raise TransformError(
                    f"filter {self.text}: index {selector} is outside a line of {len(fields)} fields"
                ) from None
        return selected


@dataclass(frozen=True)
class Transform:
    """A transform of CSV lines.

    Attributes:
        predict: returns a CSV line for each filtered line of a mini-batch.
        input_filter: selects the fields that the model reads.
        output_filter: selects the fields to write from a line followed by its prediction.
        maximum_payload_bytes: the largest size of a mini-batch.
    """

    predict: Callable[[list[Fields]], list[str]]
    input_filter: FieldFilter
    output_filter: FieldFilter
    maximum_payload_bytes: int

    def transform_lines(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield the output line of every input line, in order.

        Raises:
            TransformError: A line is empty or too large, a filter does not fit, or a prediction is missing.
        """
        for batch in self._mini_batches(lines):
            predictions = self.predict([filtered for _, filtered in batch])
            if len(predictions) != len(batch):
                raise TransformError(f"the model returned {len(predictions)} predictions for {len(batch)} lines")
            for (fields, _), prediction in zip(batch, predictions, strict=True):
                yield write_csv_line(self.output_filter.apply(fields + next(csv.reader([prediction]))))

    def _mini_batches(self, lines: Iterable[str]) -> Iterator[list[tuple[Fields, Fields]]]:
        """Group lines, each with its filtered fields, into as few payloads as the limit allows."""
        batch: list[tuple[Fields, Fields]] = []
        size = 0
        for number, line in enumerate(lines, start=1):
            fields = next(csv.reader([line]), [])
            if not fields:
                raise TransformError(f"line {number} is empty")
            filtered = self.input_filter.apply(fields)
            bytes_needed = len(write_csv_line(filtered).encode()) + 1
            if bytes_needed > self.maximum_payload_bytes:
                raise TransformError(f"line {number} is larger than the maximum payload")
            if size + bytes_needed > self.maximum_payload_bytes:
                yield batch
                batch, size = [], 0
            batch.append((fields, filtered))
            size += bytes_needed
        if batch:
            yield batch


def transform_files(transform: Transform, source: Path, target: Path) -> int:
    """Transform every file whose path starts with a prefix, and return the number of lines.

    Args:
        transform: the transform to apply.
        source: the prefix, as with `S3DataType=S3Prefix`: a folder, or a folder and the start of file names.
        target: folder of the output.

    Raises:
        TransformError: No file matches, a folder matches, or a file cannot be transformed.
    """
    files = sorted(source.iterdir() if source.is_dir() else source.parent.glob(f"{source.name}*"))
    if not files or not all(file.is_file() for file in files):
        raise TransformError(f"{source} must match at least one file and no folder")
    target.mkdir(parents=True, exist_ok=True)
    count = 0
    for file in files:
        # Split at line feeds only, as SplitType=Line does.
        with (
            file.open(encoding="utf-8", newline="\n") as lines,
            (target / (file.name + OUTPUT_SUFFIX)).open("w", encoding="utf-8", newline="\n") as output,
        ):
            try:
                for line in transform.transform_lines(line.removesuffix("\n") for line in lines):
                    output.write(line + "\n")
                    count += 1
            except TransformError as error:
                raise TransformError(f"{file.name}: {error}") from error
    return count


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a transform with the arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    for name in ("--model", "--input", "--output"):
        parser.add_argument(name, required=True, type=Path)
    parser.add_argument("--response-keys", required=True, type=lambda text: text.split(","))
    parser.add_argument("--input-filter", required=True, type=FieldFilter.parse)
    parser.add_argument("--join-source", required=True, choices=["Input"])
    parser.add_argument("--output-filter", required=True, type=FieldFilter.parse)
    parser.add_argument("--max-payload-mb", type=int, default=MAXIMUM_PAYLOAD_MB)
    parser.add_argument("--strategy", required=True, choices=["MultiRecord"])
    parsed = parser.parse_args(arguments)
    transform = Transform(
        predict=functools.partial(respond, load_model(parsed.model), response_keys=parsed.response_keys),
        input_filter=parsed.input_filter,
        output_filter=parsed.output_filter,
        maximum_payload_bytes=parsed.max_payload_mb * BYTES_PER_MB,
    )
    print(f"{transform_files(transform, parsed.input, parsed.output)} lines transformed", flush=True)


if __name__ == "__main__":
    main()
