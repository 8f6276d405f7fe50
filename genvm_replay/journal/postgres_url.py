"""The URL of a Postgres database: libpq reads it, people see it without its password."""

from __future__ import annotations

from typing import Final

from genvm_replay.errors import EnvironmentProblem, UsageError

SCHEMES: Final = ("postgresql://", "postgres://")
FORM: Final = "postgresql://user@host:port/database; the password may stand in PGPASSWORD or ~/.pgpass"
DEFAULTS: Final = {  # so that a server that is gone is noticed
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "application_name": "genvm-replay",
}


def is_postgres(url: str) -> bool:
    """Whether a URL names a Postgres database.

    Raises:
        UsageError: it looks like one, but is not; its text may hold a password and is not repeated.
    """
    if url.startswith(SCHEMES):
        return True
    if url.startswith("postgres") and ("@" in url or "://" in url):
        raise UsageError(f"not the URL of a Postgres database; it is written {FORM}")
    return False


def parameters(url: str) -> dict[str, str]:
    """What libpq is given to connect with.

    Raises:
        UsageError: malformed. EnvironmentProblem: the driver is not installed.
    """
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise EnvironmentProblem(
            "Postgres needs the driver psycopg 3: pip install 'genvm-replay[postgres]'"
        ) from error
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.Error as error:  # its text may repeat a part of the URL, and with it the password
        raise UsageError(f"not the URL of a Postgres database; it is written {FORM}") from error
    return DEFAULTS | given


def shown(given: dict[str, str]) -> str:
    """The URL for people: who, where and which database; nothing secret."""
    user = f"{given['user']}@" if given.get("user") else ""
    port = f":{given['port']}" if given.get("port") else ""
    host, name = given.get("host", ""), given.get("dbname", "")
    if host.startswith("/"):  # a socket's folder
        return f"postgresql://{user}{port}/{name}?host={host}"
    return f"postgresql://{user}{host}{port}/{name}"
