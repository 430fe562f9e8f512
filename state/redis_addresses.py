"""The addresses that `REDIS_URL` may have: one server, a Redis Cluster, or servers that Sentinels watch.

    redis://user:password@host:6379/0                    one server; rediss:// with TLS, unix:///path a socket
    redis+cluster://user:password@host:6379,host:6379    some nodes of a cluster, which name all others
    redis+sentinel://host:26379,host:26379/NAME/0        the Sentinels, the name of the master, the database

`rediss+cluster://` and `rediss+sentinel://` use TLS. The password is the servers' own; Sentinels that have one get
`?sentinel_password=`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

CLUSTER, SENTINEL = "redis+cluster", "redis+sentinel"
SEVERAL = {CLUSTER: "cluster", SENTINEL: "sentinel", "rediss+cluster": "cluster", "rediss+sentinel": "sentinel"}
PORTS = {"cluster": 6379, "sentinel": 26379}
SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")
TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")

Server = tuple[str, int]
"""Host and port."""


class AddressError(ValueError):
    """The address cannot be used. Says in words what it should be, and repeats nothing: a part may be a password."""


@dataclass(frozen=True, slots=True)
class ServerGroup:
    """Several servers: where to ask which of them is the master of a key, and how to connect to that one."""

    kind: Literal["cluster", "sentinel"]
    seeds: tuple[Server, ...]
    """Nodes of the cluster, or the Sentinels."""
    is_tls: bool
    credentials: str = ""
    """As in a URL: `user:password@`, or empty."""
    name: str = ""
    """The name under which the Sentinels know the master."""
    database: int = 0
    options: Mapping[str, str] = field(default_factory=dict)
    sentinel_options: Mapping[str, str] = field(default_factory=dict)

    def url(self, server: Server) -> str:
        """The URL of one server that keeps keys."""
        return f"{self._scheme}://{self.credentials}{_netloc(server)}/{self.database}{_query(self.options)}"

    def sentinel_url(self, server: Server) -> str:
        """The URL of one Sentinel."""
        own = {name.removeprefix("sentinel_"): value for name, value in self.sentinel_options.items()}
        return f"{self._scheme}://{_netloc(server)}/{_query({**self.options, **own})}"

    @property
    def _scheme(self) -> str:
        return "rediss" if self.is_tls else "redis"


def group_of(url: str) -> ServerGroup | None:
    """The group of servers at this URL; None for the address of one server. Raises AddressError."""
    scheme = url.partition("://")[0]
    if scheme not in SEVERAL:
        return None
    kind: Literal["cluster", "sentinel"] = "cluster" if SEVERAL[scheme] == "cluster" else "sentinel"
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    seeds = tuple(_server(host, PORTS[kind]) for host in hosts.split(","))
    options, (name, database) = _options(kind, parts), _name_and_database(kind, parts)
    return ServerGroup(
        kind=kind,
        seeds=seeds,
        is_tls=scheme.startswith("rediss"),
        credentials=f"{credentials}@" if credentials else "",
        name=name,
        database=database,
        options={key: value for key, value in options.items() if key not in SENTINEL_OPTIONS},
        sentinel_options={key: value for key, value in options.items() if key in SENTINEL_OPTIONS},
    )


def passwords(url: str) -> list[str]:
    """The passwords in the address of one server or several."""
    parts = urlsplit(url)
    return [*filter(None, [parts.password, dict(parse_qsl(parts.query)).get("sentinel_password")])]


def _server(host: str, port: int) -> Server:
    try:
        parts = urlsplit(f"//{host}")
        name, number = parts.hostname, parts.port
    except ValueError:
        name, number = None, 0
    if not name or number == 0:
        raise AddressError("takes one or more host:port with commas between them")
    return name, number or port


def _name_and_database(kind: str, parts: SplitResult) -> tuple[str, int]:
    name, _, database = unquote(parts.path).strip("/").partition("/")
    if kind == "cluster":
        if (name or "0") != "0" or database:
            raise AddressError("takes no other database than 0: a Redis Cluster has only this one")
        return "", 0
    if not name:
        raise AddressError(
            f"takes the name of the master that the Sentinels watch: {SENTINEL}://host:port,host:port/NAME"
        )
    if database and not database.isdecimal():
        raise AddressError(f"takes a number as the database: {SENTINEL}://host:port,host:port/NAME/0")
    return name, int(database or 0)


def _options(kind: str, parts: SplitResult) -> dict[str, str]:
    options = dict(parse_qsl(parts.query))
    known = (*(TLS_OPTIONS if parts.scheme.startswith("rediss") else ()), *(SENTINEL_OPTIONS * (kind == "sentinel")))
    if options.keys() - set(known):
        raise AddressError(f"takes after ? {'only ' + ', '.join(known) if known else 'nothing'}")
    return options


def _netloc(server: Server) -> str:
    host, port = server
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _query(options: Mapping[str, str]) -> str:
    return f"?{urlencode(options)}" if options else ""
