"""``rabbitlogs parse``."""

from __future__ import annotations

import sys

import click

from rabbitlogs.cli.options import format_options, use_formats

NOTHING_TO_READ = 3


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--format", "format_", type=click.Choice(["jsonl"]), default="jsonl", help="One JSON object a line.")
@format_options
def parse(paths: tuple[str, ...], format_: str, log_format: str | None, config: str | None) -> int:
    """Print every record as one JSON object: place, time, level, kind, typed fields.

    The bytes of all records, joined, are the input; passwords and tokens in messages and fields are masked.
    Files, folders, archives, or - for standard input.
    """
    from rabbitlogs.engine.events import lines_of
    from rabbitlogs.report.jsonl import event_line, event_lines
    from rabbitlogs.sources import open_sources

    use_formats(log_format, config)
    opened = open_sources(paths)
    for problem in opened.problems:
        click.echo(f"rabbitlogs: {problem.sentence}", err=True)
    if not opened.sources:
        return NOTHING_TO_READ
    write = sys.stdout.buffer.write
    for source in opened.sources:
        for lines in lines_of(source, event_line, event_lines):
            write(lines)
    sys.stdout.buffer.flush()
    return 0
