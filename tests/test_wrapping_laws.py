"""Laws 5 and 6 as properties: any records, in any format and any wrapper, two of them inside each other too."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rabbitlogs

if TYPE_CHECKING:
    from collections.abc import Callable

    Lines = list[str]


class Rec(NamedTuple):
    """A record to be written in many ways."""

    time: datetime
    level: str
    pid: str
    message: str

    @property
    def stamp(self) -> str:
        return self.time.isoformat(" ", "microseconds")


_MESSAGES = [
    ("info", "accepting AMQP connection 10.0.0.5:{n} -> 10.0.0.2:5672"),
    ("info", "connection 10.0.0.5:{n} -> 10.0.0.2:5672: user 'app' authenticated and granted access to vhost '/'"),
    (
        "error",
        "Error on AMQP connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672, state: starting):\n"
        "PLAIN login refused: user 'billing' - invalid credentials",
    ),
    (
        "warning",
        "closing AMQP connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672, vhost: '/', user: 'app'):\n"
        "client unexpectedly closed TCP connection",
    ),
    ("error", "closing AMQP connection <0.{n}.0> (10.0.0.5:{n} -> 10.0.0.2:5672):\nmissed heartbeats from client, timeout: 60s"),
    ("info", "node rabbit@b down: connection_closed"),
    ("info", "Server startup complete; {n} plugins started."),
]
_BEGIN = datetime(2026, 11, 23, 7, 46, 48, 684571, UTC)


@st.composite
def _records(draw: st.DrawFn) -> list[Rec]:
    chosen = draw(
        st.lists(st.tuples(st.sampled_from(_MESSAGES), st.integers(1000, 60000), st.integers(1, 90)), min_size=4, max_size=9)
    )
    out, time = [], _BEGIN
    for (level, message), number, seconds in chosen:
        time += timedelta(seconds=seconds, microseconds=number)
        out.append(Rec(time, level, f"<0.{number}.0>", message.format(n=number)))
    return out


def _text(records: list[Rec], template: str = "{stamp} [{level}] {pid} {line}") -> Lines:
    return [
        template.format(
            stamp=r.stamp, level=r.level, pid=r.pid, line=line, T=r.stamp.replace(" ", "T"), usecs=round(r.time.timestamp() * 1e6),
            secs=f"{r.time.timestamp():.6f}", LEVEL=r.level.upper(), day=r.time.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        )
        for r in records
        for line in r.message.split("\n")
    ]  # fmt: skip


def _json(records: list[Rec], **names: str) -> Lines:
    rows = ({"time": r.stamp, "level": r.level, "msg": r.message, "pid": r.pid, "domain": "rabbitmq"} for r in records)
    return [json.dumps({names.get(key, key): value for key, value in row.items()}) for row in rows]


FORMATS: dict[str, Callable[[list[Rec]], Lines]] = {
    "rfc3339_T": lambda rs: _text(rs, "{T} [{level}] {pid} {line}"),
    "epoch_usecs": lambda rs: _text(rs, "{usecs} [{level}] {pid} {line}"),
    "epoch_secs": lambda rs: _text(rs, "{secs} [{level}] {pid} {line}"),
    "uc": lambda rs: _text(rs, "{stamp} [{LEVEL}] {pid} {line}"),
    "colours": lambda rs: _text(rs, "\x1b[38;5;160m{stamp} [{level}] {pid} {line}\x1b[0m"),
    "other order": lambda rs: _text(rs, "[{level}] {stamp} {pid} {line}"),
    "bars": lambda rs: _text(rs, "{pid}|{level}|{stamp}|{line}"),
    "message first": lambda rs: _text(rs, "{line} ({level} {stamp} {pid})"),
    "day of the web": lambda rs: _text(rs, "{day} {level} {pid} - {line}"),
    "no process": lambda rs: _text(rs, "{stamp} [{level}] {line}"),
    "single_line": lambda rs: _text([r._replace(message=r.message.replace("\n", ", ")) for r in rs]),
    "json": _json,
    "json, renamed": lambda rs: _json(rs, time="@timestamp", level="severity", msg="message"),
    "json, pretty": lambda rs: [line for row in _json(rs) for line in json.dumps(json.loads(row), indent=2).split("\n")],
    "lager": lambda rs: [line for r in rs for line in f"{r.stamp[:23]} [{r.level}] {r.pid} {r.message}".split("\n")],
}

_NANO = "2026-11-23T07:46:48.123456789Z"
WRAPPERS: dict[str, Callable[[Lines], Lines]] = {
    "docker json-file": lambda ls: [json.dumps({"log": f"{x}\n", "stream": "stdout", "time": _NANO}) for x in ls],
    "docker logs --timestamps": lambda ls: [f"{_NANO} {x}" for x in ls],
    "cri": lambda ls: [f"{_NANO} stdout F {x}" for x in ls],
    "compose": lambda ls: [f"rabbitmq-1  | {x}" for x in ls],
    "kubectl --prefix": lambda ls: [f"[pod/rabbit-0/rabbitmq] {x}" for x in ls],
    "kubectl --prefix --timestamps": lambda ls: [f"[pod/rabbit-0/rabbitmq] {_NANO} {x}" for x in ls],
    "journald": lambda ls: [f"Nov 23 07:46:48 host rabbitmq-server[17]: {x}" for x in ls],
    "journald short-iso": lambda ls: [f"2026-11-23T07:46:48+0000 host rabbitmq-server[17]: {x}" for x in ls],
    "journald short-precise": lambda ls: [f"Nov 23 07:46:48.123456 host rabbitmq-server[17]: {x}" for x in ls],
    "journald json": lambda ls: [json.dumps({"__CURSOR": "s=1", "MESSAGE": x, "_HOSTNAME": "host", "SYSLOG_IDENTIFIER": "rabbitmq"}) for x in ls],
    "syslog 3164": lambda ls: [f"<29>Nov 23 07:46:48 host rabbitmq-server[17]: {x}" for x in ls],
    "syslog 5424": lambda ls: [f"<29>1 2026-11-23T07:46:48.123456Z host rabbitmq-server 17 - - {x}" for x in ls],
    "grep -n": lambda ls: [f"{n}:{x}" for n, x in enumerate(ls, 1)],
    "grep -H": lambda ls: [f"/var/log/rabbitmq/rabbit@a.log:{x}" for x in ls],
    "mail": lambda ls: [f"> {x}" for x in ls],
    "line numbers": lambda ls: [f"{n:6d}\t{x}" for n, x in enumerate(ls, 1)],
    "loki": lambda ls: [json.dumps({"line": x, "timestamp": _NANO, "labels": {"app": "rabbitmq"}}) for x in ls],
}  # fmt: skip
FRAMES: dict[str, Callable[[Lines], str]] = {
    "journald export": lambda ls: "".join(f"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1795420008684571\nMESSAGE={x}\n_HOSTNAME=h\n\n" for x in ls),
    "journald verbose": lambda ls: "".join(
        f"Mon 2026-11-23 07:46:48.684571 UTC [s=ab;i=1]\n    MESSAGE={x}\n    _HOSTNAME=h\n" for x in ls
    ),
    "syslog, octets counted": lambda ls: "".join(
        f"{len(frame.encode())} {frame}" for x in ls for frame in [f"<29>1 {_NANO[:26]}Z host rabbitmq 17 - - {x}"]
    ),
}  # fmt: skip
_quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _findings(text: str) -> list[tuple[str, int, str]]:
    return sorted((f.id, f.count, f.state) for f in rabbitlogs.explain(rabbitlogs.Text(text)).findings)


def _events(text: str) -> list[tuple[str, str]]:
    return [(e.kind, " ".join(e.record.message.split())) for e in rabbitlogs.parse(text.encode()) if e.record.message]


def _joined(lines: Lines) -> str:
    return "\n".join(lines) + "\n"


@given(_records(), st.sampled_from(sorted(FORMATS)))
@_quick
def test_the_format_does_not_matter(records: list[Rec], name: str) -> None:
    """Law 6."""
    assert _findings(_joined(FORMATS[name](records))) == _findings(_joined(_text(records)))


@given(_records(), st.lists(st.sampled_from(sorted(WRAPPERS)), min_size=1, max_size=2))
@_quick
def test_the_envelope_does_not_matter(records: list[Rec], names: list[str]) -> None:
    """Law 5: the same events with their original text, and not a byte outside of the records."""
    plain = lines = _text(records)
    for name in names:
        lines = WRAPPERS[name](lines)
    assert _events(_joined(lines)) == _events(_joined(plain))
    data = _joined(lines).encode()
    assert b"".join(data[r.offset : r.offset + r.length] for r in rabbitlogs.read(data)) == data


@given(_records(), st.sampled_from(sorted(FRAMES)), st.sampled_from(["", *sorted(WRAPPERS)]))
@_quick
def test_what_does_not_go_by_lines_does_not_matter(records: list[Rec], name: str, inner: str) -> None:
    """Law 5 for frames, also round another wrapper."""
    plain = _text(records)
    lines = WRAPPERS[inner](plain) if inner else plain
    assert _events(FRAMES[name](lines)) == _events(_joined(plain))


@given(
    _records(),
    st.sampled_from(sorted(FORMATS)),
    st.sampled_from(["docker json-file", "cri", "compose", "journald", "syslog 5424"]),
)
@_quick
def test_a_format_in_an_envelope(records: list[Rec], name: str, wrapper: str) -> None:
    """Both at once."""
    assert _findings(_joined(WRAPPERS[wrapper](FORMATS[name](records)))) == _findings(_joined(_text(records)))
