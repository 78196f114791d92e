"""Evaluate the expressions that this repository's workflows use, as GitHub does. Every other expression is an error.

GitHub documents the language in "Evaluate expressions in workflows and actions".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.rehearsal.errors import RehearsalError

Contexts = Mapping[str, Any]
"""Name of a context, such as `inputs` -> its values."""
Evaluate = Callable[[Contexts], Any]

CONTEXTS = frozenset({"github", "inputs", "matrix", "needs", "steps", "vars"})

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "startsWith": lambda text, start: text.lower().startswith(start.lower()),
    # The rehearsal ends with the first failure, and is not canceled.
    "cancelled": lambda: False,
}

STATUS_FUNCTIONS = frozenset({"cancelled"})
"""Functions that replace the condition that all needed jobs have succeeded."""

TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>\d+)|(?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*)|(?P<operator>&&|\|\||==|!=|[!(),]))"
)
EMBEDDED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Expression:
    """A parsed expression.

    Attributes:
        evaluate: computes the value from the contexts.
        functions: the names of the functions that it calls.
    """

    evaluate: Evaluate
    functions: frozenset[str]


class _Parser:
    """Parse by precedence: `||`, `&&`, comparison, `!`, then values, names, calls and parentheses."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        self.functions: set[str] = set()
        position, stripped = 0, text.rstrip()
        while position < len(stripped):
            found = TOKEN.match(stripped, position)
            if found is None:
                raise self.unknown(stripped[position:])
            self.tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            position = found.end()

    def unknown(self, part: str) -> RehearsalError:
        return RehearsalError(
            f"expression `{self.text.strip()}`: the rehearsal does not interpret `{part.strip()}`; "
            "use what localcloud/rehearsal/expressions.py interprets, or extend it"
        )

    def parse(self) -> Expression:
        evaluate = self.either()
        if self.tokens:
            raise self.unknown(self.tokens[0][1])
        return Expression(evaluate, frozenset(self.functions))

    def takes(self, *operators: str) -> str | None:
        if self.tokens and self.tokens[0][0] == "operator" and self.tokens[0][1] in operators:
            return self.tokens.pop(0)[1]
        return None

    def either(self) -> Evaluate:
        left = self.both()
        while self.takes("||"):
            left = _either(left, self.both())
        return left

    def both(self) -> Evaluate:
        left = self.comparison()
        while self.takes("&&"):
            left = _both(left, self.comparison())
        return left

    def comparison(self) -> Evaluate:
        left = self.negation()
        while operator := self.takes("==", "!="):
            left = _compared(left, self.negation(), expected=operator == "==")
        return left

    def negation(self) -> Evaluate:
        if self.takes("!"):
            operand = self.negation()
            return lambda contexts: not operand(contexts)
        return self.value()

    def value(self) -> Evaluate:
        if self.takes("("):
            inner = self.either()
            if not self.takes(")"):
                raise self.unknown("a missing parenthesis")
            return inner
        if not self.tokens:
            raise self.unknown("its end")
        kind, text = self.tokens.pop(0)
        match kind:
            case "string":
                return _constant(text[1:-1].replace("''", "'"))
            case "number":
                return _constant(int(text))
            case "name" if text in CONSTANTS:
                return _constant(CONSTANTS[text])
            case "name" if self.takes("("):
                return self.call(text)
            case "name" if "." in text and text.partition(".")[0] in CONTEXTS:
                return lambda contexts: _look_up(text, contexts)
        raise self.unknown(text)

    def call(self, name: str) -> Evaluate:
        if name not in FUNCTIONS:
            raise self.unknown(f"{name}()")
        self.functions.add(name)
        arguments: list[Evaluate] = []
        while not self.takes(")"):
            arguments.append(self.either())
            if not self.takes(",") and self.tokens[:1] != [("operator", ")")]:
                raise self.unknown(f"{name}(")
        return lambda contexts: FUNCTIONS[name](*(argument(contexts) for argument in arguments))


def _constant(value: Any) -> Evaluate:
    return lambda _: value


def _either(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda contexts: left(contexts) or right(contexts)


def _both(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda contexts: left(contexts) and right(contexts)


def _compared(left: Evaluate, right: Evaluate, *, expected: bool) -> Evaluate:
    def evaluate(contexts: Contexts) -> bool:
        one, other = left(contexts), right(contexts)
        if isinstance(one, str) and isinstance(other, str):  # GitHub ignores case.
            return (one.lower() == other.lower()) == expected
        if None not in (one, other) and type(one) is not type(other):
            raise RehearsalError(f"{one!r} and {other!r} have different types; compare values of one type")
        return bool(one == other) == expected

    return evaluate


def _look_up(path: str, contexts: Contexts) -> Any:
    """Return a value of a context. Fields that the event does not have are null, as on GitHub; others are an error."""
    first, *rest = path.split(".")
    value: Any = contexts.get(first, {})
    for part in rest:
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif path.startswith("github.event."):
            return None
        else:
            raise RehearsalError(f"`{path}` has no value here; GitHub would use an empty text")
    return value


def parse(text: str) -> Expression:
    """Parse an expression without its `${{ }}`.

    Raises:
        RehearsalError: the rehearsal does not interpret a part of it.
    """
    return _Parser(text).parse()


def check(text: str) -> None:
    """Parse every expression in a text.

    Raises:
        RehearsalError: the rehearsal does not interpret one of them.
    """
    for embedded in EMBEDDED.findall(text):
        parse(embedded)


def render(value: Any, contexts: Contexts) -> str:
    """Return a value of a workflow file as text, with every `${{ }}` evaluated.

    Raises:
        RehearsalError: an expression is not interpreted, or names a value that does not exist.
    """
    return EMBEDDED.sub(lambda found: _text(parse(found[1]).evaluate(contexts)), _text(value))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def holds(condition: str | None, contexts: Contexts, *, needed_succeeded: bool) -> bool:
    """Check the `if` of a job.

    Args:
        condition: the condition, with or without `${{ }}`; None for the default.
        contexts: the contexts.
        needed_succeeded: whether all needed jobs have succeeded. It counts unless a status function is called.

    Raises:
        RehearsalError: the condition is not interpreted, or names a value that does not exist.
    """
    if condition is None:
        return needed_succeeded
    expression = parse(without_braces(condition))
    if not expression.functions & STATUS_FUNCTIONS and not needed_succeeded:
        return False
    return bool(expression.evaluate(contexts))


def without_braces(condition: str) -> str:
    """Return a condition without the `${{ }}` that can surround it."""
    whole = EMBEDDED.fullmatch(condition.strip())
    return whole[1] if whole else condition
