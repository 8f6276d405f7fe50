"""What only a Postgres server shows: URLs and secrets, rights, migrations, lost connections."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import alembic.command
import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from genvm_replay.errors import EnvironmentProblem, JournalDamaged, UsageError
from genvm_replay.journal import migrate, postgres_database, postgres_url, schema
from genvm_replay.journal.database import open_database
from genvm_replay.journal.database_store import DatabaseStore
from genvm_replay.journal.delta import PageKey, StateDelta
from genvm_replay.journal.postgres_database import PostgresDatabase
from tests.postgres import PostgresServer, running_server, stop

from .samples import many_events, record

RUN = record({"main": many_events(20)})
KEY = PageKey(b"\xa1" * 20, b"\x51" * 32, 0)
UNDER_WAY = "nothing of what was under way was committed"
SECRET = "open:sesame@/%"
QUOTED = "open%3Asesame%40%2F%25"


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.new_journal()


@pytest.fixture
def store(url: str) -> Iterator[DatabaseStore]:
    with open_database(url) as store:
        yield store


def database_of(url: str) -> str:
    return (
        url.rpartition("/")[0].rpartition("/")[2]
        if "?" not in url
        else url.partition("?")[0].rpartition("/")[2]
    )


SHOWN = [
    ("postgresql://ann:s3cret@db.example:5433/journal", "postgresql://ann@db.example:5433/journal"),
    ("postgres://ann@db/journal?password=s3cret&sslmode=require", "postgresql://ann@db/journal"),
    ("postgresql:///journal?host=/run/pg&user=ann", "postgresql://ann@/journal?host=/run/pg"),
    (f"postgresql://ann:{QUOTED}@db/journal", "postgresql://ann@db/journal"),
]


@pytest.mark.parametrize(("url", "shown"), SHOWN)
def test_the_name_of_a_database_has_no_secret(url: str, shown: str) -> None:
    """What is printed names user, host, port and database."""
    assert postgres_url.shown(postgres_url.parameters(url)) == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3cret%zz@db/journal",
        "postgresql://ann:s3cret@db/journal?nosuch=1",
        "postgresql://ann:s3cret@[db/journal",
        "postgresql:/ann:s3cret@db/journal",
        "postgressql://ann:s3cret@db/journal",
    ],
)
def test_a_malformed_url_is_not_repeated(url: str) -> None:
    """It may hold a password; the right form is told instead."""
    with pytest.raises(UsageError, match=r"written postgresql://user@host:port/database") as caught:
        open_database(url)
    assert "s3cret" not in str(caught.value)


def test_migrated_schema_is_the_metadata(store: DatabaseStore) -> None:
    """Compared by alembic."""
    options = {"compare_type": True, "compare_server_default": True}
    context = MigrationContext.configure(store.database.connection, opts=options)
    assert compare_metadata(context, schema.metadata) == []


def test_down_and_up(url: str, store: DatabaseStore) -> None:
    """Each migration can be undone and done again."""
    before = declared(store)
    for target, direction in (("base", alembic.command.downgrade), ("head", alembic.command.upgrade)):
        with store.database.writing() as connection:
            direction(migrate.config(connection), target)
        if target == "base":
            assert {name for name, _, _ in declared(store)} == {"alembic_version"}
    assert declared(store) == before
    store.verify_run(store.commit(RUN))


def declared(store: DatabaseStore) -> list[tuple[str, str, str]]:
    """Tables, views and columns."""
    rows = store.database.fetch_plain(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'public' ORDER BY 1, ordinal_position"
    )
    return [(str(table), str(column), str(kind)) for table, column, kind in rows]


def test_a_failed_migration_leaves_nothing(postgres: PostgresServer) -> None:
    """The migration is one transaction."""
    database = PostgresDatabase(postgres.new_database())

    def interrupted() -> None:
        with database.writing() as connection:
            alembic.command.upgrade(migrate.config(connection), "head")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert migrate.refuse(database), "it is still empty"
    database.close()


def test_refused(postgres: PostgresServer) -> None:
    """Another program's database, one from a newer release, one that is not there: what, where, and what to do."""
    theirs, newer = postgres.new_database(), postgres.new_journal()
    postgres.run("CREATE TABLE cookies (name text)", database_of(theirs))
    postgres.run("UPDATE alembic_version SET version_num = 'journal_9999'", database_of(newer))
    refusals = {
        theirs: r"another program \(tables: cookies\)",
        newer: "'journal_9999' was made by a newer release",
        postgres.url("nowhere"): "no connection: .*does not exist",
        postgres.url("postgres", user="nobody_we_know"): "no connection: .*role",
        f"postgresql://u:{QUOTED}@127.0.0.1:1/x": "no connection: .*Connection refused",
    }
    for url, message in refusals.items():
        with pytest.raises(EnvironmentProblem, match=message) as caught:
            open_database(url)
        assert SECRET not in str(caught.value)
        assert str(caught.value).startswith("postgresql://")


def test_an_empty_database_is_not_filled_by_a_reader(postgres: PostgresServer) -> None:
    """`read_only` creates nothing."""
    url = postgres.new_database()
    with pytest.raises(EnvironmentProblem, match="no journal here"):
        open_database(url, read_only=True)
    assert postgres.run("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database_of(url)) == [
        (0,)
    ]


def test_an_old_schema_needs_a_writer(url: str, postgres: PostgresServer) -> None:
    """Reading does not migrate."""
    postgres.run("DELETE FROM alembic_version", database_of(url))
    with pytest.raises(EnvironmentProblem, match="its schema is old"):
        open_database(url, read_only=True)


@pytest.fixture
def reader(postgres: PostgresServer, url: str) -> str:
    """The URL of a role with SELECT only."""
    name = f"reader_{database_of(url)}"
    postgres.run(f"CREATE ROLE {name} LOGIN")
    postgres.run(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}", database_of(url))
    return postgres.url(database_of(url), user=name)


def test_a_role_with_select_only_reads(store: DatabaseStore, reader: str) -> None:
    """It is opened for reading by itself; the first write says so."""
    run_id = store.commit(RUN, state=StateDelta(pages={KEY: b"page"}))
    with open_database(reader) as other:
        assert other.read_only
        other.verify_run(run_id)
        assert list(other.load_run(run_id).read_line("main")) == many_events(20)
        with other.state.snapshot():
            assert other.state.read_page(*KEY).startswith(b"page")
        with pytest.raises(EnvironmentProblem, match="open for reading only"):
            other.commit(RUN)
        with pytest.raises(EnvironmentProblem, match="no right to do this"):
            other.database.fetch_plain("DELETE FROM runs")


def test_a_role_without_rights(postgres: PostgresServer, url: str) -> None:
    """Says what to ask for."""
    postgres.run("CREATE ROLE stranger LOGIN")
    with pytest.raises(EnvironmentProblem, match="no right to do this; ask for SELECT"):
        open_database(postgres.url(database_of(url), user="stranger"))


def test_a_server_that_only_reads(postgres: PostgresServer, store: DatabaseStore, url: str) -> None:
    """As a replica does; nothing is written."""
    run_id = store.commit(RUN)
    with open_database(f"{url}&options=-cdefault_transaction_read_only%3Don") as other:
        assert other.read_only
        other.verify_run(run_id)


def test_changed_bytes_are_located(postgres: PostgresServer, store: DatabaseStore, url: str) -> None:
    """As in a file."""
    run_id = store.commit(RUN)
    postgres.run("UPDATE segments SET data = substr(data, 1, 20)", database_of(url))
    with pytest.raises(JournalDamaged):
        store.verify_run(run_id)


def test_a_connection_lost_while_idle_is_opened_again(
    postgres: PostgresServer, store: DatabaseStore, url: str
) -> None:
    """Reading, committing and a snapshot go on where the server has ended the connection meanwhile."""
    postgres.kill_backends(database_of(url))
    assert store.list_runs() == []
    postgres.kill_backends(database_of(url))
    run_id = store.commit(RUN)
    postgres.kill_backends(database_of(url))
    with store.state.snapshot():
        assert store.state.contracts() == []
    store.verify_run(run_id)


def test_a_connection_lost_in_a_snapshot(postgres: PostgresServer, store: DatabaseStore, url: str) -> None:
    """No read can come from another state any more, and is refused; what needs no more reads goes on."""

    def run() -> None:
        with store.state.snapshot():
            assert store.state.contracts() == []
            postgres.kill_backends(database_of(url))
            for _ in range(2):
                with pytest.raises(EnvironmentProblem, match=UNDER_WAY):
                    store.state.contracts()
            with pytest.raises(UsageError, match="end the snapshot"):
                store.commit(RUN)

    run()
    assert store.commit(RUN) == 1


def test_a_connection_lost_in_a_commit(
    postgres: PostgresServer, store: DatabaseStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before COMMIT was sent: the work is done again, once, and stands once."""
    insert, attempts = postgres_database.PostgresDatabase.write, []

    def cut(self: PostgresDatabase, work):  # type: ignore[no-untyped-def]
        def worked(connection: Connection) -> object:
            result = work(connection)
            attempts.append(1)
            if len(attempts) == 1:
                postgres.kill_backends(database_of(url))
            return result

        return insert(self, worked)

    monkeypatch.setattr(postgres_database.PostgresDatabase, "write", cut)
    run_id = store.commit(RUN)
    assert len(attempts) == 2
    assert [run.id for run in store.list_runs()] == [run_id]
    store.verify_run(run_id)


COMMIT_THEN_DIE = """
CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER die AFTER INSERT ON runs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()
"""


def test_a_connection_lost_in_the_middle_of_commit(
    postgres: PostgresServer, store: DatabaseStore, url: str
) -> None:
    """COMMIT got no answer: the server is asked, and here it says that nothing was done."""
    postgres.run(COMMIT_THEN_DIE, database_of(url))
    with pytest.raises(EnvironmentProblem, match=UNDER_WAY):
        store.commit(RUN)
    postgres.run("DROP TRIGGER die ON runs", database_of(url))
    assert store.list_runs() == []
    store.verify_run(store.commit(RUN))


def test_an_answer_to_commit_that_was_lost(
    postgres: PostgresServer, store: DatabaseStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit was done, only its answer never came: the server is asked, and the run is not stored twice."""
    transaction = PostgresDatabase.transaction
    lost: list[bool] = []

    class LostAnswer:
        """Ends the connection right after a COMMIT that went well."""

        def __init__(self, inner) -> None:  # type: ignore[no-untyped-def]
            self.inner = inner

        def __enter__(self) -> Connection:
            connection: Connection = self.inner.__enter__()
            return connection

        def __exit__(self, *told: object) -> object:
            answer = self.inner.__exit__(*told)
            if told[0] is None and not lost:
                lost.append(True)
                postgres.kill_backends(database_of(url))
                store.database.connection.exec_driver_sql(
                    "SELECT 1"
                )  # finds the connection gone, as COMMIT would
            return answer

    monkeypatch.setattr(
        PostgresDatabase, "transaction", lambda self, begin: LostAnswer(transaction(self, begin))
    )
    run_id = store.commit(RUN)
    assert lost
    assert [run.id for run in store.list_runs()] == [run_id]


def test_a_server_that_dies() -> None:
    """Killed without warning and started again: nothing committed is lost, what was under way is told."""
    with running_server() as server:
        url = server.new_database()
        with open_database(url) as store:
            kept = store.commit(RUN)

            def run() -> None:
                with store.state.snapshot():
                    stop(server.process, signal.SIGQUIT)
                    store.state.contracts()

            with pytest.raises(EnvironmentProblem, match=UNDER_WAY):
                run()
            with pytest.raises(EnvironmentProblem, match="the connection was lost.*No such file"):
                store.commit(RUN)
            server.restart()
            assert [run.id for run in store.list_runs()] == [kept]
            store.verify_run(store.commit(RUN))


def test_what_the_server_refuses(postgres: PostgresServer, store: DatabaseStore, url: str) -> None:
    """A full disk and a damaged file are told as such; nothing was committed."""
    for code, said in (("53100", "the server's disk is full; nothing was committed"), ("XX001", "damaged")):
        refuse = f"BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END"
        postgres.run(
            f"CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {refuse} $$;"
            "CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON segments FOR EACH ROW EXECUTE FUNCTION refuse()",
            database_of(url),
        )
        with pytest.raises(EnvironmentProblem, match=said):
            store.commit(RUN)
        assert store.list_runs() == []


def test_locked(store: DatabaseStore, url: str) -> None:
    """Another session holds a lock: after the timeout the error says so, and the store goes on."""
    with psycopg.connect(url) as other, open_database(url, busy_timeout_ms=50) as hurried:
        other.execute("LOCK TABLE runs")
        with pytest.raises(EnvironmentProblem, match="another process kept it locked"):
            hurried.commit(RUN)
        other.rollback()
        assert hurried.list_runs() == []
        hurried.verify_run(hurried.commit(RUN))
