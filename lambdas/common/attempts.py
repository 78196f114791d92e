"""Finds the attempts at a paid job by their names, so that finished work is reused and running work is joined."""

import itertools
from collections.abc import Callable, Iterator
from typing import TypeVar

from botocore.exceptions import ClientError

from lambdas.common.errors import is_client_error

JobT = TypeVar("JobT")


def find_attempts(name: Callable[[int], str], describe: Callable[[str], JobT]) -> list[JobT]:
    """Return the descriptions of all attempts at a work, the first attempt first.

    Args:
        name: returns the job name of an attempt, which counts from 1.
        describe: returns SageMaker's description of the job with a name.
    """

    def found() -> Iterator[JobT]:
        for attempt in itertools.count(1):
            try:
                yield describe(name(attempt))
            except ClientError as error:
                if not _is_not_found(error):
                    raise
                return

    return list(found())


def _is_not_found(error: ClientError) -> bool:
    """Check whether SageMaker has no such job.

    Every operation documents `ResourceNotFound`, but only some use it: an unknown transform job is a
    `ValidationException`, see
    https://github.com/aws-controllers-k8s/sagemaker-controller/blob/main/apis/v1alpha1/generator.yaml.
    """
    return error.response["Error"]["Code"] == "ResourceNotFound" or is_client_error(
        error, "ValidationException", "could not find"
    )
