"""A real RabbitMQ node for tests: its own name, ports, folders, certificates and port mapper, all of it on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

START_DEADLINE = 120.0
_PLACES = ("/usr/lib/rabbitmq/lib", "/usr/local/lib/rabbitmq/lib", "/opt/rabbitmq")


# Runs a command in a session of its own and ends all of it when its standard input ends: with the tests, even killed ones.
GUARD = """
import os, subprocess, sys, threading

child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)

def end():
    sys.stdin.buffer.read()
    try:
        os.killpg(child.pid, 9)
    except ProcessLookupError:
        pass

threading.Thread(target=end, daemon=True).start()
raise SystemExit(abs(child.wait()))
"""


def guarded(words: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Starts a command that does not outlive the tests."""
    return subprocess.Popen([sys.executable, "-c", GUARD, *words], stdin=subprocess.PIPE, **options)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends what :func:`guarded` has started."""
    assert process.stdin is not None
    process.stdin.close()
    process.wait(30)
    if process.stdout is not None:
        process.stdout.close()


def scripts() -> Path | None:
    """The folder of the node's own scripts, not of the wrappers that change the user; None where there is none."""
    named = os.environ.get("RABBITLOGS_BROKER_SBIN")
    if named:
        return Path(named)
    for place in _PLACES:
        for found in sorted(Path(place).glob("**/sbin/rabbitmq-server")) if Path(place).is_dir() else ():
            return found.parent
    return None


def why_not() -> str | None:
    """Why no broker can be started here; None where one can."""
    if scripts() is None:
        return "no rabbitmq-server is installed"
    for tool in ("erl", "epmd", "openssl"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    return None


def free_port() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Certificates:
    """Two authorities, a certificate of the broker, and one of a client from each."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        for name in ("ca", "other_ca"):
            self._openssl(
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.pem",
            )  # fmt: skip
        self._signed("server", "ca", "localhost", "serverAuth")
        self._signed("client", "ca", "client", "clientAuth")
        self._signed("stranger", "other_ca", "stranger", "clientAuth")

    def _signed(self, name: str, authority: str, common_name: str, usage: str) -> None:
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(
            f"subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage={usage}\nbasicConstraints=CA:FALSE\n",
            encoding="utf-8",
        )
        self._openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={common_name}", "-keyout", f"{name}.key", "-out", f"{name}.csr"
        )
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial",
            "-days", "2", "-extfile", extensions.name, "-out", f"{name}.pem",
        )  # fmt: skip

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True, timeout=60)

    def path(self, name: str) -> str:
        return str(self.folder / name)


class Broker:
    """One node. :meth:`start` returns when it serves clients."""

    def __init__(self, folder: Path, certificates: Certificates | None = None, config: str = "") -> None:
        sbin = scripts()
        assert sbin is not None
        self._sbin = sbin
        self.folder = folder
        self.logs = folder / "log"
        for name in ("log", "home", "mnesia"):
            (folder / name).mkdir(parents=True)
        self.certificates = certificates or Certificates(folder / "certificates")
        self.port, self.tls_port, self._epmd_port, dist_port = (free_port() for _ in range(4))
        self.node = f"tail-{os.getpid()}-{self.port}@localhost"
        self.log = self.logs / f"{self.node}.log"
        path = self.certificates.path
        (folder / "rabbitmq.conf").write_text(
            f"""
listeners.tcp.1 = 127.0.0.1:{self.port}
listeners.ssl.1 = 127.0.0.1:{self.tls_port}
ssl_options.cacertfile = {path("ca.pem")}
ssl_options.certfile = {path("server.pem")}
ssl_options.keyfile = {path("server.key")}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
log.file = {self.log.name}
log.file.level = info
log.file.rotation.size = 45000
log.file.rotation.count = 5
log.exchange = true
log.exchange.level = info
vm_memory_high_watermark.relative = 0.9
disk_free_limit.absolute = 1MB
{config}
""",
            encoding="utf-8",
        )
        (folder / "enabled_plugins").write_text("[].\n", encoding="utf-8")
        (folder / "env.conf").write_text("", encoding="utf-8")
        loopback = "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false"
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        self._environment = {
            **keep,
            "HOME": str(folder / "home"),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(dist_port),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "env.conf"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.logs),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": loopback,
            "RABBITMQ_CTL_ERL_ARGS": loopback,
            "LANG": "C.UTF-8",
        }
        self._epmd = guarded(
            ["epmd", "-address", "127.0.0.1", "-port", str(self._epmd_port)], env=self._environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._wait_for_epmd()
        self._server: subprocess.Popen[bytes] | None = None

    def _wait_for_epmd(self) -> None:
        last = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._epmd_port), timeout=5).close()
                return
            except OSError:
                if time.monotonic() > last:
                    raise

    def launch(self) -> subprocess.Popen[bytes]:
        """Starts the node and does not wait for it."""
        with open(self.folder / "stdout", "ab") as out:
            self._server = guarded(
                [str(self._sbin / "rabbitmq-server")], env=self._environment, cwd=self.folder, stdout=out,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        return self._server

    def start(self) -> None:
        server = self.launch()
        last = time.monotonic() + START_DEADLINE
        while True:
            try:
                self.ctl("await_startup", "--timeout", "60")
                return
            except subprocess.CalledProcessError:
                if server.poll() is not None or time.monotonic() > last:
                    raise

    def ctl(self, *words: str) -> str:
        """Runs a command line tool against the node; it returns when the node has done it."""
        done = subprocess.run(
            [str(self._sbin / "rabbitmqctl"), "-q", *words], env=self._environment, cwd=self.folder, check=True,
            capture_output=True, text=True, timeout=90,
        )  # fmt: skip
        return done.stdout

    def popen(self, tool: str, *words: str) -> subprocess.Popen[bytes]:
        """Starts a command line tool against the node, its output in a pipe."""
        return guarded(
            [str(self._sbin / tool), *words], env=self._environment, cwd=self.folder, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def stop(self) -> None:
        """Stops the node in order."""
        self.ctl("stop")
        assert self._server is not None
        self._server.wait(60)
        end(self._server)

    def close(self) -> None:
        """Ends everything that was started, however things stand."""
        if self._server is not None and self._server.poll() is None:
            with suppress(subprocess.SubprocessError, OSError):
                self.stop()
        if self._server is not None:
            end(self._server)
        end(self._epmd)
