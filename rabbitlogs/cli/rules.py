"""``rabbitlogs rules`` and ``rabbitlogs rule``."""

from __future__ import annotations

import sys

import click

from rabbitlogs.cli.options import own_catalogue, own_rules_option


@click.command()
@click.argument("words", nargs=-1, metavar="[WORD]...")
@click.option("--area", help="Only this area: tls, connection, queue ...")
@click.option("--severity", type=click.Choice(["info", "notice", "warning", "error", "critical"]), help="Only this severity.")
@own_rules_option
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
def rules(words: tuple[str, ...], area: str | None, severity: str | None, own_rules: tuple[str, ...], format_: str) -> int:
    """List the conditions that can be found; WORDs search their ids, titles and texts."""
    from rabbitlogs.api import find_rules

    found = find_rules(words, area, severity, own_catalogue(own_rules))
    if format_ == "json":
        import json

        from rabbitlogs.report.pages import rule_dict

        json.dump([rule_dict(rule) for rule in found], sys.stdout, indent=1)
        click.echo()
        return 0
    if not found:
        click.echo("No condition has all of that. Try fewer words, or: rabbitlogs rules", err=True)
        return 1
    from rabbitlogs.report.pages import write_list

    write_list(found, sys.stdout)
    return 0


@click.command()
@click.argument("rule_id", metavar="ID")
@own_rules_option
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
def rule(rule_id: str, own_rules: tuple[str, ...], format_: str) -> int:
    """One condition on one page: what it means, why it matters, causes, next steps, documentation."""

    from rabbitlogs.errors import UsageError
    from rabbitlogs.report.pages import rule_dict, write_page

    catalogue = own_catalogue(own_rules)
    found = catalogue.find(rule_id)
    if found is None:
        raise UsageError(f"no condition has the id {rule_id!r}.{catalogue.near(rule_id)}")
    if format_ == "json":
        import json

        json.dump(rule_dict(found), sys.stdout, indent=1)
        click.echo()
    else:
        write_page(found, sys.stdout)
    return 0
