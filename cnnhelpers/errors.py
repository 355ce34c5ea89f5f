"""Errors for bad input, and the checks of numbers that raise them."""

import math
import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")  # terminal colours


class InputError(ValueError):
    """Bad input; the message names the value, what was expected and the fix.

    >>> from cnnhelpers import Protocol
    >>> Protocol(epochs=0)
    Traceback (most recent call last):
    cnnhelpers.errors.InputError: epochs must be a whole number of at least 1. Received: epochs=0
    """


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for an unknown `name`, with the nearest of the `known` names as a suggestion.

    >>> print(unknown("dataset", "mnits", ["digits", "mnist"]))
    unknown dataset 'mnits': did you mean 'mnist'? Known: digits, mnist
    """
    known = sorted(known)
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(str(name).casefold(), by_folded, n=1)
    hint = f" did you mean {by_folded[close[0]]!r}?" if close else ""
    return InputError(f"unknown {kind} {name!r}:{hint} Known: {', '.join(known)}")


def check_count(name: str, value: int, lowest: int = 1) -> None:
    """Raise InputError unless `value` is a whole number of at least `lowest`."""
    if type(value) is not int or value < lowest:
        raise InputError(f"{name} must be a whole number of at least {lowest}. Received: {name}={value!r}")


def check_positive(name: str, value: float) -> None:
    """Raise InputError unless `value` is a finite number above 0."""
    if not is_number(value) or not 0 < value < math.inf:
        raise InputError(f"{name} must be a finite number above 0. Received: {name}={value!r}")


def is_number(value: Any) -> bool:
    """Return whether `value` is an int or a float; a bool is not a number here.

    >>> is_number(1), is_number(0.5), is_number(True), is_number("1")
    (True, True, False, False)
    """
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def one_line(error: object) -> str:
    r"""Return the text of an error on one line, without the colours that Keras writes.

    >>> one_line(ValueError("\x1b[1mNo pixel\x1b[0m is left.\n\nReceived: (0, 0)"))
    'No pixel is left. Received: (0, 0)'
    """
    return " ".join(ANSI.sub("", str(error)).split())
