"""The entry point. Commands are loaded by name, so ``--help`` and ``explain`` import only what they use."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from rabbitlogs import __version__
from rabbitlogs.errors import RabbitlogsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

# name: (module, what the overview says), so that the overview loads no command
_COMMANDS = {
    "explain": ("rabbitlogs.cli.explain", "Explain logs: what happened, whose fault it is, what to do next."),
    "tail": ("rabbitlogs.cli.tail", "Follow logs and explain conditions as they happen."),
    "parse": ("rabbitlogs.cli.parse", "Print every record as JSON: kind, fields, place."),
    "rules": ("rabbitlogs.cli.rules", "List, filter and search the conditions that can be found."),
    "rule": ("rabbitlogs.cli.rules", "One condition on one page."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _COMMANDS.get(cmd_name)
        return None if entry is None else getattr(import_module(entry[0]), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-") and (os.path.exists(args[0]) or args[0] == "-"):
            raise click.UsageError(f"Is {args[0]!r} a log? Then: rabbitlogs explain {args[0]}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="rabbitlogs")
def cli() -> None:
    """Reads a RabbitMQ broker's log and says what happened, whose fault it is, since when, whether it is still so, and
    what to do next.

    \b
    rabbitlogs explain /var/log/rabbitmq/rabbit@host.log
    kubectl logs rabbit-0 | rabbitlogs explain -
    rabbitlogs tail /var/log/rabbitmq/
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code (0 done, 1 failed, 2 usage, 3 nothing to read, 4 see --fail-on)."""
    try:
        code = cli.main(args=list(arguments) if arguments is not None else None, prog_name="rabbitlogs", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Abort:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except RabbitlogsError as error:
        click.echo(f"rabbitlogs: {error}", err=True)
        return 2 if isinstance(error, UsageError) else 1
    return code if isinstance(code, int) else 0


def run() -> None:
    """The console script."""
    sys.exit(main())
