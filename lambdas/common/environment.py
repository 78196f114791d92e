"""The functions' environment variables, checked when a function is loaded and not when one is first needed."""

import os
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from buyer_stage.domain.errors import InvalidInputError
from lambdas.common.errors import problems


class Environment(BaseModel):
    """Base of the functions' environments: a field `topic_arn` is the variable `TOPIC_ARN`."""

    model_config = ConfigDict(frozen=True, alias_generator=str.upper)

    @classmethod
    def load(cls) -> Self:
        """Read the environment variables that the fields name.

        Raises:
            InvalidInputError: one is missing or has an impossible value.
        """
        try:
            return cls.model_validate(dict(os.environ))
        except ValidationError as error:
            # `from None`: the cause's text holds the whole environment, credentials included.
            raise InvalidInputError(f"environment variables: {problems(error)}") from None
