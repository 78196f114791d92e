r"""Does the work of a SageMaker batch transform job over CSV files split by line.

    python -m localcloud.sagemaker.batch_transform --model DIR_OR_TAR \
        --response-keys predicted_label,labels,probabilities --input DIR --output DIR --input-filter '$[4:]' --join-source Input --output-filter '$[0,-3,-2,-1]' \
        --max-payload-mb 10 --strategy MultiRecord

Each record passes the input filter, is sent to the model in a mini-batch, is followed by the answer, and passes the
output filter. The output of a file is named after it, with `.out` appended, and has one line per record.
"""

import argparse
import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from buyer_stage.training.model_archive import Model, load_model
from localcloud.sagemaker.inference_container import respond, write_csv_line

OUTPUT_SUFFIX = ".out"
BYTES_PER_MB = 1024 * 1024

Fields = list[str]


class TransformError(Exception):
    """The transform cannot be done as asked."""


@dataclass(frozen=True)
class FieldFilter:
    """The part of JSONPath that SageMaker applies to CSV: `$`, `$[1]`, `$[4:]`, `$[0,-1]`, `$[:2,-1]`.

    Attributes:
        text: the path.
        selectors: the indices and slices in it, in order.
    """

    text: str
    selectors: tuple[int | slice, ...]

    @classmethod
    def parse(cls, text: str) -> "FieldFilter":
        """Read a path.

        Raises:
            TransformError: it is not of the forms above.
        """
        if text == "$":
            return cls(text, (slice(None),))
        match = re.fullmatch(r"\$\[(.+)\]", text)
        if match is None:
            raise TransformError(f"filter {text!r} cannot be applied to CSV; use indices and slices, such as $[0,-1]")
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
        """Give the fields that the path selects, in its order.

        Raises:
            TransformError: there is no field at an index.
        """
        selected: Fields = []
        for selector in self.selectors:
            try:
                selected += fields[selector] if isinstance(selector, slice) else [fields[selector]]
            except IndexError:
                raise TransformError(
                    f"filter {self.text}: a record of {len(fields)} fields has none at {selector}"
                ) from None
        return selected


@dataclass(frozen=True)
class Transform:
    """How records are transformed.

    Attributes:
        ask: answers the filtered records of one mini-batch, a CSV line for each.
        input_filter: what of a record the model gets.
        output_filter: what of a record followed by its answer is put out.
        maximum_payload_bytes: the most that one mini-batch holds.
    """

    ask: Callable[[list[Fields]], list[str]]
    input_filter: FieldFilter
    output_filter: FieldFilter
    maximum_payload_bytes: int

    def transform_lines(self, lines: Iterable[str]) -> Iterator[str]:
        """Give the output line of every input line, in order.

        Raises:
            TransformError: a record is empty or too large, a filter does not fit, or an answer is missing.
        """
        for batch in self._mini_batches(lines):
            answers = self.ask([filtered for _, filtered in batch])
            if len(answers) != len(batch):
                raise TransformError(f"{len(answers)} answers to {len(batch)} records")
            for (record, _), answer in zip(batch, answers, strict=True):
                yield write_csv_line(self.output_filter.apply(record + next(csv.reader([answer]))))

    def _mini_batches(self, lines: Iterable[str]) -> Iterator[list[tuple[Fields, Fields]]]:
        """Group records, each with its filtered fields, into as few payloads as the limit allows."""
        batch: list[tuple[Fields, Fields]] = []
        size = 0
        for number, line in enumerate(lines, start=1):
            record = next(csv.reader([line]), [])
            if not record:
                raise TransformError(f"line {number} is empty")
            filtered = self.input_filter.apply(record)
            bytes_needed = len(write_csv_line(filtered).encode()) + 1
            if bytes_needed > self.maximum_payload_bytes:
                raise TransformError(f"the record in line {number} is larger than the maximum payload")
            if size + bytes_needed > self.maximum_payload_bytes:
                yield batch
                batch, size = [], 0
            batch.append((record, filtered))
            size += bytes_needed
        if batch:
            yield batch


def transform_files(transform: Transform, source: Path, target: Path) -> int:
    """Transform every file whose path starts with a prefix, and give the number of records.

    Args:
        transform: how.
        source: the prefix, as `S3DataType=S3Prefix` has it: a folder, or a folder and the start of file names.
        target: folder of the output.

    Raises:
        TransformError: there is no such file, there is a folder among them, or a file cannot be transformed.
    """
    files = sorted(source.iterdir() if source.is_dir() else source.parent.glob(f"{source.name}*"))
    if not files or not all(file.is_file() for file in files):
        raise TransformError(f"{source} does not lead to files only, and at least one")
    target.mkdir(parents=True, exist_ok=True)
    records = 0
    for file in files:
        # Split at line feeds only: that is what SplitType=Line does, and what one line per record rests on.
        with (
            file.open(encoding="utf-8", newline="\n") as lines,
            (target / (file.name + OUTPUT_SUFFIX)).open("w", encoding="utf-8", newline="\n") as output,
        ):
            try:
                for line in transform.transform_lines(line.removesuffix("\n") for line in lines):
                    output.write(line + "\n")
                    records += 1
            except TransformError as error:
                raise TransformError(f"{file.name}: {error}") from error
    return records


def asker(model: Model, response_keys: Sequence[str]) -> Callable[[list[Fields]], list[str]]:
    """Give the function that asks a model for the response keys."""
    return lambda rows: respond(model, rows, response_keys)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a transform."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    for name in ("--model", "--input", "--output"):
        parser.add_argument(name, required=True, type=Path)
    parser.add_argument("--response-keys", required=True, type=lambda text: text.split(","))
    parser.add_argument("--input-filter", required=True, type=FieldFilter.parse)
    parser.add_argument("--join-source", required=True, choices=["Input"])
    parser.add_argument("--output-filter", required=True, type=FieldFilter.parse)
    parser.add_argument("--max-payload-mb", required=True, type=int)
    parser.add_argument("--strategy", required=True, choices=["MultiRecord"])
    parsed = parser.parse_args(arguments)
    transform = Transform(
        ask=asker(load_model(parsed.model), parsed.response_keys),
        input_filter=parsed.input_filter,
        output_filter=parsed.output_filter,
        maximum_payload_bytes=parsed.max_payload_mb * BYTES_PER_MB,
    )
    print(f"{transform_files(transform, parsed.input, parsed.output)} records transformed", flush=True)


if __name__ == "__main__":
    main()
