"""Erlang terms become values, whole or cut, whatever the text."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rabbitlogs
from rabbitlogs.parsing.terms import CUT, Atom, Binary, Fun, Pid, Port, Reference, parse_brackets, parse_term, read_term

NAME = st.from_regex(r"[a-z][a-z0-9_@]{0,8}", fullmatch=True).filter(lambda name: name not in ("true", "false", "fun"))
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)


def printed(value: Any) -> str:
    """A value as Erlang prints it on one line."""
    if isinstance(value, Binary):
        return f'<<"{quoted(value)}"/utf8>>'
    if isinstance(value, Atom):
        return (
            str(value)
            if re.fullmatch(r"[a-z][A-Za-z0-9_@]*", value)
            else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        )
    if isinstance(value, Pid | Reference | Port | Fun):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{quoted(value)}"'
    if isinstance(value, tuple):
        return "{" + ",".join(map(printed, value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(printed, value)) + "]"
    if isinstance(value, dict):
        return "#{" + ",".join(f"{printed(k)} => {printed(v)}" for k, v in value.items()) + "}"
    return repr(value)


def quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


ATOMS = st.one_of(NAME, WORDS).filter(lambda name: name not in ("true", "false")).map(Atom)  # those two are read as what they say
LEAVES = st.one_of(
    st.integers(), st.booleans(), WORDS, st.integers(-(10**9), 10**9).map(lambda n: n / 8),
    ATOMS, WORDS.map(Binary),
    st.just(Pid("<0.646.0>")), st.just(Reference("#Ref<0.1.2.3>")), st.just(Port("#Port<0.7>")),
    st.just(Fun("#Fun<rabbit_reader.4.446>")), st.just(Fun("fun lists:map/2")),
)  # fmt: skip
TERMS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(NAME.map(Atom) | st.integers(), inner, max_size=3),
    ),
    max_leaves=20,
)


def alike(value: Any) -> Any:
    """A value with its types spelled out, since an atom compares with a string."""
    if isinstance(value, dict):
        return {str(k): alike(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return type(value).__name__, [alike(item) for item in value]
    return type(value).__name__, value


class TestWhole:
    @given(TERMS)
    def test_a_printed_term_is_read_back(self, value: Any) -> None:
        """Every sort of term, nested, keeps its value and its type."""
        assert alike(parse_term(printed(value))) == alike(value)

    @given(st.lists(st.lists(st.integers() | NAME.map(Atom)), min_size=2))
    def test_line_breaks_between_parts_do_not_matter(self, value: list[Any]) -> None:
        """``~p`` breaks a long term after its commas."""
        assert parse_term(printed(value).replace(",", ",\n        ")) == value

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("<<104,105>>", "hi"),
            ('<<"caf\\303\\251">>', "café"),
            ('<<"one " "two">>', "one two"),
            ('{"a sentence that "\n  "was broken"}', ("a sentence that was broken",)),
            ("[a|b]", ["a", "b"]),
            ("{'EXIT',<0.1.0>,{shutdown,closed}}", ("EXIT", "<0.1.0>", ("shutdown", "closed"))),
            ('#{<<"k">> => #{}}', {"k": {}}),
            ("<<1:3>>", "\x01"),
            ("-1.5e-3", -0.0015),
        ],
    )
    def test_what_erlang_prints(self, text: str, value: Any) -> None:
        """Spellings of one and the same."""
        assert parse_term(text) == value

    @pytest.mark.parametrize(
        "text", ["[::1]:5672", "10.0.0.5", "two words", "{a b}", "", "rabbit@host.example", "{a}}", "3.13.7"]
    )
    def test_what_is_no_term_stays_text(self, text: str) -> None:
        """Addresses, versions and sentences."""
        assert parse_term(text) == text
        assert isinstance(parse_term(text), str)


class TestCut:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("{error,{no_exists,[rabbit_queue,", ("error", ("no_exists", ["rabbit_queue", CUT]))),
            ("[{a,1},{b,2}|...]", [("a", 1), ("b", 2), CUT]),
            ('{badmatch,<<"abc"...>>}', ("badmatch", "abc...")),
            ("{state,#{cfg => ...", ("state", {"cfg": CUT})),
        ],
    )
    def test_what_is_there_is_kept(self, text: str, value: Any) -> None:
        """Erlang shortens with three dots; a log or a paste stops anywhere."""
        term = read_term(text)
        assert term is not None
        assert term.cut
        assert term.value == value

    @given(TERMS.filter(lambda value: isinstance(value, tuple | list)), st.data())
    def test_a_term_may_stop_anywhere(self, value: Any, data: st.DataObject) -> None:
        """Cut at any character it never raises, and its first whole parts are what they were."""
        text = printed(value)
        end = data.draw(st.integers(1, len(text)))
        term = read_term(text[:end])
        if term is not None and not term.cut:
            assert end == len(text)

    @given(st.text(alphabet="{}[]<>#\"'\\,|=.:abc019 \n", max_size=200))
    def test_any_text_is_read_without_an_error(self, text: str) -> None:
        """And what comes of it can be written as JSON."""
        json.dumps(parse_term(text))

    def test_depth_is_bounded(self) -> None:
        """A hundred thousand brackets are a text like another one."""
        term = read_term("{" * 100_000 + "}" * 100_000)
        assert term is not None
        assert term.cut


def test_events_have_their_terms() -> None:
    """The fields keep the text, ``terms`` has the values; also where the term spans lines that each repeat the header."""
    head = "2026-11-23 07:46:48.684571+00:00 [error] <0.646.0> "
    log = "\n".join(
        head + line for line in ["Error trying to stop RabbitMQ: {error,", '  {resource,<<"/">>,', '   queue,<<"q">>}}']
    )
    [event] = rabbitlogs.parse(rabbitlogs.Text(log))
    assert event.fields["problem"] == '{error, {resource,<<"/">>, queue,<<"q">>}}'
    assert event.terms == {"problem": ("error", ("resource", "/", "queue", "q"))}


def test_brackets_only() -> None:
    """A name is no term of an event, though it could be an atom."""
    assert parse_brackets("orders") is None
    assert parse_brackets("[::1]:5672") is None
    assert parse_brackets("{a}") == ("a",)
