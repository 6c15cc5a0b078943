"""``rabbitlogs explain``."""

from __future__ import annotations

import sys

import click

from rabbitlogs.cli.options import format_options, rule_options, use_formats

NOTHING_TO_READ = 3
FOUND = 4
LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
SEVERITIES = ("info", "notice", "warning", "error", "critical")


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json", "markdown", "html"]), default="text", help="Of the report."
)
@click.option("--all", "everything", is_flag=True, help="Every finding in full, not only the most important.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit with 4 when a finding is at least this severe.")
@click.option("--since", metavar="TIME", help="Only records from this time on: ISO, or 2h for two hours ago.")
@click.option("--until", metavar="TIME", help="Only records up to this time.")
@click.option("--level", type=click.Choice(LEVELS), help="Only records of at least this level.")
@click.option("--node", multiple=True, help="Only logs of this node; may be repeated.")
@rule_options
@format_options
@click.option("--baseline", metavar="FILE", help="An earlier log: say what is new, more frequent or set differently since.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Processes for large logs; by default one a core.")
@click.pass_context
def explain(
    ctx: click.Context, paths: tuple[str, ...], format_: str, everything: bool, fail_on: str | None,
    since: str | None, until: str | None, level: str | None, node: tuple[str, ...],
    only: tuple[str, ...], ignore: tuple[str, ...], own_rules: tuple[str, ...], overrides: str | None, baseline: str | None,
    log_format: str | None, config: str | None, jobs: int | None,
) -> int:  # fmt: skip
    """Explain logs: files, folders, archives, or - for standard input.

    The format of a log and whatever wraps it (docker, kubectl, journald, syslog ...) is recognised; nothing needs to be
    said. The verdict comes first.
    """
    from functools import cache, partial

    from rabbitlogs.api import analyse
    from rabbitlogs.engine.analysis import Analysis
    from rabbitlogs.sources import open_sources

    if not paths:
        if sys.stdin.isatty():
            click.echo(ctx.get_help())
            return 2
        paths = ("-",)
    from rabbitlogs.engine.own_rules import load_catalogue

    load = partial(load_catalogue, own_rules, overrides)  # for other processes
    catalogue = cache(load)
    if only or ignore:
        catalogue().check_names(only, "--only")
        catalogue().check_names(ignore, "--ignore")
    use_formats(log_format, config)
    opened = open_sources(paths)
    if node:
        from rabbitlogs.engine.nodes import of_nodes

        opened = of_nodes(opened, node)
    if not opened.sources:
        for problem in opened.problems:
            click.echo(f"rabbitlogs: {problem.sentence}", err=True)
        return NOTHING_TO_READ
    if since or until or level:
        from rabbitlogs.engine.filters import Filter, FilteredAnalysis, moment

        chosen = Filter(moment(since, "--since") if since else None, moment(until, "--until") if until else None, level)
        analysis: Analysis = FilteredAnalysis(chosen, catalogue())
    else:
        analysis = Analysis(catalogue())
    if jobs is None:
        from rabbitlogs.engine.parallel import cores

        jobs = cores()
    from rabbitlogs.cli.progress import progress_of

    with progress_of(opened) as progress:
        analyse(analysis, opened, jobs=jobs, catalogue=load, progress=progress)
        report = analysis.report()
    if baseline:
        from rabbitlogs.engine.overview import compare

        before = Analysis(catalogue())
        analyse(before, open_sources((baseline,)), jobs=jobs, catalogue=load)
        report.baseline = compare(report, before.report())
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
