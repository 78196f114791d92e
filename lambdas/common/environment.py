"""The functions' environment variables, checked when a function is loaded rather than when one is first needed."""

import os
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, Json, ValidationError

from buyer_stage.domain.errors import InvalidInputError
from lambdas.common.errors import problems

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import TagTypeDef


class Environment(BaseModel):
    """Base class of the functions' environments: the field `topic_arn` holds the variable `TOPIC_ARN`."""

    model_config = ConfigDict(frozen=True, alias_generator=str.upper)

    @classmethod
    def load(cls) -> Self:
        """Read the environment variables that belong to the fields.

        Raises:
            InvalidInputError: a variable is missing or has an impossible value.
        """
        try:
            return cls.model_validate(dict(os.environ))
        except ValidationError as error:
            # `from None`: the text of the cause holds the whole environment, credentials included.
            raise InvalidInputError(
                f"invalid environment variables: {problems(error)}; correct them in terraform/modules/functions"
            ) from None


class JobVariables(Environment):
    """Environment of the functions that create SageMaker resources; `tags` is a JSON object of tag -> value."""

    environment: str
    tags: Json[dict[str, str]]

    def resource_tags(self, **more: str) -> "list[TagTypeDef]":
        """Return the tags that every resource has, by which the budget counts its cost, and more tags."""
        return [{"Key": key, "Value": value} for key, value in {**self.tags, **more}.items()]
