"""What must not leave a log as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rabbitlogs.privacy import mask, printable, visible


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("failed to connect (URI: amqp://app:hunter2@10.0.0.1:5672/%2f)", "hunter2"),
        ("https://user:p%40ss@example.com/x", "p%40ss"),
        ('[{password,<<"hunter2">>},{user,"app"}]', "hunter2"),
        ('[{password,<<"hunter2, and more">>}]', "more"),
        ("{<<\"password\">>,{plaintext,'hunter2'}}", "hunter2"),
        ("ssl_options.password = hunter2", "hunter2"),
        ("RABBITMQ_ERLANG_COOKIE=HUNTERHUNTER", "HUNTERHUNTER"),
        ("{cookie,'HUNTERHUNTER'}", "HUNTERHUNTER"),
        ('#{<<"client_secret">> => <<"hunter2">>}', "hunter2"),
        ("default_pass = hunter2", "hunter2"),
        ('{"password":"hunter2"}', "hunter2"),
        ("Authorization: Basic YXBwOmh1bnRlcjI=", "YXBwOmh1bnRlcjI="),
        ("client_secret: hunter2", "hunter2"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJzdWIiOiIxIn0"),
        ("[#{private_key =>\n {'RSAPrivateKey','two-prime',7130971,65537,3317,asn1_NOVALUE}}]", "3317"),
        ("{'ECPrivateKey',1,<<219,98,17>>,{namedCurve,{1,3,132}},<<4,55>>}", "219,98,17"),
        ("{'PrivateKeyInfo',v1,{'PrivateKeyInfo_privateKeyAlgorithm',{1,2},{x,5}},<<48,130,1>>,x}", "48,130,1"),
        ("#'RSAPrivateKey'{version = 'two-prime',modulus = 71,privateExponent = 3317}", "3317"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN\n-----END PRIVATE KEY-----", "MIIEvQIBADAN"),
        (f"  {'4635474323' * 30},", "4635474323"),
        ("{master_secret,<<219,98, 17>>}", "98, 17"),
    ],
)
def test_secrets_are_masked(text: str, secret: str) -> None:
    """Passwords, tokens and secrets; the text around them stays."""
    assert secret not in mask(text)
    assert mask(mask(text)) == mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "PLAIN login refused: user 'app' - invalid credentials",
        "missing or invalid cookie",
        "password_hash",
        "Failed to create cookie file '/var/lib/rabbitmq/.erlang.cookie': eacces",
        "/var/lib/rabbitmq/.erlang.cookie: permission denied",
        "could not read the token, signature is invalid",
        "the provided token: {error,{invalid_aud,[]}}",
        "{password,undefined}",
        "rabbit_password:hash/2 line 25",
    ],
)
def test_plain_words_stay(text: str) -> None:
    """Talking about passwords is no password."""
    assert mask(text) == text


@given(st.text())
def test_nothing_a_terminal_obeys_is_left(text: str) -> None:
    """No escape, no bell, no reversal of direction."""
    shown = printable(text)
    assert not any(ord(c) < 32 and c not in "\n\t" for c in shown)
    assert not any(0x7F <= ord(c) <= 0x9F or c in "\u202e\u2066\ufeff" for c in shown)
    assert visible(visible(text)) == visible(text)
    assert printable(shown) == shown
