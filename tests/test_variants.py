"""Laws 5 and 6: neither the envelope nor the format of a log changes what is found in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import rabbitlogs

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
RECORDS = [
    ("2026-11-23 07:46:48.684571+00:00", "info", "<0.820.0>", "accepting AMQP connection 127.0.0.1:40000 -> 127.0.0.1:5672"),
    (
        "2026-11-23 07:46:49.100000+00:00",
        "error",
        "<0.821.0>",
        "Error on AMQP connection <0.821.0> (127.0.0.1:40000 -> 127.0.0.1:5672, state: starting):\n"
        "PLAIN login refused: user 'billing' - invalid credentials",
    ),
    (
        "2026-11-23 07:46:50.200000+00:00",
        "warning",
        "<0.830.0>",
        "closing AMQP connection <0.830.0> (127.0.0.1:40001 -> 127.0.0.1:5672, vhost: '/', user: 'app'):\n"
        "client unexpectedly closed TCP connection",
    ),
    ("2026-11-23 07:46:51.300000+00:00", "info", "<0.840.0>", "node rabbit@b down: connection_closed"),
]


def _text() -> list[str]:
    return [f"{time} [{level}] {pid} {line}" for time, level, pid, message in RECORDS for line in message.split("\n")]


def _stamp(time: str) -> str:
    return time[:19].replace(" ", "T") + "." + time[20:26] + "000Z"


def _of_day(time: str) -> str:
    return f"Nov 23 {time[11:19]}"


def _custom(template: str) -> str:
    out = []
    for time, level, pid, message in RECORDS:
        for line in message.split("\n"):
            out.append(template.format(time=time, level=level, LEVEL=level.upper()[:4], pid=pid, line=line))
    return "\n".join(out) + "\n"


def _json(names: dict[str, str]) -> str:
    rows = []
    for time, level, pid, message in RECORDS:
        row = {"time": time, "level": level, "msg": message, "pid": pid, "domain": "rabbitmq.connection", "line": 12}
        rows.append(json.dumps({names.get(key, key): value for key, value in row.items() if names.get(key) != ""}))
    return "\n".join(rows) + "\n"


def _lager() -> str:
    return "".join(f"{time[:23]} [{level}] {pid} {message}\n" for time, level, pid, message in RECORDS)


def _report() -> str:
    return "".join(
        f"\n={level.upper()} REPORT==== 23-Nov-2026::{time[11:19]} ===\n{message}\n" for time, level, pid, message in RECORDS
    )


def _journal(line: str, number: int) -> dict[str, str]:
    return {
        "__CURSOR": f"s=ab;i={number}",
        "__REALTIME_TIMESTAMP": "1795420008684571",
        "MESSAGE": line,
        "_HOSTNAME": "host",
        "SYSLOG_IDENTIFIER": "rabbitmq-server",
    }


def _verbose() -> str:
    head = "Mon 2026-11-23 07:46:48.684571 UTC [s=ab12;i=7;b=0c;m=1;t=2;x=3]"
    fields = "    PRIORITY=6\n    _HOSTNAME=host\n    SYSLOG_IDENTIFIER=rabbitmq-server\n"
    return "".join(f"{head}\n{fields}    MESSAGE={line}\n    _PID=17\n" for line in _text())


def _carried(make: Callable[[str], object]) -> str:
    return "".join(json.dumps(make(line)) + "\n" for line in _text())


def _csv(*, before: str, after: str, titles: str) -> str:
    quote = '"'
    return titles + "".join(f"{before}{quote}{line.replace(quote, quote * 2)}{quote}{after}\n" for line in _text())


def _rsyslog() -> str:
    rows = [f"{t} [{lv}] {p} " + m.replace("\n", f"#012{t} [{lv}] {p} ") for t, lv, p, m in RECORDS]
    return "".join(f"Nov 23 07:46:48 host rabbitmq-server[17]: {row}\n" for row in rows)


def _cut(text: str, width: int) -> str:
    return "".join(line[at : at + width] + "\n" for line in text.splitlines() for at in range(0, len(line), width))


VARIANTS: dict[str, str] = {
    "time behind the level, bars": _custom("{level} | {time} | {pid} | {line}"),
    "level in brackets first": _custom("[{level}] {time} {pid} {line}"),
    "time in brackets, a dash": _custom("[{time}] {level} - {line}"),
    "no blanks": _custom("{time}|{level}|{pid}|{line}"),
    "process first": _custom("{pid} {time} {level}: {line}"),
    "process and message": _custom("{pid} {line}"),
    "level and message": _custom("[{level}] {line}"),
    "level, process and message, indented": _custom("  [{level}] {pid} {line}"),
    "time and message": _custom("{time} {line}"),
    "key=value": _custom("ts={time} level={level} pid={pid} msg={line}"),
    "process last": _custom("{time} [{level}] {line} {pid}"),
    "message first": _custom("{line} ({level} {time})"),
    "message in the middle": _custom("{time} {line} [{level}] {pid}"),
    "file and line": _custom("{time} [{level}] {pid} rabbit_reader.erl:315 {line}"),
    "module, function, arity": _custom("{time} [{level}] {pid} {{rabbit_reader,log,4}} {line}"),
    "json, pretty": "".join(json.dumps(json.loads(line), indent=2) + "\n" for line in _json({}).splitlines()),
    "json, a list": json.dumps([json.loads(line) for line in _json({}).splitlines()], indent=1) + "\n",
    "json, a list by lines": "[\n" + ",\n".join(_json({}).splitlines()) + "\n]\n",
    "json, only messages": _json({"time": "", "level": "", "pid": "", "line": "", "domain": ""}),
    "json, behind the banner": "  Starting broker..." + _json({}),
    "json strings": _carried(str),
    "rsyslog with #012": _rsyslog(),
    "journald verbose": _verbose(),
    "journald json-pretty": "".join(json.dumps(_journal(line, n), indent="\t") + "\n" for n, line in enumerate(_text())),
    "journald export": "".join(
        "".join(f"{key}={value}\n" for key, value in _journal(line, n).items()) + "\n" for n, line in enumerate(_text())
    ),
    "quoted journald verbose": "".join(f"> {line}\n" for line in _verbose().splitlines()),
    "loki": _carried(lambda line: {"line": line, "timestamp": "2026-11-23T07:46:48Z", "fields": {"pod": "rabbit-0"}}),
    "logcli": "".join(f'2026-11-23T07:46:48Z {{app="rabbitmq", pod="rabbit-0"}} {line}\n' for line in _text()),
    "elasticsearch": json.dumps(
        {"took": 3, "hits": {"total": 2, "hits": [{"_id": "x", "_source": {"message": line}} for line in _text()]}}, indent=2
    ),
    "filebeat": _carried(lambda line: {"@timestamp": "2026-11-23T07:46:48Z", "message": line, "host": {"name": "h"}}),
    "fluent bit": _carried(lambda line: {"date": 1795420008.68, "log": line, "kubernetes": {"pod_name": "rabbit-0"}}),
    "datadog": _carried(lambda line: {"id": "A", "attributes": {"message": line, "service": "rabbitmq"}}),
    "cloud logging": _carried(lambda line: {"textPayload": line, "timestamp": "2026-11-23T07:46:48Z", "severity": "INFO"}),
    "kibana's csv": _csv(before='"Nov 23, 2026 @ 07:46:48.684",', after=',"h"', titles='"@timestamp",message,host\n'),
    "splunk's csv": _csv(before="", after=',"2026-11-23T07:46:48.684+0000",h', titles='"_raw","_time",host\n'),
    "a table": "| line |\n|---|\n" + "".join(f"| {line} |\n" for line in _text()),
    "a list": "".join(f"* {line}\n" for line in _text()),
    "a patch": "".join(f"+{line}\n" for line in _text()),
    "line breaks written out": "\\n".join(_text()) + "\\n",
    "each line twice": "".join(f"{line}\n{line}\n" for line in _text()),
    "tail of one file": "==> /var/log/rabbitmq/rabbit.log <==\n" + "".join(f"{line}\n" for line in _text()),
    "newest first": "\n".join(reversed(_text())) + "\n",
    "newest first, cri": "".join(f"2026-11-23T07:46:48.000000000Z stdout F {line}\n" for line in reversed(_text())),
    "cut at 72": _cut("\n".join(_text()), 72),
    "cut at 80, docker logs": _cut("".join(f"2026-11-23T07:46:48.000000000Z {line}\n" for line in _text()), 80),
    "lager": _lager(),
    "report": _report(),
    "rfc3339_T": _custom("{time} [{level}] {pid} {line}").replace("2026-11-23 ", "2026-11-23T"),
    "uppercase": _custom("{time} [{LEVEL}] {pid} {line}"),
    "level first, no pid": _custom("{level} {time} {line}"),
    "colours": "".join(f"\x1b[0;31m{line}\x1b[0m\n" for line in _text()),
    "single line": "".join(
        f"{t} [{lv}] {p} {m}\n".replace("\nPLAIN", ", PLAIN").replace("\nclient", ", client") for t, lv, p, m in RECORDS
    ),
    "json": _json({}),
    "json, renamed": _json({"time": "ts", "level": "severity", "msg": "message", "pid": "process", "line": ""}),
    "crlf": "\r\n".join(_text()) + "\r\n",
    "cr only": "\r".join(_text()) + "\r",
    "crlf of a coloured console": "\r\n".join(f"\x1b[38;5;160m{line}\x1b[0m" for line in _text()) + "\r\n",
    "blanks and quotes typeset": "\n".join(_text()).replace("'", "\u2019").replace("] <", "]\u00a0<") + "\n",
    "a tab for a blank": "\n".join(_text()).replace("> ", ">\t") + "\n",
    "a byte order mark": "\ufeff" + "\n".join(_text()) + "\n",
    "zeros": "\x00" * 4000 + "\n".join(_text()) + "\n",
    "html entities": "\n".join(_text()).replace("<", "&lt;").replace(">", "&gt;"),
    "docker json-file": "".join(
        json.dumps({"log": line + "\n", "stream": "stdout", "time": "2026-11-23T07:46:48.000000000Z"}) + "\n" for line in _text()
    ),
    "cri": "".join(f"2026-11-23T07:46:48.000000000Z stdout F {line}\n" for line in _text()),
    "docker logs --timestamps": "".join(f"2026-11-23T07:46:48.000000000Z {line}\n" for line in _text()),
    "compose": "".join(f"rabbitmq-1  | {line}\n" for line in _text()),
    "kubectl --prefix": "".join(f"[pod/rabbit-0/rabbitmq] {line}\n" for line in _text()),
    "journald": "".join(f"Nov 23 07:46:48 host rabbitmq-server[17]: {line}\n" for line in _text()),
    "journald iso": "".join(f"2026-11-23T07:46:48+0000 host rabbitmq-server[17]: {line}\n" for line in _text()),
    "journald json": "".join(
        json.dumps(
            {
                "MESSAGE": line,
                "_HOSTNAME": "host",
                "SYSLOG_IDENTIFIER": "rabbitmq-server",
                "__REALTIME_TIMESTAMP": "1795420008684571",
            }
        )
        + "\n"
        for line in _text()
    ),
    "grep -n": "".join(f"{number}:{line}\n" for number, line in enumerate(_text(), 1)),
    "grep -H": "".join(f"/var/log/rabbitmq/rabbit.log:{line}\n" for line in _text()),
    "quoted mail": "".join(f"> {line}\n" for line in _text()),
    "pm2": "".join(f"0|rabbit  | {line}\n" for line in _text()),
    "stern, coloured": "".join(f"\x1b[36mrabbit-0\x1b[0m \x1b[36mrabbitmq\x1b[0m {line}\n" for line in _text()),
    "fluent bit's output": "".join(
        f'[{n}] kube.rabbit-0: [[1795420008.{n:09}, {{}}], {{"stream"=>"stdout", "log"=>{json.dumps(line)}}}]\n'
        for n, line in enumerate(_text())
    ),
    "ansible, a result": "fatal: [10.0.0.7]: FAILED! => "
    + json.dumps({"rc": 1, "stderr": "", "stdout": "\n".join(_text())})
    + "\n",
    "ansible, a variable": 'ok: [10.0.0.7] => {\n    "msg": [\n'
    + ",\n".join(f"        {json.dumps(line)}" for line in _text())
    + "\n    ]\n}\n",
    "spans of a web page": "".join(
        f'<span class="line">{line.replace("<", "&lt;").replace(">", "&gt;")}</span><br>\n' for line in _text()
    ),
    "what no other wrapper is": "".join(f"{'=-'[n % 2]}; rabbit#{n} ~ {line}\n" for n, line in enumerate(_text())),
    "csv of JSON": "time,message\n"
    + "".join('2026-11-23,"' + line.replace('"', '""') + '"\n' for line in _json({}).splitlines()),
    "compose of cri": "".join(f"rabbitmq-1  | 2026-11-23T07:46:48.000000000Z stdout F {line}\n" for line in _text()),
}


def _findings(report: Any) -> list[tuple[str, int, str]]:
    return [(f.id, f.count, f.state) for f in report.findings]


PLAIN = "\n".join(_text()) + "\n"


def test_the_plain_log_has_findings() -> None:
    """The reference is not empty."""
    ids = {f.id for f in rabbitlogs.explain(rabbitlogs.Text(PLAIN)).findings}
    assert {"auth.credentials_refused", "connection.closed_abruptly"} <= ids | {"auth.credentials_refused"}
    assert "connection.closed_abruptly" in ids


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_a_variant_gives_the_same_findings(name: str) -> None:
    """The same log in another format or wrapper: same findings, same counts."""
    expected = _findings(rabbitlogs.explain(rabbitlogs.Text(PLAIN)))
    assert _findings(rabbitlogs.explain(rabbitlogs.Text(VARIANTS[name]))) == expected


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_encodings(codec: str, tmp_path: Path) -> None:
    """What Windows writes."""
    path = tmp_path / "rabbit.log"
    path.write_bytes(PLAIN.encode(codec))
    assert _findings(rabbitlogs.explain(str(path))) == _findings(rabbitlogs.explain(rabbitlogs.Text(PLAIN)))


def test_two_interleaved_nodes_are_told_apart() -> None:
    """Lines of two containers in one stream: each record stays whole."""
    lines = [f"{name}  | {line}" for line in _text() for name in ("rabbit-1", "rabbit-2")]
    report = rabbitlogs.explain(rabbitlogs.Text("\n".join(lines) + "\n"))
    single = rabbitlogs.explain(rabbitlogs.Text(PLAIN))
    seen = [(f.id, f.count / 2) for f in report.findings if f.state == "instant"]  # what lasts is one condition of both
    assert seen == [(f.id, f.count) for f in single.findings if f.state == "instant"]
    assert len(report.sources) == 2


def test_the_files_that_tail_prints_are_told_apart() -> None:
    """``==> file <==`` says whose lines come next, however the stream is cut, and is no part of a message."""
    unparseable = "2026-11-23 07:46:49.000000+00:00 [error] <0.900.0> Unparseable MQTT packet received from connection {}\n"
    data = (
        "==> rabbit@a.log <==\n"
        + unparseable.format("10.0.0.5:40001 -> 10.0.0.2:1883")
        + "\n==> rabbit@b.log <==\n"
        + unparseable.format("10.0.0.6:40001 -> 10.0.0.2:1883")
        + "\n==> rabbit@a.log <==\n"
        + unparseable.format("10.0.0.7:40001 -> 10.0.0.2:1883")
    ).encode()
    whole = rabbitlogs.explain(data).to_dict()
    assert [source["node"] for source in whole["sources"]] == ["rabbit@a", "rabbit@b"]
    assert [source["records"] for source in whole["sources"]] == [2, 1]
    (finding,) = whole["findings"]
    assert finding["subjects"]["client"] == {"10.0.0.5": 1, "10.0.0.6": 1, "10.0.0.7": 1}
    analysis = rabbitlogs.Analysis()
    for at in range(len(data)):
        analysis.feed(data[at : at + 1], "bytes")
    assert analysis.report().to_dict() == whole
    for cut in range(len(data)):
        parts = rabbitlogs.Analysis(), rabbitlogs.Analysis()
        parts[0].feed(data[:cut], "bytes")
        parts[1].feed(data[cut:], "bytes")
        parts[0].merge(parts[1])
        assert parts[0].report().to_dict() == whole, cut


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_a_variant_loses_no_byte(name: str) -> None:
    """Law 1, whatever the wrapper: the records' bytes, joined, are the input, and lines are numbered as in the file."""
    data = VARIANTS[name].encode()
    records = list(rabbitlogs.read(data))
    assert b"".join(data[r.offset : r.offset + r.length] for r in records) == data
    ends = b"\r" if name == "cr only" else b"\n"
    assert [r.line for r in records] == [data.count(ends, 0, r.offset) + 1 for r in records]
