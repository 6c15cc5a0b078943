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
    assert calls[1].arguments == ("A", "B")
    missing, seen = uncovered(tmp_path)
    assert [call.line for call in missing] == [4]
    assert seen == {"info": 1, "warning": 1}


def test_a_format_is_joined_with_what_is_computed(tmp_path: Path) -> None:
    """A macro of the file stands for its string, anything else for any text; a macro that logs is no call."""
    (tmp_path / "rabbit_x.erl").write_text(
        '-module(rabbit_x).\n-define(NAME, "the " "broker").\n-define(INFO(F, A), ?LOG_INFO("[~s] " F, [?MODULE | A])).\n'
        'a(Why) -> ?LOG_ERROR(?NAME " of ~ts", [f(a, [b, "c, d"]), {e, f}]).\n'
        'b(Why) -> ?LOG_ERROR("it was " ?NAME ": " ++ Why ++ "!", [node()]).\n',
        encoding="utf-8",
    )
    first, second = log_calls(tmp_path / "rabbit_x.erl")
    assert first.format == "the broker of ~ts"
    assert first.arguments == ('f(a, [b, "c, d"])', "{e, f}")
    assert second.format == "it was the broker: ~ts!"
    assert second.arguments == ("node()",)


def test_the_name_of_an_argument_tells_its_sort(tmp_path: Path) -> None:
    """A kind that wants a process, a connection and a number finds them without trying every combination."""
    (tmp_path / "rabbit_x.erl").write_text(
        "-module(rabbit_x).\n"
        "a() -> ?LOG_ERROR(\"Error on AMQP connection ~tp (~ts, vhost: '~ts', user: '~ts', state: ~tp), channel ~tp:\"\n"
        '  "error while terminating:~n~tp", [self(), ConnName, VHost, User#user.username, CS, Channel, Reason]).\n',
        encoding="utf-8",
    )
    assert uncovered(tmp_path) == ([], {"error": 1})
