"""Options that several commands have: which conditions and rules, and what a log's format is."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbitlogs.engine.catalogue import Catalogue

Command = TypeVar("Command", bound="Callable[..., object]")


own_rules_option = click.option(
    "--rules", "own_rules", multiple=True, metavar="DIR", help="A folder of your own rules; may be repeated."
)


def own_catalogue(folders: tuple[str, ...]) -> Catalogue:
    """The rules to show, those of the folders given among them; broken files are named on standard error."""
    from rabbitlogs.engine.own_rules import load_catalogue

    catalogue = load_catalogue(folders)
    for problem in catalogue.problems:
        click.echo(f"rabbitlogs: {problem}", err=True)
    return catalogue


def rule_options(command: Command) -> Command:
    """Adds ``--only``, ``--ignore``, ``--rules`` and ``--overrides``."""
    for option in (
        click.option("--overrides", metavar="FILE", help="TOML that silences, re-grades or annotates conditions."),
        own_rules_option,
        click.option("--ignore", multiple=True, metavar="ID", help="Leave this condition or area out; may be repeated."),
        click.option("--only", multiple=True, metavar="ID", help="Only this condition or area; may be repeated."),
    ):
        command = option(command)
    return command


def format_options(command: Command) -> Command:
    """Adds ``--log-format`` and ``--config``."""
    command = click.option("--config", metavar="FILE", help="The broker's rabbitmq.conf, to take its log format from.")(command)
    return click.option(
        "--log-format", metavar="FORMAT", help="The log's own plaintext.format, as '$level $time $msg'; usually found out."
    )(command)


def use_formats(log_format: str | None, config: str | None) -> None:
    """Reads lines of the format given, and of those a broker's configuration sets."""
    from rabbitlogs.errors import UsageError
    from rabbitlogs.framing.headers import formats_of_config, use_format

    if log_format:
        use_format(log_format)
    if config:
        try:
            with open(config, encoding="utf-8", errors="replace") as file:
                found = formats_of_config(file.read())
        except OSError as error:
            raise UsageError(f"--config {config}: {error.strerror or error}.") from error
        for text in found:
            use_format(text)
