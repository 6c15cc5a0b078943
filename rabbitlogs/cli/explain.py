"""``rabbitlogs explain``."""

from __future__ import annotations

import sys

import click

NOTHING_TO_READ = 3
FOUND = 4
SEVERITIES = ("info", "notice", "warning", "error", "critical")


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json", "markdown", "html"]), default="text", help="Of the report."
)
@click.option("--all", "everything", is_flag=True, help="Every finding in full, not only the most important.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit with 4 when a finding is at least this severe.")
@click.option("--only", multiple=True, metavar="ID", help="Only this condition or area; may be repeated.")
@click.option("--ignore", multiple=True, metavar="ID", help="Leave this condition or area out; may be repeated.")
@click.pass_context
def explain(
    ctx: click.Context, paths: tuple[str, ...], format_: str, everything: bool, fail_on: str | None,
    only: tuple[str, ...], ignore: tuple[str, ...],
) -> int:  # fmt: skip
    """Explain logs: files, folders, archives, or - for standard input.

    The format of a log and whatever wraps it (docker, kubectl, journald, syslog ...) is recognised; nothing needs to be
    said. The verdict comes first.
    """
    from rabbitlogs.api import analyse
    from rabbitlogs.engine.analysis import Analysis
    from rabbitlogs.sources import open_sources

    if not paths:
        if sys.stdin.isatty():
            click.echo(ctx.get_help())
            return 2
        paths = ("-",)
    opened = open_sources(paths)
    if not opened.sources:
        for problem in opened.problems:
            click.echo(f"rabbitlogs: {problem.sentence}", err=True)
        return NOTHING_TO_READ
    analysis = Analysis()
    analyse(analysis, opened)
    report = analysis.report()
    report.select(only, ignore)
    for problem_text in report.problems:
        click.echo(f"rabbitlogs: {problem_text}", err=True)
    if format_ == "json":
        from rabbitlogs.report.json import write_json

        write_json(report, sys.stdout)
    elif format_ == "text":
        from rabbitlogs.report.text import write_text

        write_text(report, sys.stdout, everything=everything)
    else:
        from rabbitlogs.report import documents

        sys.stdout.write(documents.markdown(report) if format_ == "markdown" else documents.html(report))
    if fail_on and any(SEVERITIES.index(f.severity) >= SEVERITIES.index(fail_on) for f in report.findings):
        return FOUND
    return 0
