"""``rabbitlogs tail``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from rabbitlogs.cli.options import format_options, rule_options, use_formats

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbitlogs.follow import Follower, Item
    from rabbitlogs.follow.notify import Notifier

SEVERITIES = ("info", "notice", "warning", "error", "critical")
TICK = 0.25


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--format", "format_", type=click.Choice(["text", "jsonl"]), default="text", help="jsonl: an object a line.")
@click.option("--from-start", is_flag=True, help="Read what is in the logs already, too.")
@click.option("--until", metavar="ID", help="End with 0 when this condition is seen; boot-complete: when the node has started.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="End after so long; with --until exit with 4.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit with 4 at the first finding at least this severe.")
@click.option("--exec", "command", metavar="COMMAND", help="Run for each new condition, its JSON on standard input.")
@click.option("--webhook", metavar="URL", help="Post the JSON of each new condition there.")
@click.option("--metrics", metavar="[HOST:]PORT", help="Serve counters for Prometheus; on loopback unless a host is given.")
@click.option("--state", metavar="FILE", help="Remember there where reading was, and go on there the next time.")
@click.option("--polling/--no-polling", default=None, help="Look regularly, or rely on the system's word; chosen by itself.")
@rule_options
@format_options
@click.pass_context
def tail(
    ctx: click.Context, paths: tuple[str, ...], format_: str, from_start: bool, until: str | None, timeout: float | None,
    fail_on: str | None, command: str | None, webhook: str | None, metrics: str | None, state: str | None,
    polling: bool | None, only: tuple[str, ...], ignore: tuple[str, ...], own_rules: tuple[str, ...],
    overrides: str | None, log_format: str | None, config: str | None,
) -> int:  # fmt: skip
    """Follow logs and explain conditions as they happen.

    PATHs are files, folders (logs of new nodes are followed as they appear), - for standard input, or the address of a
    node whose log.exchange is on: amqps://user:password@host. Rotation of any kind is followed. Ctrl-C ends with a summary.

    \b
    rabbitlogs tail /var/log/rabbitmq/
    kubectl logs -f rabbit-0 | rabbitlogs tail -
    rabbitlogs tail --until boot-complete --timeout 120 /var/log/rabbitmq/
    """
    from contextlib import closing

    from rabbitlogs.engine.own_rules import load_catalogue
    from rabbitlogs.follow import Diagnosis, Follower
    from rabbitlogs.follow.until import Until
    from rabbitlogs.report.live import JsonPrinter, TextPrinter

    if not paths:
        if sys.stdin.isatty():
            click.echo(ctx.get_help())
            return 2
        paths = ("-",)
    _allow_many_files()
    use_formats(log_format, config)
    catalogue = load_catalogue(own_rules, overrides)
    catalogue.check_names(only, "--only")
    catalogue.check_names(ignore, "--ignore")
    goal = Until(catalogue, until, timeout, fail_on)
    follower = Follower(*paths, catalogue=catalogue, from_start=from_start, polling=polling, state=state, watch=goal.watch)
    for problem in catalogue.problems:
        click.echo(f"rabbitlogs: {problem}", err=True)
    closers: list[Callable[[], None]] = []
    printer = JsonPrinter(sys.stdout) if format_ == "jsonl" else TextPrinter(sys.stdout)
    interrupted = False
    try:
        notifiers = _notifiers(command, webhook, closers)
        served = _metrics(metrics, closers)
        closers.append(_stop_on_signals(follower))
        with closing(follower.ticks(TICK)) as ticks:
            for item in ticks:
                if item is None:
                    if printer.wants_status or served is not None:
                        status = follower.status()
                        printer.tick(status)
                        if served is not None:
                            served.show(status)
                    else:
                        printer.tick(None)
                    _complain(notifiers)
                    if goal.is_over(follower):
                        break
                    continue
                if not _is_chosen(item, only, ignore):
                    continue
                printer.show([item])
                if isinstance(item, Diagnosis) and item.is_new:
                    for notifier in notifiers:
                        notifier.offer(item)
                if goal.saw(item):
                    break
            else:
                interrupted = follower.was_stopped
        status = follower.status()
        code = goal.conclude(follower, interrupted=interrupted)
        report = follower.report()
        report.select(only, ignore)
        printer.close(report, status)
    finally:
        for close in reversed(closers):
            close()
    if follower.failed is not None and code == 0 and not interrupted:
        click.echo(f"rabbitlogs: {follower.failed}", err=True)
        return 1
    if goal.reason:
        click.echo(f"rabbitlogs: {goal.reason}", err=True)
    return code


def _allow_many_files() -> None:
    """Each followed file stays open; the usual limit of 1,024 is only a default."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _is_chosen(item: Item, only: tuple[str, ...], ignore: tuple[str, ...]) -> bool:
    from rabbitlogs.engine.catalogue import is_named
    from rabbitlogs.follow import Diagnosis

    rule_id = item.finding.id if isinstance(item, Diagnosis) else getattr(item, "id", None)
    if rule_id is None:
        return True
    return (not only or is_named(rule_id, only)) and not is_named(rule_id, ignore)


def _notifiers(command: str | None, webhook: str | None, closers: list[Callable[[], None]]) -> list[Notifier]:
    from rabbitlogs.follow.notify import Notifier, command_receiver, web_receiver

    out = []
    if command is not None:
        out.append(Notifier("--exec", command_receiver(command)))
    if webhook is not None:
        out.append(Notifier("--webhook", web_receiver(webhook)))
    closers.extend(notifier.close for notifier in out)
    return out


def _complain(notifiers: list[Notifier]) -> None:
    for notifier in notifiers:
        while not notifier.problems.empty():
            click.echo(f"rabbitlogs: {notifier.problems.get()}", err=True)


def _metrics(address: str | None, closers: list[Callable[[], None]]) -> Any:
    if address is None:
        return None
    from rabbitlogs.follow.metrics import Metrics

    served = Metrics(address)
    closers.append(served.close)
    click.echo(f"rabbitlogs: metrics are served on port {served.port}", err=True)
    return served


def _stop_on_signals(follower: Follower) -> Callable[[], None]:
    """Ctrl-C and SIGTERM end following in order; a second one ends the program."""
    import signal
    import threading

    def stop(number: int, _frame: Any) -> None:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        follower.stop()

    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore
