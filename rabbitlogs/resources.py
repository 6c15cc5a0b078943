"""Finds the package's data: grammars, rules and the generated recogniser, in a wheel or in a checkout."""

from __future__ import annotations

import os

_HERE = os.path.dirname(os.path.abspath(__file__))


def grammar_folder() -> str:
    """The folder of the grammars: inside an installed wheel, or beside the package in a checkout.

    An editable install does not see files mapped into the wheel, hence the second place.
    """
    inside = os.path.join(_HERE, "grammars")
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(_HERE), "grammars")


def rules_folder() -> str:
    """The folder of the rules that come with the package."""
    return os.path.join(_HERE, "rules")
