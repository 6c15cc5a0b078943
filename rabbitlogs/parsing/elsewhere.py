"""Is it another service that a client's error, or a crash of the runtime, is about?

An application talks to databases, caches and web services too, and what its runtime says when one of these cannot be
reached is the same sentence as for the broker. The words beside it tell: the name of a library or of a service, the port,
an address of the web. Nothing is said of them here but their names; what RabbitMQ writes is in the grammars.
"""

from __future__ import annotations

import re
from functools import cache

# fields that hold what stands beside the words of a library
FIELDS = ("prefix", "details", "words", "server", "host", "address", "tls_error")
# fields that name the code that crashed
CODE_FIELDS = ("module", "function", "initial_call", "supervisor", "started_with", "child", "registered_name", "stack")

_OURS = (
    r"amqp|rabbit|\b(?:pika|kombu|bunny|lapin|mqtt|stomp|oslo)\b|masstransit"
    r"|[:,] ?(?:5671|5672|15671|15672|15675|15691|15692|1883|8883|61613|61614|5551|5552|4369|25672)\b"
)
_OTHERS = (
    r"redis|postgres|psql|psycopg|npgsql|pgbouncer|jdbc|hikari|mysql|mariadb|mongo|cassandra|sqlalchemy|sqlclient|entityframework"
    r"|hibernate|ecto\b|dbconnection|clickhouse|couchbase|memcache|kafka|activemq|artemis|zookeeper|hadoop|hdfs|hbase|spark\.|elastic|opensearch"
    r"|\bsolr|logstash|kibana|influxdb|prometheus|alertmanager|grafana|eureka|consul\b|\bvault\b|\betcd|minio|\bs3\b"
    r"|https?://|httpspool|https?connectionpool|urllib3|requests\.exceptions"
    r"|httpclient|HttpRequestException|System\.Net\.Http|axios|jersey|feign|resttemplate|probe failed"
    r"|tomcat|coyote|jetty|undertow|okhttp|HttpURLConnection|_http_client|unable to resolve host|does not resolve to address"
    r"|\b(?:smtp|smtpd|imap|imap-login|pop3|dovecot|postfix|exim|sendmail|sshd?|nginx|httpd|apache2|named|curl|wget|git|npm)\b"
    r"|[:,] ?(?:22|25|80|443|465|587|993|995|1433|1521|2181|2379|3306|5432|6379|6380|6443|7687|8080|8086|8200|8443|8500|8761|8983"
    r"|9042|9092|9093|9200|9300|11211|26379|27017)\b(?!\.)"
)
# programs in Erlang and Elixir that are no broker of ours, by their modules and nodes
_PROGRAMS = (
    r"\b(?:emqx|emqttd|esockd|ejabberd|couch|couchdb|fabric|mem3|vmq|vernemq|riak|mongooseim|mod_muc|postgrex)(?:_\w+)?\b"
    r"|\bElixir\.(?!Rabbit)\w+"
)


@cache
def _any_case(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def is_elsewhere(text: str) -> bool:
    """Whether what stands beside an error names another service, and not the broker.

    >>> is_elsewhere("redis.exceptions.ConnectionError: "), is_elsewhere("10.0.0.5:5432"), is_elsewhere("10.0.0.5:5672")
    (True, True, False)
    """
    return (_any_case(_OTHERS).search(text) is not None or is_another_program(text)) and not is_of_broker(text)


def is_of_broker(text: str) -> bool:
    """Whether a text names the broker, a library for it or one of its ports."""
    return _any_case(_OURS).search(text) is not None


def is_another_program(text: str) -> bool:
    """Whether code is of another program in Erlang or Elixir.

    >>> is_another_program("emqx_channel:init/1"), is_another_program("rabbit_channel:init/1")
    (True, False)
    """
    return re.search(_PROGRAMS, text) is not None
