"""nginx, with a configuration of its own in a temporary directory."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.processes import ServerProcess, free_port

_CONFIG = """
{user}
worker_processes {workers};
pid {directory}/pid;
error_log {directory}/error.log error;
daemon off;
worker_rlimit_nofile 20000;
events {{ worker_connections 10000; }}
http {{
    access_log off;
    default_type application/octet-stream;
    sendfile on;
    # With it small answers wait 40 ms for an acknowledgement: 1,500 ranges/s instead of 28,000.
    tcp_nopush off;
    keepalive_timeout 600s;
    keepalive_requests 100000000;
    send_timeout 600s;
    open_file_cache max=1000 inactive=600s;
    client_max_body_size 0;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port} {listen_words} backlog=1024;
        {tls}
        location / {{
            root {root};
            {more}
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as PEM files."""

    chain: Path
    key: Path


class Nginx(ServerProcess):
    """nginx over one folder; with `certificate` it speaks TLS only.

    `more` is configuration for the one location there is, `dav_methods PUT;` for example.
    """

    def __init__(
        self,
        root: Path,
        *,
        workers: int = 1,
        certificate: Certificate | None = None,
        more: str = "",
    ) -> None:
        """Start it on a free port, and wait until clients can come."""
        self.directory = Path(tempfile.mkdtemp(prefix="bench-nginx-"))
        self._secure = certificate is not None
        port = free_port()
        tls = ""
        if certificate is not None:
            tls = (
                "ssl_protocols TLSv1.2 TLSv1.3; "
                f"ssl_certificate {certificate.chain}; ssl_certificate_key {certificate.key};"
            )
        config = self.directory / "nginx.conf"
        config.write_text(
            _CONFIG.format(
                # Its workers are to read folders that are ours only.
                user="user root;" if os.getuid() == 0 else "",
                workers=workers,
                directory=self.directory,
                port=port,
                listen_words="ssl" if certificate else "",
                tls=tls,
                root=root,
                more=more,
            )
        )
        command: list[str | Path] = ["nginx", "-p", self.directory, "-c", config]
        super().__init__(command, port, self.directory / "log")
        self.await_port()

    @staticmethod
    def missing() -> str:
        """Why it cannot take part; empty if it can."""
        return "" if shutil.which("nginx") else "no program nginx (Debian: nginx-light)"

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"{'https' if self._secure else 'http'}://{self.host}:{self.port}"

    def stop(self) -> None:
        """End it, and remove its directory."""
        super().stop()
        shutil.rmtree(self.directory, ignore_errors=True)
