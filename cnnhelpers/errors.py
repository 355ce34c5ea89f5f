"""The error a user sees, and the nearest name to a mistyped one."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")  # what colours a terminal


class InputError(ValueError):
    """Bad input: the message names the value, what was expected and what to do.

    >>> from cnnhelpers import Protocol
    >>> Protocol(epochs=0)
    Traceback (most recent call last):
    cnnhelpers.errors.InputError: epochs must be a whole number of at least 1. Received: epochs=0
    """


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for a `name` that is none of the `known` ones, with the nearest suggested.

    >>> print(unknown("dataset", "mnits", ["digits", "mnist"]))
    unknown dataset 'mnits': did you mean 'mnist'? Known: digits, mnist
    """
    known = sorted(known)
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(str(name).casefold(), by_folded, n=1)
    hint = f" did you mean {by_folded[close[0]]!r}?" if close else ""
    return InputError(f"unknown {kind} {name!r}:{hint} Known: {', '.join(known)}")


def one_line(said: object) -> str:
    r"""Return what an error says in one line, without the colours of a terminal: Keras writes both.

    >>> one_line(ValueError("\x1b[1mNo pixel\x1b[0m is left.\n\nReceived: (0, 0)"))
    'No pixel is left. Received: (0, 0)'
    """
    return " ".join(ANSI.sub("", str(said)).split())


def is_number(value: Any) -> bool:
    """Return whether `value` is a number; True and False, which Python counts as such, are not.

    >>> is_number(1), is_number(0.5), is_number(True), is_number("1")
    (True, True, False, False)
    """
    return isinstance(value, (int, float)) and not isinstance(value, bool)
