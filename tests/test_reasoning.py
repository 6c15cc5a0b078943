"""What a report concludes from many lines: what lasts, what is counted once, what follows from what, who lost whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rabbitlogs
from rabbitlogs.engine.overview import compare
from rabbitlogs.engine.verdict import judge

if TYPE_CHECKING:
    from pathlib import Path

    from rabbitlogs.engine.report import Report
    from rabbitlogs.model import Finding

ALARM = "memory resource limit alarm set on node {}."
CLEARED = "memory resource limit alarm cleared on node {}"
ACCEPTED = "accepting AMQP connection <0.900.0> (10.0.0.5:40001 -> 10.0.0.2:5672)"
BANNER = " Starting RabbitMQ 3.10.8 on Erlang 25.2.3 [jit]"


def line(clock: str, message: str, level: str = "info", pid: str = "<0.400.0>") -> str:
    """One record as a broker of today writes it."""
    return f"2026-11-24 {clock}.000000+00:00 [{level}] {pid} {message}\n"


def logs(folder: Path, **texts: str) -> Report:
    """The report of the logs of some nodes."""
    for name, text in texts.items():
        (folder / f"rabbit@{name}.log").write_text(text, encoding="utf-8")
    return rabbitlogs.explain(folder)


def one(text: str) -> Report:
    return rabbitlogs.explain(rabbitlogs.Text(text))


def found(report: Report, rule_id: str) -> Finding:
    return next(finding for finding in report.findings if finding.id == rule_id)


def test_what_is_only_like_a_message_and_fires_no_rule_is_not_understood() -> None:
    """An error that no rule can judge does not pass for one that means nothing."""
    report = one(
        line("10:00:01", "some new words 7: access to exchange 'till' in vhost 'depot' refused for user 'cart'", "error")
    )
    assert report.findings == []
    assert [row["count"] for row in report.unexplained] == [1]
    assert "not understood" in judge(report).sentence


# what lasts -----------------------------------------------------------------------------------------------------------


def test_an_alarm_is_open_since_it_was_set_the_last_time() -> None:
    """Two episodes, the first one over: `since` is the second one's beginning, the time in alarm counts both."""
    report = one(
        line("10:00:00", ALARM.format("rabbit@a"), "warning")
        + line("10:01:00", CLEARED.format("rabbit@a"), "warning")
        + line("10:05:00", ALARM.format("rabbit@a"), "warning")
        + line("10:10:00", ACCEPTED)
    )
    alarm = found(report, "resource.memory_alarm")
    assert (alarm.state, alarm.count) == ("open", 2)
    assert alarm.details["since"] == "2026-11-24T10:05:00+00:00"
    assert (alarm.details["seconds"], alarm.details["share"]) == (360.0, 0.6)
    assert [e["to"] for e in alarm.details["episodes"]] == ["2026-11-24T10:01:00+00:00", None]


def test_clearing_one_nodes_alarm_leaves_the_others() -> None:
    """Alarms are told apart by node; the sentence and the command name the one that is set still."""
    report = one(
        line("10:00:00", ALARM.format("rabbit@a"), "warning")
        + line("10:00:01", ALARM.format("rabbit@b"), "warning")
        + line("10:01:00", CLEARED.format("rabbit@a"), "warning")
    )
    alarm = found(report, "resource.memory_alarm")
    assert alarm.state == "open"
    assert alarm.what.startswith("The node rabbit@b uses")
    assert "-n rabbit@b " in (alarm.next[0].run or "")


def test_an_alarm_that_two_lines_and_three_nodes_report_is_one(tmp_path: Path) -> None:
    """The monitor and the alarm handler say the same, and so does every node of the cluster."""
    seen = line("10:00:00", ALARM.format("rabbit@a"), "warning")
    report = logs(
        tmp_path,
        a=line("10:00:00", "vm_memory_high_watermark set. Memory used:3355443200 allowed:3221225472") + seen,
        b=seen,
        c=seen,
    )
    assert found(report, "resource.memory_alarm").count == 1


def test_a_refused_login_that_is_logged_twice_counts_once() -> None:
    """4.3 says it before the line of old; a log that has only the new line counts that."""
    new = line("10:00:00", "User 'app' failed to authenticate: user 'app' - invalid credentials", "warning")
    old = line("10:00:00", "Error on AMQP connection <0.4.0> (10.0.0.5:1 -> 10.0.0.2:5672, state: starting):", "error", "<0.4.0>")
    old += line("10:00:00", "PLAIN login refused: user 'app' - invalid credentials", "error", "<0.4.0>")
    assert found(one(new + old + new + old), "auth.credentials_refused").count == 2
    assert found(one(new + new), "auth.credentials_refused").count == 2


def test_a_restart_ends_what_the_last_run_had_begun() -> None:
    """An alarm of before a restart is over, unless it is set again."""
    text = line("10:00:00", ALARM.format("rabbit@a"), "warning") + line("10:01:00", "") + line("10:01:00", BANNER)
    assert found(one(text), "resource.memory_alarm").state == "closed"
    again = text + line("10:02:00", ALARM.format("rabbit@a"), "warning")
    assert found(one(again), "resource.memory_alarm").state == "open"


def test_a_lost_peer_stays_lost_over_a_restart_of_this_node() -> None:
    """Who was away is away for the new run too, until it is seen."""
    text = line("10:00:00", "rabbit on node rabbit@b down") + line("10:01:00", "") + line("10:01:00", BANNER)
    assert found(one(text), "cluster.node_down").state == "open"
    assert found(one(text + line("10:02:00", "rabbit on node rabbit@b up")), "cluster.node_down").state == "closed"


def test_a_shovel_or_link_that_cannot_connect_is_down_until_it_connects() -> None:
    """Another one's connection does not end it."""
    failed = line("10:00:00", "Shovel 'mirror' in virtual host '/' could not connect to source", "error")
    other = line("10:00:05", "Shovel 'archive' in virtual host '/' connected to destination")
    connected = line("10:00:09", "Shovel 'mirror' in virtual host '/' connected to destination")
    assert found(one(failed), "shovel.connection_failed").state == "open"
    assert found(one(failed + other), "shovel.connection_failed").state == "open"
    assert found(one(failed + other + connected), "shovel.connection_failed").state == "closed"


def test_a_federation_link_is_down_until_its_exchange_is_linked_again() -> None:
    """Its upstream's URI may have been what was mended; another upstream that still fails says so again."""
    link = "Federation exchange 'news' in vhost '/' %s exchange 'news' in vhost '/' on amqp://%s"
    failed = line("10:00:00", link % ("did not connect to", "old") + ". Reason: {error,timeout}", "warning")
    connected = line("10:00:05", link % ("connected to", "new"))
    again = line("10:00:10", link % ("did not connect to", "old") + ". Reason: {error,timeout}", "warning")
    assert found(one(failed), "federation.link_failed").state == "open"
    assert found(one(failed + connected), "federation.link_failed").state == "closed"
    assert found(one(failed + connected + again), "federation.link_failed").state == "open"


def test_a_client_that_left_explains_no_error_of_another_connection() -> None:
    """Both at the same second: the broker's own failure stays a finding of its own."""
    report = one(
        line(
            "10:00:01",
            "closing AMQP connection <0.801.0> (10.0.0.6:35664 -> 10.0.0.2:5672, vhost: '/', user: 'app'):\n"
            "2026-11-24 10:00:01.000000+00:00 [warning] <0.801.0> client unexpectedly closed TCP connection",
            "warning",
            "<0.801.0>",
        )
        + line(
            "10:00:01",
            "Error on AMQP connection <0.900.0> (10.0.0.8:53570 -> 10.0.0.2:5672, vhost: '/', user: 'web', state: running), channel 1:\n"
            "2026-11-24 10:00:01.000000+00:00 [error] <0.900.0>  {{timeout,{gen_server,call,[<0.900.0>,{info,[amqp_params]},15000]}},[]}",
            "error",
            "<0.900.0>",
        )
    )
    assert [finding.id for finding in report.findings][:2] == ["connection.internal_error", "connection.closed_abruptly"]


def test_a_start_that_ends_in_the_next_file_is_finished(tmp_path: Path) -> None:
    """Rotation cuts a start in two; the two files are one broker's log."""
    begun = line("10:00:00", "starting Ra system: coordination in directory: /var/lib/rabbitmq/coordination/rabbit@a")
    (tmp_path / "rabbit@a.log.1").write_text(begun, encoding="utf-8")
    (tmp_path / "rabbit@a.log").write_text(line("10:00:09", "Server startup complete; 3 plugins started."), encoding="utf-8")
    assert "boot.unfinished" not in [finding.id for finding in rabbitlogs.explain(tmp_path).findings]


def test_an_unfinished_start_says_its_last_words() -> None:
    """What a start waits for is what it said last."""
    text = line("10:00:00", "starting Ra system: coordination in directory: /var/lib/rabbitmq/coordination/rabbit@a")
    text += line("10:00:01", "Waiting for Mnesia tables for 30000 ms, 9 retries left")
    unfinished = found(one(text), "boot.unfinished")
    assert unfinished.state == "open"
    assert unfinished.details["last_said"] == "Waiting for Mnesia tables for 30000 ms, 9 retries left"


def test_a_failed_start_is_over_when_the_next_one_succeeds() -> None:
    """A condition of a start does not outlive it."""
    failed = line(
        "10:00:00",
        "Feature flags: failed to read the `feature_flags` file at `/x/hare@w1-feature_flags`: permission denied",
        "error",
    )
    report = one(
        failed + line("10:01:00", "") + line("10:01:00", BANNER) + line("10:01:09", "Server startup complete; 0 plugins started.")
    )
    states = {finding.id: finding.state for finding in report.findings if finding.area == "boot"}
    assert states
    assert set(states.values()) == {"closed"}


REFUSED = (
    "worker-1  | [{}: ERROR/MainProcess] consumer: Cannot connect to amqp://till:**@{}:5672//: [Errno 111] Connection refused.\n"
)
CONNECTED = "worker-1  | [2026-11-24 10:00:09,100: INFO/MainProcess] Connected to amqp://till:**@mq:5672//\n"


def test_a_refused_client_that_connects_later_was_refused() -> None:
    """Not before its last refusal, and not where it goes on to be refused."""
    refused = REFUSED.format("2026-11-24 10:00:02,551", "mq")
    assert found(one(refused + CONNECTED), "client.connection_refused").state == "closed"
    assert found(one(CONNECTED + refused), "client.connection_refused").state == "instant"
    assert found(one(refused + CONNECTED + refused), "client.connection_refused").state == "instant"


def test_a_start_that_serves_clients_ends_what_they_met_before_it() -> None:
    """One to which nobody logs in does not, nor does it concern a client that asks its own host."""
    done = line("10:00:06", "Server startup complete; 4 plugins started.")
    login = line(
        "10:00:08", "connection 10.0.0.5:40001 -> 10.0.0.2:5672: user 'till' authenticated and granted access to vhost '/'"
    )
    for host, below, state in (("mq", done + login, "closed"), ("mq", done, "instant"), ("127.0.0.1", done + login, "instant")):
        report = one(line("10:00:01", BANNER) + REFUSED.format("2026-11-24 10:00:02,551", host) + below)
        assert found(report, "client.connection_refused").state == state


def test_a_quorum_queue_without_a_leader_is_named() -> None:
    """Of two queues that lost their leader, only the one that found no other is told."""
    down = "queue '{}' in vhost '/': Leader monitor down with noconnection, setting election timeout"
    report = one(
        line("10:00:00", down.format("orders"))
        + line("10:00:00", down.format("audit"), pid="<0.401.0>")
        + line("10:00:01", "queue 'audit' in vhost '/': detected a new leader {'%2F_audit',rabbit@b} in term 4")
        + line("10:05:00", ACCEPTED)
    )
    leaderless = found(report, "queue.quorum_leaderless")
    assert (leaderless.state, leaderless.count) == ("open", 1)
    assert "orders" in leaderless.what
    assert "others" not in leaderless.what


def test_a_shovel_that_could_not_connect_is_still_down() -> None:
    """One failure and nothing after it: the shovel is down at the end of the log, until it says that it is connected."""
    failed = line("10:00:00", "Shovel 'refill' in vhost 'bar' failed to connect (URI: amqps://far:5671): {error,closed}", "error")
    assert found(one(failed + line("10:30:00", ACCEPTED)), "shovel.connection_failed").state == "open"
    connected = line("10:05:00", "Shovel 'refill' in virtual host 'bar' connected to destination")
    assert found(one(failed + connected + line("10:30:00", ACCEPTED)), "shovel.connection_failed").state == "closed"


def test_what_repeats_while_it_lasts_is_over_when_it_is_said_no_more() -> None:
    """A shovel logs each attempt that fails, and none that succeeds: three attempts and an hour without one, and it runs."""
    message = "Shovel 'refill' in vhost 'bar' failed to connect (URI: amqps://far:5671): {error,closed}"
    failed = "".join(line(f"10:00:{second:02}", message, "error") for second in (0, 5, 10, 15))
    assert found(one(failed + line("10:00:40", ACCEPTED)), "shovel.connection_failed").state == "open"
    report = one(failed + line("11:00:00", ACCEPTED))
    assert found(report, "shovel.connection_failed").state == "closed"
    assert judge(report).now == []
    again = line("11:10:00", message, "error")
    assert found(one(failed + line("11:00:00", ACCEPTED) + again), "shovel.connection_failed").state == "open"


def test_a_partition_is_not_over_because_the_loss_before_it_is_said_late() -> None:
    """A node that hung logs in one breath that the peer was lost, that both went on alone, and that it is back."""
    partition = line(
        "10:00:00",
        "Mnesia(hare@one): ** ERROR ** mnesia_event got {inconsistent_database, running_partitioned_network, hare@two}",
        "error",
    )
    late = line("10:00:00", "node hare@two down: connection_closed") + line("10:00:00", "node hare@two up")
    assert found(one(partition + late), "cluster.partition_detected").state == "open"
    restarted = line("10:05:00", "rabbit on node hare@two down")
    assert found(one(partition + late + restarted), "cluster.partition_detected").state == "closed"


def test_a_plugin_that_was_disabled_takes_its_ports_along() -> None:
    """Its listener is not missed after the next start; one that is gone without a word is."""
    first = (
        line("09:00:00", BANNER)
        + line("09:00:02", "started TCP listener on [::]:5672")
        + line("09:00:02", "started MQTT TCP listener on [::]:1883")
    )
    first += line("09:00:03", "Server startup complete; 1 plugins started.")
    second = line("10:00:00", BANNER) + line("10:00:02", "started TCP listener on [::]:5672")
    second += line("10:00:03", "Server startup complete; 0 plugins started.")
    disabled = line("09:30:00", "Plugins changed; disabled [rabbitmq_mqtt]")
    enabled = line("09:30:00", "Plugins changed; enabled [rabbitmq_shovel]")
    assert "boot.listener_missing" in {finding.id for finding in one(first + enabled + second).findings}
    assert "boot.listener_missing" not in {finding.id for finding in one(first + disabled + second).findings}


def test_what_lasts_is_told_apart_by_its_keys() -> None:
    """A correlation that only counts keeps no moments by key, so a condition that lasts must not have one."""
    lasting = [rule for rule in rabbitlogs.rules() if rule.interval]
    assert [rule.id for rule in lasting if (rule.correlate or {}).get("type") in ("count", "distinct")] == []


# several nodes --------------------------------------------------------------------------------------------------------


def _down(clock: str, node: str, reason: str = "connection_closed") -> str:
    return line(clock, f"rabbit on node {node} down") + line(clock, f"node {node} down: {reason}")


def test_a_killed_node_is_told_from_one_that_was_stopped(tmp_path: Path) -> None:
    """The lost node's own log says which: it announces a stop, or just ends."""
    a, b = line("09:00:00", ACCEPTED), line("09:00:00", ACCEPTED)
    losses = {}
    for how, last in (("log_ends", ACCEPTED), ("stopped", "RabbitMQ is asked to stop...")):
        folder = tmp_path / how
        folder.mkdir()
        seen = _down("10:00:01", "rabbit@c") + line("10:05:00", ACCEPTED)
        report = logs(folder, a=a + seen, b=b + seen, c=line("09:00:00", ACCEPTED) + line("10:00:00", last))
        assert report.cluster is not None
        losses[how] = report.cluster["losses"]
    for how, told in losses.items():
        assert [(loss["node"], loss["seen_by"], loss["back"], loss["how"]) for loss in told] == [
            ("rabbit@c", ["rabbit@a", "rabbit@b"], None, how)
        ]


def test_commands_about_a_lost_node_run_on_one_that_is_left(tmp_path: Path) -> None:
    """Asking the dead node would answer nothing."""
    report = logs(tmp_path, a=line("09:00:00", ACCEPTED) + _down("10:00:01", "rabbit@b"), b=line("09:00:00", ACCEPTED))
    steps = [step.run for step in found(report, "cluster.node_down").next if step.run]
    assert steps
    assert all("-n rabbit@a " in step for step in steps)


def test_what_a_node_that_hung_says_of_the_others_is_its_own_loss(tmp_path: Path) -> None:
    """A node that wakes sees all others down; that is no loss of theirs."""
    quiet = line("09:00:00", ACCEPTED)
    up = "node {} up"
    others = (
        _down("10:00:00", "rabbit@c", "net_tick_timeout") + line("10:00:30", up.format("rabbit@c")) + line("10:09:00", ACCEPTED)
    )
    woken = _down("10:00:30", "rabbit@a") + _down("10:00:30", "rabbit@b")
    woken += line("10:00:31", up.format("rabbit@a")) + line("10:00:31", up.format("rabbit@b")) + line("10:09:00", ACCEPTED)
    report = logs(tmp_path, a=quiet + others, b=quiet + others, c=quiet + woken)
    assert report.cluster is not None
    told = {loss["node"]: loss["how"] for loss in report.cluster["losses"]}
    assert told == {"rabbit@c": "ran_on", "rabbit@a": "mirrored", "rabbit@b": "mirrored"}
    assert not report.cluster["partial"]


def test_a_partition_is_not_over_when_the_loss_before_it_is_told_late() -> None:
    """The monitor's line about the lost node may come after Mnesia's about the partition; a restart of the peer ends it."""
    said = "Mnesia('rabbit@a'): ** ERROR ** mnesia_event got {inconsistent_database, running_partitioned_network, 'rabbit@b'}"
    split = line("10:00:00", said, "error") + line("10:00:00", "node 'rabbit@b' down: connection_closed")
    split += line("10:00:00", "node 'rabbit@b' up")
    assert found(one(split), "cluster.partition_detected").state == "open"
    restarted = line("10:05:00", "node 'rabbit@b' down: connection_closed") + line("10:05:20", "node 'rabbit@b' up")
    assert found(one(split + restarted), "cluster.partition_detected").state == "closed"


def test_a_partial_partition_is_named(tmp_path: Path) -> None:
    """Of two nodes that run, one lost the third and the other did not."""
    quiet, later = line("09:00:00", ACCEPTED), line("10:09:00", ACCEPTED)
    report = logs(tmp_path, a=quiet + _down("10:00:00", "rabbit@c") + later, b=quiet + later, c=quiet + later)
    assert report.cluster is not None
    assert report.cluster["partial"] == ["rabbit@c"]
    assert report.cluster["losses"][0]["not_seen_by"] == ["rabbit@b"]
    assert report.cluster["saw_down"]["rabbit@a"] == {"rabbit@b": 0, "rabbit@c": 1}


def test_clocks_that_differ_are_found_and_put_right(tmp_path: Path) -> None:
    """Two losses of a third node, 40 seconds apart in two logs: one clock is behind, and the two are one loss."""
    quiet = line("09:00:00", ACCEPTED)
    up = "rabbit on node rabbit@c up"

    def seen(minute: int, second: int) -> str:
        first = _down(f"10:{minute:02}:{second:02}", "rabbit@c") + line(f"10:{minute + 5:02}:{second:02}", up)
        return first + _down(f"11:{minute:02}:{second:02}", "rabbit@c") + line(f"11:{minute + 6:02}:{second:02}", up)

    report = logs(tmp_path, a=quiet + seen(10, 0), b=quiet + seen(10, 40))
    assert report.cluster is not None
    assert report.cluster["clock_skew"] == [{"node": "rabbit@b", "other": "rabbit@a", "seconds": 40.0}]
    assert [loss["seen_by"] for loss in report.cluster["losses"]] == [["rabbit@a", "rabbit@b"]] * 2


def test_losses_at_different_times_are_no_difference_of_clocks(tmp_path: Path) -> None:
    """Each node lost another one, minutes apart: that says nothing of clocks."""
    quiet = line("09:00:00", ACCEPTED)
    report = logs(
        tmp_path,
        a=quiet + _down("10:00:00", "rabbit@c") + line("10:00:30", "rabbit on node rabbit@c up"),
        b=quiet + line("10:00:30", "rabbit on node rabbit@c up") + _down("10:05:00", "rabbit@a"),
    )
    assert report.cluster is not None
    assert report.cluster["clock_skew"] == []


def test_two_of_three_nodes_down_is_a_lost_majority(tmp_path: Path) -> None:
    """It is said first, of the node that is left, and is over with the first that comes back."""
    quiet = line("09:00:00", ACCEPTED)
    left = quiet + _down("10:00:00", "rabbit@b") + _down("10:00:05", "rabbit@c")
    report = logs(tmp_path, a=left, b=quiet, c=quiet)
    assert report.findings[0].id == "cluster.majority_lost"
    assert report.findings[0].state == "open"
    assert report.findings[0].what.startswith("2 of the 3 nodes")
    healed = logs(tmp_path, a=left + line("10:01:00", "rabbit on node rabbit@b up"), b=quiet, c=quiet)
    assert "cluster.majority_lost" not in [finding.id for finding in healed.findings]


# the verdict ----------------------------------------------------------------------------------------------------------


def test_an_open_effect_of_something_that_is_over_is_still_told() -> None:
    """A node hung and came back, and the partition it brought is there."""
    report = one(
        line("10:00:00", "** Node rabbit@b not responding **", "error")
        + line("10:00:00", "** Removing (timedout) connection **", "error")
        + line("10:00:00", "rabbit on node rabbit@b down")
        + line("10:00:40", "node rabbit@b up")
        + line("10:00:40", "Mnesia('rabbit@a'): ** ERROR ** mnesia_event got {inconsistent_database, running_partitioned_network, 'rabbit@b'}", "error")
        + line("10:30:00", ACCEPTED)
    )  # fmt: skip
    verdict = judge(report)
    assert [finding.id for finding in verdict.now] == ["cluster.partition_detected"]
    assert "cluster.net_tick_timeout" in [finding.id for finding in verdict.over]
    assert verdict.began_with is not None
    assert verdict.began_with.id == "cluster.net_tick_timeout"
    assert report.to_dict()["verdict"]["do_first"]["run"]


def test_two_clients_mistakes_have_no_common_beginning() -> None:
    """Earlier is not the cause: a wrong password does not set off a memory alarm."""
    report = one(
        line("10:00:00", "User 'app' failed to authenticate: user 'app' - invalid credentials", "warning")
        + line("10:00:10", ALARM.format("rabbit@a"), "warning")
    )
    verdict = judge(report)
    assert len(verdict.now) == 2
    assert verdict.began_with is verdict.now[0]


def test_what_happened_once_long_before_the_end_is_over() -> None:
    """A minute before the end it is told as now, ten minutes before it is not; what repeats has until its next time."""
    refused = "User 'app' failed to authenticate: user 'app' - invalid credentials"
    for seconds, heap in (("10:09:00", "now"), ("10:00:00", "over")):
        report = one(line("09:00:00", ACCEPTED) + line(seconds, refused, "warning") + line("10:10:00", ACCEPTED))
        assert report.to_dict()["verdict"][heap] == ["auth.credentials_refused"]
    hourly = "".join(line(f"10:{minute:02}:00", refused, "warning") for minute in (0, 2, 4, 6))
    assert one(hourly + line("10:10:00", ACCEPTED)).to_dict()["verdict"]["now"] == ["auth.credentials_refused"]


# connections, coverage, baseline --------------------------------------------------------------------------------------


def test_a_finding_names_the_connection_its_line_does_not() -> None:
    """User, virtual host and name come from earlier lines of the connection, and so does how long it was open."""
    address = "10.0.0.5:40001 -> 10.0.0.2:5672"
    report = one(
        line("10:00:00", f"accepting AMQP connection <0.900.0> ({address})", pid="<0.900.0>")
        + line("10:00:00", f"connection <0.900.0> ({address}) has a client-provided name: orders-1", pid="<0.900.0>")
        + line("10:00:00", f"connection <0.900.0> ({address} - orders-1): user 'app' authenticated and granted access to vhost 'shop'", pid="<0.900.0>")
        + line("10:02:05", f"closing AMQP connection <0.900.0> ({address} - orders-1):", "error", pid="<0.900.0>")
        + line("10:02:05", "missed heartbeats from client, timeout: 60s", "error", pid="<0.900.0>")
    )  # fmt: skip
    assert found(report, "connection.heartbeat_missed").details["connection"] == {
        "user": "app", "vhost": "shop", "client": "10.0.0.5:40001", "connection_name": "orders-1", "open_seconds": 125.0,
    }  # fmt: skip


def test_short_lived_connections_are_told_by_user_and_address() -> None:
    """Nine of ten by one user from one address, each open for less than a second."""
    text = ""
    for number in range(10):
        address = f"10.0.0.{5 if number else 6}:{41000 + number} -> 10.0.0.2:5672"
        user = "app" if number else "other"
        text += line(f"10:00:{number:02}", f"accepting AMQP connection <0.{number}.0> ({address})")
        text += line(
            f"10:00:{number:02}",
            f"connection <0.{number}.0> ({address}): user '{user}' authenticated and granted access to vhost '/'",
        )
        text += line(f"10:00:{number:02}", f"closing AMQP connection <0.{number}.0> ({address}, vhost: '/', user: '{user}')")
    told = one(text).connections
    assert told is not None
    assert (told["opened"], told["closed"]) == (10, 10)
    assert told["shares"]["user"] == {"app": 0.9, "other": 0.1}
    assert told["shares"]["address"] == {"10.0.0.5": 0.9, "10.0.0.6": 0.1}
    assert told["lifetime"] == {"median": 0.0, "below_1s": 1.0}


def test_coverage_says_what_the_log_lacks() -> None:
    """No start at its beginning, no version, a handler that was removed."""
    told = one(line("10:00:00", "Logger - error: {removed_failing_handler,rabbit_log}") + line("10:00:01", ACCEPTED)).coverage
    assert told["begins_in_the_middle"]
    assert not told["version_known"]
    assert told["lost_by_the_logger"] == {"handlers_removed": 1}


def test_a_baseline_shows_settings_that_differ(tmp_path: Path) -> None:
    """Versions, limits and listeners that a start printed; what is the same is not said."""

    def start(version: str, limit: int, port: int) -> Report:
        path = tmp_path / version
        path.mkdir()
        return logs(
            path,
            a=line("10:00:00", "")
            + line("10:00:00", f" Starting RabbitMQ {version} on Erlang 25.2.3 [jit]")
            + line(
                "10:00:01", f"Memory high watermark set to {limit} MiB ({limit << 20} bytes) of 7680 MiB (8053063680 bytes) total"
            )
            + line("10:00:02", f"started TCP listener on [::]:{port}"),
        )

    before, now = start("3.10.8", 3072, 5672), start("3.10.9", 1024, 5673)
    differ: dict[str, Any] = {row["fact"]: (row["now"], row["before"]) for row in compare(now, before)["facts_differ"]}
    assert differ == {
        "boot.starting.version": ("3.10.9", "3.10.8"),
        "alarm.memory_watermark_set.limit": (str(1024 << 20), str(3072 << 20)),
        "listener.[::]:5672": (None, "TCP"),
        "listener.[::]:5673": ("TCP", None),
    }


def test_the_time_line_marks_starts_and_alarms() -> None:
    """Cells count by level; marks say in which cell they stand."""
    report = one(
        line("10:00:00", "")
        + line("10:00:00", BANNER)
        + line("10:05:00", ALARM.format("rabbit@a"), "warning")
        + line("10:09:00", ACCEPTED)
    )
    assert report.timeline is not None
    assert {(mark["what"], mark["cell"]) for mark in report.timeline["marks"]} == {("start", 0), ("alarm", 5)}
    assert report.timeline["counts"]["warning"][5] == 1


def test_a_crash_follows_from_what_its_own_process_said() -> None:
    """Of what is near a report of the runtime, the finding of the same process explains it, not the most severe one."""
    text = (
        line("10:00:00", ALARM.format("rabbit@a"), "warning")
        + line(
            "10:00:01", "Unparseable MQTT packet received from connection 10.0.0.5:40001 -> 10.0.0.2:1883", "error", "<0.900.0>"
        )
        + line(
            "10:00:01",
            "CRASH REPORT Process <0.900.0> with 0 neighbours exited with reason: {late,hare} in hare:dig/2 line 7",
            "error",
            "<0.900.0>",
        )
    )
    report = one(text)
    assert found(report, "resource.memory_alarm").severity == "critical"
    assert found(report, "runtime.process_crash").caused_by == "mqtt.protocol_error"


_BEGUN = "2026-02-14 09:00:0{} [info] <0.222.0> Starting RabbitMQ 3.8.9 on Erlang 23.1\n"
_REFUSED = (
    "2026-02-14 09:00:0{0} [error] <0.222.0> BOOT FAILED\n"
    "2026-02-14 09:00:0{0} [error] <0.222.0> ===========\n"
    "2026-02-14 09:00:0{0} [error] <0.222.0> ERROR: epmd error for host burrow: nxdomain (non-existing domain)\n"
)
_DONE = "2026-02-14 09:00:0{} [info] <0.222.0> Server startup complete; 0 plugins started.\n"
_ENDED = "2026-02-14 09:00:0{} [info] <0.44.0> Application rabbit exited with reason: {{badmatch,{{error,gone}}}}\n"


def _read_as(*texts: str) -> Any:
    return judge(rabbitlogs.explain("".join(text.format(f"{n}.100000+00:00") for n, text in enumerate(texts)).encode()))


def test_a_node_that_did_not_start_is_said_not_to_run() -> None:
    """Whatever the reason is called: not where a run ended so, nor where the next start worked."""
    verdict = _read_as(_BEGUN, _REFUSED)
    assert verdict.no_start
    assert verdict.sentence.startswith("The node did not start. ")
    assert _read_as(_REFUSED).no_start
    assert _read_as(_BEGUN, _DONE, _BEGUN, _REFUSED).no_start
    assert not _read_as(_BEGUN, _DONE, _ENDED).no_start
    assert not _read_as("Error:\n{{:plugins_not_found, [:rabbitmq_burrow]}}\n").no_start
    assert not _read_as(_BEGUN, _REFUSED, _BEGUN, _DONE).no_start
