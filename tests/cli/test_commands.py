"""The commands: exit codes, manners, and what is said when something is wrong."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from rabbitlogs.cli.main import _COMMANDS, cli, main

ROOT = Path(__file__).parent.parent.parent
TLS = ROOT / "samples" / "tls" / "client-of-an-unknown-ca.log"
HEALTHY = ROOT / "samples" / "healthy" / "queue-use-4.0.log"


def run(*arguments: str | Path, data: bytes | None = None, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Runs the program as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "rabbitlogs", *map(str, arguments)],
        input=data,
        capture_output=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


def test_explain_says_what_is_wrong() -> None:
    """The verdict comes first, then the finding with causes, next steps, links and evidence."""
    done = run("explain", TLS)
    text = done.stdout.decode()
    assert done.returncode == 0
    assert text.index("Wrong now") < text.index("tls.client_certificate_untrusted")
    for part in ("Causes, most frequent first", "Next:", "https://www.rabbitmq.com/docs/", f"{TLS}:1"):
        assert part in text


def test_a_healthy_log_says_so_in_one_line() -> None:
    """Nothing wrong is said as plainly."""
    text = run("explain", HEALTHY).stdout.decode()
    assert "Nothing in this log is wrong." in text
    assert "Wrong now" not in text


@pytest.mark.parametrize("command", ["explain", "tail"])
@pytest.mark.parametrize("option", ["--only", "--ignore"])
def test_a_mistyped_condition_is_said(command: str, option: str) -> None:
    """Choosing what does not exist would read as if nothing were wrong."""
    done = run(command, option, "tls.client_certificate_untrustd", TLS)
    assert done.returncode == 2
    assert b"Did you mean tls.client_certificate_untrusted" in done.stderr
    assert run("explain", option, "tls.*", option, "connection", TLS).returncode == 0
    assert run(command, option, "tls.client_certificate_untrusted.*", TLS).returncode == 2  # it would choose nothing


def test_the_verdict_fits_on_a_screen() -> None:
    """At most 24 lines of at most 80 columns before the first finding."""
    for path in sorted((ROOT / "samples").rglob("*.log")):
        lines = run("explain", path).stdout.decode().split("\n")
        heads = [n for n, line in enumerate(lines) if re.match(r"(critical|error|warning|notice|info): ", line)]
        verdict = lines[: heads[0] if heads else len(lines)]
        assert len(verdict) <= 24, path
        assert all(len(line) <= 80 for line in verdict), path


def test_two_runs_are_identical() -> None:
    """Order is deterministic to the last tie."""
    assert run("explain", "--format", "json", TLS, HEALTHY).stdout == run("explain", "--format", "json", TLS, HEALTHY).stdout


def test_json_is_the_contract() -> None:
    """Every key is there, and totals add up."""
    report = json.loads(run("explain", "--format", "json", TLS).stdout)
    assert report["schema"] == "rabbitlogs.report/1"
    assert {"version", "sources", "totals", "findings", "lifecycle", "unexplained"} <= report.keys()
    totals = report["totals"]
    assert sum(totals["by_level"].values()) == sum(totals["by_kind"].values()) == totals["records"]
    finding = report["findings"][0]
    keys = {"id", "title", "area", "severity", "confidence", "state", "count", "first", "last", "what", "why", "harmless_when",
            "causes", "next", "docs", "caused_by", "effects", "subjects", "evidence"}  # fmt: skip
    assert keys <= finding.keys()
    assert {"source", "line", "offset", "time", "level", "text"} == finding["evidence"][0].keys()


@pytest.mark.parametrize("format_", ["text", "json", "markdown", "html"])
def test_every_format_is_written(format_: str) -> None:
    """Each names the finding."""
    assert b"tls.client_certificate_untrusted" in run("explain", "--format", format_, TLS).stdout


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """Control characters reach no terminal, markup no page, and passwords nobody."""
    path = tmp_path / "evil.log"
    path.write_bytes(
        b"2026-11-23 07:46:48.684571+00:00 [error] <0.1.0> Error on AMQP connection <0.1.0> (10.0.0.5:1 -> 10.0.0.2:5672, "
        b"state: starting):\n2026-11-23 07:46:48.684571+00:00 [error] <0.1.0> PLAIN login refused: user '\x1b]0;x\x07<script>' - "
        b"invalid credentials\n2026-11-23 07:46:49.684571+00:00 [error] <0.1.0> strange amqp://app:hunter2@10.0.0.1 thing\n"
    )
    for format_ in ("text", "json", "markdown", "html"):
        out = run("explain", "--all", "--format", format_, path).stdout
        assert b"\x1b" not in out
        assert b"\x07" not in out
        assert b"hunter2" not in out
        assert b"<script>" not in out or format_ in ("text", "json", "markdown")
    assert b"&lt;script&gt;" in run("explain", "--format", "html", path).stdout


def test_a_missing_file_is_one_clear_sentence() -> None:
    """What, where; exit code 3."""
    done = run("explain", "/no/such/rabbit.log")
    assert done.returncode == 3
    assert b"/no/such/rabbit.log" in done.stderr
    assert b"Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 40])
def test_an_empty_or_binary_file_is_said(tmp_path: Path, content: bytes) -> None:
    """One clear sentence each."""
    path = tmp_path / "rabbit.log"
    path.write_bytes(content)
    done = run("explain", path)
    assert done.returncode == 3
    assert str(path).encode() in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_folder_without_logs_is_said(tmp_path: Path) -> None:
    """One clear sentence."""
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    done = run("explain", tmp_path)
    assert done.returncode == 3
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_broken_gzip_gives_what_could_be_read(tmp_path: Path) -> None:
    """The findings before the damage, and a sentence about it."""
    path = tmp_path / "rabbit.log.gz"
    path.write_bytes(gzip.compress(TLS.read_bytes() * 200)[:-20])
    done = run("explain", "--format", "json", path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["findings"]
    assert str(path).encode() in done.stderr


def test_what_can_be_read_is_reported_beside_what_cannot() -> None:
    """A missing file among good ones is said and does not stop them."""
    done = run("explain", "/no/such/file.log", TLS)
    assert done.returncode == 0
    assert b"/no/such/file.log" in done.stderr
    assert b"tls.client_certificate_untrusted" in done.stdout


def test_standard_input_is_read() -> None:
    """`-`, and a pipe without arguments."""
    for arguments in (["explain", "-"], ["explain"]):
        assert b"tls.client_certificate_untrusted" in run(*arguments, data=TLS.read_bytes()).stdout


def test_fail_on_sets_the_exit_code() -> None:
    """4 when something is at least that severe, else 0."""
    assert run("explain", "--fail-on", "warning", TLS).returncode == 4
    assert run("explain", "--fail-on", "warning", HEALTHY).returncode == 0


def test_usage_errors_are_2() -> None:
    """Bad arguments name what to write instead."""
    assert run("explain", "--format", "xml", TLS).returncode == 2
    done = run("explain", "--since", "yesterday", TLS)
    assert done.returncode == 2
    assert b"--since" in done.stderr
    assert run(str(TLS)).returncode == 2
    assert b"rabbitlogs explain" in run(str(TLS)).stderr


def test_a_broken_pipe_ends_quietly() -> None:
    """`| head` is no error."""
    command = f"{sys.executable} -m rabbitlogs explain --all {ROOT / 'samples'} | head -n 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, timeout=120, check=False)
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr


def test_parse_gives_the_input_back() -> None:
    """Concatenating the records' bytes gives the file."""
    data = TLS.read_bytes()
    rows = [json.loads(line) for line in run("parse", TLS).stdout.splitlines()]
    assert b"".join(data[row["offset"] : row["offset"] + row["length"]] for row in rows) == data
    keys = "source line offset length time level pid node category kind fields terms rest message"
    assert all(list(row) == keys.split() for row in rows)


def test_since_until_and_level_choose(tmp_path: Path) -> None:
    """Only the records of a time and a level."""
    path = tmp_path / "rabbit.log"
    path.write_text(
        "".join(
            f"2026-11-23 07:{minute:02}:00.000000+00:00 [{'error' if minute % 2 else 'info'}] <0.1.0> something {minute}\n"
            for minute in range(60)
        ),
        encoding="utf-8",
    )
    whole = json.loads(run("explain", "--format", "json", path).stdout)
    assert whole["totals"]["records"] == 60
    some = json.loads(
        run("explain", "--format", "json", "--since", "2026-11-23T07:10:00", "--until", "2026-11-23T07:19:59", path).stdout
    )
    assert some["totals"]["records"] == 10
    errors = json.loads(run("explain", "--format", "json", "--level", "error", path).stdout)
    assert errors["totals"]["by_level"] == {"error": 30}


def test_own_rules_are_used_and_broken_ones_named(tmp_path: Path) -> None:
    """A user's rule fires; a broken one is named with file and reason; a pattern that runs away does not hang."""
    (tmp_path / "rules" / "own").mkdir(parents=True)
    (tmp_path / "rules" / "own" / "login.toml").write_text(
        'title = "Ours"\nseverity = "critical"\nconfidence = "high"\n[[match]]\nkind = "unknown"\n'
        'message = { like = "(a+)+$" }\n[explain]\nwhat = "It is ours."\nwhy = "x"\ncauses = []\n',
        encoding="utf-8",
    )
    (tmp_path / "rules" / "own" / "broken.toml").write_text('title = "x"\nseverity = "enormous"\n', encoding="utf-8")
    log = tmp_path / "rabbit.log"
    log.write_text(
        "2026-11-23 07:46:48.684571+00:00 [error] <0.1.0> "
        + "a" * 40
        + "\n"
        + "2026-11-23 07:46:49.684571+00:00 [error] <0.1.0> "
        + "a" * 60
        + "!\n",
        encoding="utf-8",
    )
    done = run("explain", "--format", "json", "--rules", tmp_path / "rules", log)
    assert done.returncode == 0
    assert [f["id"] for f in json.loads(done.stdout)["findings"]] == ["own.login"]
    assert b"broken.toml" in done.stderr
    assert b"severity must be one of" in done.stderr
    page = run("rule", "own.login", "--rules", tmp_path / "rules")
    assert b"It is ours." in page.stdout
    assert b"broken.toml" in page.stderr
    assert b"own.login" in run("rules", "ours", "--rules", tmp_path / "rules").stdout
    assert run("rule", "own.login").returncode == 2


def test_overrides_regrade_silence_and_annotate(tmp_path: Path) -> None:
    """A small file changes a rule without editing it."""
    path = tmp_path / "ours.toml"
    path.write_text(
        '["tls.client_certificate_untrusted"]\nseverity = "info"\nowner = "platform"\nrunbook = "https://example.com"\n',
        encoding="utf-8",
    )
    finding = json.loads(run("explain", "--format", "json", "--overrides", path, TLS).stdout)["findings"][0]
    assert (finding["severity"], finding["owner"], finding["runbook"]) == ("info", "platform", "https://example.com")
    path.write_text('["tls.client_certificate_untrusted"]\nsilence = true\n', encoding="utf-8")
    report = json.loads(run("explain", "--format", "json", "--overrides", path, TLS).stdout)
    assert "tls.client_certificate_untrusted" in report["silenced"]
    assert "tls.client_certificate_untrusted" not in [f["id"] for f in report["findings"]]
    path.write_text('["tls.no_such"]\nsilence = true\n', encoding="utf-8")
    assert run("explain", "--overrides", path, TLS).returncode == 1


def test_rules_are_listed_and_searched() -> None:
    """By words, by area; and one page of one."""
    listed = run("rules", "certificate", "--area", "tls").stdout.decode()
    assert "tls.client_certificate_untrusted" in listed
    page = run("rule", "tls.client_certificate_untrusted").stdout.decode()
    assert "Causes, most frequent first" in page
    wrong = run("rule", "tls.client_certificate_untrusd")
    assert wrong.returncode == 2
    assert b"Did you mean tls.client_certificate_untrusted" in wrong.stderr
    whole = json.loads(run("rules", "--format", "json").stdout)
    assert len(whole) > 400


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_every_command_has_help(name: str) -> None:
    """Every option says what it is for."""
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name not in ("format_", "help"):
            assert parameter.help, parameter.name


def test_the_readme_names_every_command() -> None:
    """An undocumented command is a mistake."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in _COMMANDS:
        assert f"rabbitlogs {name} " in text


def test_importing_is_light() -> None:
    """`import rabbitlogs` loads nothing heavy."""
    heavy = "click, rich, lark, watchdog, regex, tomllib, json"
    code = f"import sys, rabbitlogs; print([m for m in {heavy.split(', ')} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert done.stdout.strip() == b"[]"


def test_explain_loads_neither_lark_nor_watchdog_nor_rich() -> None:
    """Only what the command uses."""
    code = (
        "import sys; from rabbitlogs.cli.main import main; "
        f"main(['explain', {str(TLS)!r}]); print([m for m in ('rich', 'lark', 'watchdog', 'regex') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert done.stderr.strip().splitlines()[-1] == b"[]"


def test_help_without_arguments() -> None:
    """`rabbitlogs --help` shows every command."""
    result = CliRunner().invoke(cli, ["--help"])
    assert all(name in result.output for name in _COMMANDS)
    assert main(["--version"]) == 0
