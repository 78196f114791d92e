"""Wrap functions of MiniStack."""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any


def wrap(module: ModuleType, name: str, wrapper: Callable[..., Any]) -> None:
    """Replace a function of a module with a wrapper that receives the function as its first argument.

    Raises:
        AttributeError: The module has no such function, as after an upgrade of MiniStack.
    """
    setattr(module, name, functools.partial(wrapper, getattr(module, name)))
