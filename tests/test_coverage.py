"""The tool that finds what a RabbitMQ release logs and no kind covers."""

from __future__ import annotations

from pathlib import Path

from rabbitlogs.parsing.coverage import log_calls, uncovered


def test_calls_are_found_and_uncovered_ones_named(tmp_path: Path) -> None:
    """Macros, old calls, joined literals; comments are no calls; what is known is not listed."""
    (tmp_path / "rabbit_x.erl").write_text(
        '-module(rabbit_x).\n%% ?LOG_ERROR("in a comment", [])\n'
        'a() -> ?LOG_INFO("accepting AMQP connection ~ts", [Name]).\n'
        'b() -> rabbit_log:warning("nobody ever wrote ~ts "\n   "this sentence ~tp", [A, B]).\n'
        "c(Fmt) -> ?LOG_ERROR(Fmt, []).\n",
        encoding="utf-8",
    )
    calls = list(log_calls(tmp_path / "rabbit_x.erl"))
    assert [(call.line, call.level) for call in calls] == [(3, "info"), (4, "warning")]
    assert calls[1].format == "nobody ever wrote ~ts this sentence ~tp"
    missing, seen = uncovered(tmp_path)
    assert [call.line for call in missing] == [4]
    assert seen == {"info": 1, "warning": 1}
