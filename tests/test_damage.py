"""Damaged logs: cut, wrapped, doubled, reversed, joined, misencoded. Never an exception, nothing lost, nothing invented."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import rabbitlogs
from rabbitlogs.engine.analysis import Analysis
from rabbitlogs.engine.events import events_of
from rabbitlogs.sources import Source

SAMPLES = sorted((Path(__file__).parent.parent / "samples").rglob("*.log"))
SMALL = [path for path in SAMPLES if path.stat().st_size < 40000]


def _records_join(data: bytes) -> bool:
    source = Source("a.log", lambda size, note: iter([data]))
    records = [event.record for event in events_of(source)]
    return b"".join(data[r.offset : r.offset + r.length] for r in records) == data


def _damage(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    kind = chance.randrange(9)
    if kind == 0:
        start = chance.randrange(len(data))
        return data[start : start + chance.randrange(1, len(data))]
    if kind == 1:
        return b"\n".join(line for line in lines for _ in range(2))
    if kind == 2:
        return b"\n".join(reversed(lines))
    if kind == 3:
        return data.replace(b"\n", b"\r\n")
    if kind == 4:
        return b"\n".join(line[i : i + 72] for line in lines for i in range(0, max(1, len(line)), 72))
    if kind == 5:
        return b"\n".join(line[chance.randrange(30) :] for line in lines)
    if kind == 6:
        out = bytearray(data)
        for _ in range(len(out) // 50):
            out[chance.randrange(len(out))] = chance.randrange(256)
        return bytes(out)
    if kind == 7:
        return data.replace(b" ", b"   ").replace(b"{", b"{\n      ")
    return data.replace(b"<", b"&lt;").replace(b">", b"&gt;").replace(b"\n", b"\\n", 3)


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.name)
def test_damage_never_raises_and_loses_nothing(path: Path) -> None:
    """Whatever is done to a real log, it is read, counted and reported."""
    chance = random.Random(path.name)
    for _ in range(12):
        data = _damage(path.read_bytes(), chance)
        assert _records_join(data)
        analysis = Analysis()
        analysis.feed(data, "a.log")
        report = analysis.report().to_dict()
        totals = report["totals"]
        assert totals["bytes"] == len(data)
        assert sum(totals["by_kind"].values()) == totals["records"]


def _ids(data: bytes) -> set[str]:
    analysis = Analysis()
    analysis.feed(data, "a.log")
    return {finding.id for finding in analysis.report().findings}


def test_two_logs_of_different_formats_in_one_file(samples: Path) -> None:
    """Concatenated logs give the findings of both."""
    one = (samples / "formats" / "lager-3.8.log").read_bytes()
    other = (samples / "formats" / "json-3.10.log").read_bytes()
    third = (samples / "formats" / "report-3.6.log").read_bytes()
    assert _ids(one + other + third) >= _ids(one) | _ids(other) | _ids(third)


def test_wrapped_lines_are_put_together(samples: Path) -> None:
    """A paste wrapped at 72 columns still says what is wrong."""
    data = (samples / "formats" / "report-3.6.log").read_bytes()
    wrapped = b"\n".join(line[i : i + 72] for line in data.split(b"\n") for i in range(0, max(1, len(line)), 72))
    assert "auth.credentials_refused" in _ids(data)
    assert _ids(wrapped)


def test_standard_output_of_a_failed_start(samples: Path) -> None:
    """The banner, BOOT FAILED and the runtime's last words have no header: they are not the last message's."""
    data = (samples / "boot" / "standard-output-of-a-failed-start.log").read_bytes()
    assert "boot.port_in_use" in _ids(data)
    analysis = Analysis()
    analysis.feed(data, "a.log")
    report = analysis.report()
    assert report.coverage["begins_in_the_middle"] == []
    kinds = report.totals["by_kind"]
    assert {"boot.banner_printed", "boot.startup_error", "boot.init_terminating"} <= kinds.keys()
    assert kinds["boot.logging_switching"] == 1


def test_a_failed_start_with_headers_is_one_record() -> None:
    """The lines of ``BOOT FAILED`` share their header; the last one alone would be a message too."""
    head = b"2026-11-23 07:46:48.684571+00:00 [error] <0.223.0> "
    lines = [b"", b"BOOT FAILED", b"===========", b"ERROR: epmd error for host mq-a: nxdomain (non-existing domain)", b""]
    analysis = Analysis()
    analysis.feed(b"".join(head + line + b"\n" for line in lines), "a.log")
    assert analysis.report().totals["by_kind"] == {"boot.epmd_failed": 1}


def test_a_very_long_line_is_bounded() -> None:
    """A line of 30 MB is read in pieces; every byte is in a record."""
    data = b"2026-11-23 07:46:48.684571+00:00 [error] <0.223.0> " + b"x" * (30 << 20) + b"\nlast\n"
    analysis = Analysis()
    for start in range(0, len(data), 1 << 20):
        analysis.feed(data[start : start + (1 << 20)], "a.log")
        for state in analysis.sources.values():
            assert len(state.framer.pending) < 12 << 20
    report = analysis.report()
    assert report.totals["bytes"] == len(data)
    assert _records_join(data)


def test_a_very_long_line_in_a_wrapper_is_bounded() -> None:
    """The same inside of docker's JSON: read in pieces, every byte in a record, the lines round it explained."""
    row = '{{"log":"2026-11-23 07:46:4{}.684571+00:00 [error] <0.223.0> {}\\n","stream":"stdout","time":"2026-11-23T07:46:48.1Z"}}\n'
    data = (
        row.format(7, "node rabbit@b down: connection_closed") + row.format(8, "x" * (5 << 20)) + row.format(9, "last")
    ).encode()
    analysis = Analysis()
    for start in range(0, len(data), 1 << 20):
        analysis.feed(data[start : start + (1 << 20)], "a.log")
    totals = analysis.report().totals
    assert totals["bytes"] == len(data)
    assert totals["by_kind"]["cluster.node_down"] == 1
    assert _records_join(data)


def test_a_pasted_line_without_header_is_explained() -> None:
    """What someone pastes into a chat window."""
    text = "Error on AMQP connection <0.664.0> (10.0.0.9:40112 -> 10.0.0.2:5672, state: starting): PLAIN login refused: user 'x' - invalid credentials"
    assert [f.id for f in rabbitlogs.explain(rabbitlogs.Text(text)).findings] == ["auth.credentials_refused"]
    entities = text.replace("<", "&lt;").replace(">", "&gt;")
    assert [f.id for f in rabbitlogs.explain(rabbitlogs.Text(entities)).findings] == ["auth.credentials_refused"]


LOGIN = (
    b"2024-06-12 11:37:01.123456+00:00 [error] <0.2.0> Error on AMQP connection <0.2.0> (10.0.0.1:444 -> 10.0.0.2:5672, state: starting):",
    b"2024-06-12 11:37:01.123456+00:00 [error] <0.2.0> PLAIN login refused: user 'guest' can only connect via localhost",
)


def test_text_without_times_is_read_from_its_beginning() -> None:
    """Only times that fall make a log one shown newest first: the lines of a report that has none stay in their order."""
    text = """
BOOT FAILED
===========

Error description:
   {error,{cannot_log_to_file,"/srv/logs/hare.log",{error,eacces}}}

Stack trace:
   [{rabbit,ensure_working_log_handler,5,[{file,"src/rabbit.erl"},{line,818}]},
    {rabbit,start_it,1,[{file,"src/rabbit.erl"},{line,403}]}]
"""
    finding = rabbitlogs.explain(rabbitlogs.Text(text)).findings[0]
    assert finding.id == "boot.log_file_unusable"
    assert "Error description:\n   {error,{cannot_log_to_file" in finding.evidence[0].text


def test_a_log_that_ends_in_no_header_is_read_from_its_beginning() -> None:
    """One time throughout and words around it: the banner of an alarm and what someone wrote below it tell no order."""
    text = """The broker is gone after a minute, and this is all it wrote:

=INFO REPORT==== 3-Feb-2018::09:14:41 ===
vm_memory_high_watermark set. Memory used:702000000 allowed:620000000
=WARNING REPORT==== 3-Feb-2018::09:14:41 ===
memory resource limit alarm set on node mq@hut.
*** Publishers will be blocked until this alarm clears ***

Then nothing until I start it.
"""
    finding = rabbitlogs.explain(rabbitlogs.Text(text)).findings[0]
    assert (finding.id, finding.subjects["node"]) == ("resource.memory_alarm", {"mq@hut": 1})


def test_a_supervisor_report_without_headers_is_one_record() -> None:
    """Its second line begins a report that lost its first one, too; here it did not."""
    text = """Making sure data directory '/srv/mq/msg_stores/vhosts/9ZK' for vhost 'tills' exists
     supervisor: {<0.741.7>,rabbit_vhost_sup_wrapper}
     errorContext: start_error
     reason: {badarg,[{erlang,node,[{'%2F_tills','mq@hut'}],[]},
                      {rabbit_classic_queue,is_recoverable,1,[]}]}
"""
    assert [f.id for f in rabbitlogs.explain(rabbitlogs.Text(text)).findings] == ["queue.vhost_store_failed"]


def test_each_line_of_a_message_as_a_row_of_a_table() -> None:
    """A log store's CSV without titles: most rows are further lines of one long report."""
    rows = [
        "2026-11-24 10:00:00.000 [error] <0.646.0> ** Generic server <0.646.0> terminating",
        "** Last message in was drain",
        *(f"** When Server state == {{a,{number}}}" for number in range(3)),
        "** Reason for termination == ",
        '** {badmatch,<<"no spade">>}',
    ]
    quoted = "".join('"24.11.2026, 10:00:00.000","{}"\n'.format(row.replace('"', '""')) for row in rows)
    (finding,) = rabbitlogs.explain(rabbitlogs.Text(quoted)).findings
    assert (finding.id, finding.count) == ("runtime.process_crash", 1)
    assert "no spade" in finding.what


def test_a_stack_of_calls_is_no_part_of_a_sentence() -> None:
    """A reason is told without the calls that follow it; the evidence has them."""
    text = (
        "2026-11-24 10:00:00.000 [error] <0.646.0> CRASH REPORT Process <0.646.0> with 0 neighbours crashed with reason: "
        '{{badmatch,late},[{hare,dig,2,[{file,"hare.erl"},{line,7}]},{hare,run,1,[]}]} in hare:dig/2 line 7\n'
    )
    (finding,) = rabbitlogs.explain(rabbitlogs.Text(text)).findings
    assert "{{badmatch,late},...}" in finding.what
    assert "hare.erl" not in finding.what
    assert "hare.erl" in finding.evidence[0].text


REPORT = b"""** Generic server hare_registry terminating
** Last message in was sweep
** When Server state == #{}
** Reason for termination ==
** {{badmatch,gone},[{hare_registry,find,1,[{file,"hare_registry.erl"},{line,12}]}]}
"""


def test_the_parts_of_a_report_without_header_are_one_record() -> None:
    """Also below the fence of a code block that has no line of its own, and where the first part is lost."""
    for text in (REPORT, b"```" + REPORT + b"```\n", REPORT.split(b"\n", 1)[1]):
        (finding,) = rabbitlogs.explain(text).findings
        assert (finding.id, finding.count) == ("runtime.process_crash", 1)
        assert "{badmatch,gone}" in finding.what
        assert _records_join(text)


@pytest.mark.parametrize(
    "data",
    [
        b" ".join(LOGIN),
        b"`" + b"\n".join(LOGIN) + b"`",
        b"\n".join(b"`" + line + b"`" for line in LOGIN),
        b"""{handshake_error,starting,0,
{amqp_error,access_refused,
"PLAIN login refused: user 'guest' can only connect via localhost",
'connection.start_ok'}}""",
    ],
    ids=["in one line", "code", "code in each line", "a term alone"],
)
def test_what_web_pages_make_of_a_message(data: bytes) -> None:
    """Line breaks lost, marks of inline code, a term without header and indentation: the condition is the same."""
    assert _ids(data) == {"auth.loopback_only"}
    assert _records_join(data)


def test_the_runtimes_last_words_are_no_part_of_the_record_before() -> None:
    """A start that failed prints a term after its log: what the log said ends where it ended."""
    text = (
        "18:44:22.566 [error] Conf file attempted to set unknown variable: hare.legs\n\n"
        '{"init terminating in do_boot",generate_config_file}\n'
    )
    finding = next(f for f in rabbitlogs.explain(rabbitlogs.Text(text)).findings if f.id == "config.setting_invalid")
    assert "hare.legs." in finding.what
    assert "do_boot" not in finding.what


def test_what_a_client_printed_below_the_brokers_log_is_not_the_brokers() -> None:
    """People paste the client's error below the broker's line: each is a record, in the formats of all eras."""
    client = "Error: Socket closed abruptly during opening handshake\n"
    alert = "TLS server: In state wait_finished received CLIENT ALERT: Fatal - Certificate Unknown\n"
    for head in (
        "2026-03-04 08:15:16.141676+00:00 [notice] <0.852.0> ",
        "2021-03-04 08:15:16.141 [info] <0.852.0> ",
        "=INFO REPORT==== 4-Mar-2017::08:15:16 ===\n",
    ):
        kinds = [event.kind for event in rabbitlogs.parse(rabbitlogs.Text(head + alert + client))]
        assert kinds == ["tls.alert_raised_bare", "client.node_closed_early"]


def test_an_empty_line_without_a_header_ends_a_record() -> None:
    """An empty line inside a message of 3.9+ has a header: below one that has none, an application's log begins."""
    head = "2026-03-04 08:15:16.141676+00:00 [error] <0.852.0> "
    text = f"{head}closing AMQP connection <0.852.0> (10.0.0.5:40001 -> 10.0.0.2:5671):\n{head}{{handshake_timeout,handshake}}\n"
    closed, app = rabbitlogs.parse(rabbitlogs.Text(text + "\nBilling service, console:\n"))
    assert (closed.fields["handshake_timeout"], app.kind) == ("handshake", "unknown")


def test_messages_without_headers_are_told_apart() -> None:
    """A message whose open text could swallow the next one, and a second line that belongs to the first."""
    lines = [
        "connection 10.0.0.5:4000 -> 10.0.0.2:5672 has a client-provided name: billing",
        "connection 10.0.0.5:4000 -> 10.0.0.2:5672 - billing: user 'app' authenticated and granted access to vhost '/'",
        "TLS server: In state certify at ssl_handshake.erl:2111 generated SERVER ALERT: Fatal - Unknown CA",
        "",
        "TLS server: In state wait_cert at ssl_handshake.erl:2111 generated SERVER ALERT: Fatal - Unknown CA",
        "Channel error on connection <0.7.0> (10.0.0.5:4000 -> 10.0.0.2:5672, vhost: '/', user: 'app'), channel 1:",
        "operation exchange.declare caused a channel exception precondition_failed: unknown exchange type 'later'",
    ]
    kinds = [event.kind for event in rabbitlogs.parse(rabbitlogs.Text("\n".join(lines)))]
    assert kinds == [
        "connection.named", "connection.authenticated", "tls.alert_raised_bare", "tls.alert_raised_bare",
        "channel.closed_with_error",
    ]  # fmt: skip
