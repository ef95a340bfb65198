"""Every store is held to one contract, through the port alone."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credenza.stores.postgres import open_store as open_postgres
from credenza.stores.sqlite import SqliteStore
from credenza.stores.sqlite import open_store as open_sqlite
from store_catalogue_contract import CatalogueContract
from store_rows import add_tenant, bring_back, names_of, put, run
from store_terms_contract import TermsContract

TEXTS = ["", "Straße 7", "ΟΔΟΣ Αθήνα", "İstanbul", 'say "hi" AND NOT (x*)', "100% a_b", "ﬁx it", "日本語の本"]
TERMS = [
    *("a", "ß", "ss", "STRASSE", "οδος", "ΟΔΟΣ", "οδοσ", "i̇stan", "ISTAN", "FIX", "日本", "本語の", "本"),
    *(
        '"hi"',
        '"',
        "AND",
        "NOT (x",
        "x*",
        "name:",
        "^one",
        "-",
        "%",
        "_b",
        "100%",
        "NEAR(",
        "''",
        "\0",
        "hi\0x",
    ),
    *("one", "two", " "),
]
TRICKY = "aAbßSΣς\u03c3İ\u0131i\u0307 \"'*"


class TestSqliteStore(CatalogueContract, TermsContract):
    """The embedded store."""

    @pytest.fixture
    def open_store(self, tmp_path):
        opened = []

        def open_one(*, serving=True):
            store = open_sqlite(f"sqlite:///{tmp_path}/s/store.db", serving=serving)
            opened.append(store)
            return store

        yield open_one
        for store in opened:
            store.close()

    @pytest.fixture
    def store(self, open_store):
        return open_store()


@pytest.mark.system("postgresql")
class TestPostgresStore(CatalogueContract, TermsContract):
    """The store for many servers."""

    @pytest.fixture
    def open_store(self, databases):
        opened = []

        with databases.named() as find:

            def open_one(*, serving=True):
                opened.append(open_postgres(find("store"), serving=serving))
                return opened[-1]

            yield open_one
            for store in opened:
                store.close()

    @pytest.fixture
    def store(self, open_store):
        return open_store()


def settle(store):
    """Wait until the store has indexed what was written, where that is done later."""
    if not isinstance(store, SqliteStore):
        return
    until = time.monotonic() + 10
    while time.monotonic() < until:
        behind = store._query(
            "SELECT (SELECT indexed_to FROM search_progress) < (SELECT max(id) FROM integrations) "
            "OR EXISTS (SELECT 1 FROM search_pending)"
        )[0][0]
        if not behind:
            return
        time.sleep(0.02)
    raise TimeoutError


@pytest.fixture(params=["at once", "when indexed"])
def searched(request, tmp_path):
    """Return a store, a workspace, and a function to call before a search: it waits for the index, or not."""
    indexed = request.param == "when indexed"
    store = open_sqlite(f"sqlite:///{tmp_path}/s/store.db", serving=indexed)
    yield store, add_tenant(store), lambda: settle(store) if indexed else None
    store.close()


def matching(term, rows):
    folded = term.casefold()
    return [name for name, text in rows.items() if folded in name.casefold() or folded in text.casefold()]


class TestSearch:
    """A search finds any part of a name or description, whatever its case, before and after indexing."""

    @pytest.fixture(autouse=True)
    def _rows(self, searched):
        self.store, self.tenant, self.settle = searched
        self.rows = {f"{word}-{number}": text for number, text in enumerate(TEXTS) for word in ("One", "two")}
        run(self.store, self.tenant, self.save_all)
        self.settle()

    def save_all(self, tx):
        for name, text in self.rows.items():
            put(tx, name, description=text or None)

    def search(self, term, tenant=None):
        return names_of(self.store, tenant or self.tenant, search=term)

    def test_every_part_of_a_text_is_found_and_nothing_else(self):
        wrong = [term for term in TERMS if sorted(self.search(term)) != sorted(matching(term, self.rows))]

        assert wrong == []

    def test_a_changed_description_is_found_by_its_new_words_only(self):
        run(self.store, self.tenant, lambda tx: put(tx, "One-1", description="Boulevard"))
        for _ in range(2):
            assert (self.search("boulevard"), self.search("straße")) == (["One-1"], ["two-1"])
            self.settle()

    def test_a_description_changed_twice_at_once_is_found_by_its_last_words(self):
        for text in ("Boulevard", "Avenue"):
            run(self.store, self.tenant, lambda tx, t=text: put(tx, "One-1", description=t))
        for _ in range(2):
            assert (self.search("boulevard"), self.search("avenue")) == ([], ["One-1"])
            self.settle()

    def test_a_removed_record_is_found_no_more_and_one_made_anew_is(self):
        gone = self.store.read(self.tenant, lambda tx: tx.find(["One-1"])["one-1"])
        run(self.store, self.tenant, lambda tx: tx.drop([gone]))
        self.settle()
        assert self.search("straße") == ["two-1"]
        run(self.store, self.tenant, lambda tx: put(tx, "One-1", description="Straße again"))
        for _ in range(2):
            assert self.search("straße") == ["One-1", "two-1"]
            self.settle()

    def test_a_record_changed_and_removed_before_it_was_indexed_leaves_no_trace(self):
        record = run(self.store, self.tenant, lambda tx: put(tx, "One-1", description="Boulevard"))
        run(self.store, self.tenant, lambda tx: tx.drop([record]))
        self.settle()

        assert (self.search("boulevard"), self.search("straße")) == ([], ["two-1"])
        assert self.store.check() == []

    def test_a_search_stays_in_its_workspace(self):
        other = add_tenant(self.store, "other")
        run(self.store, other, lambda tx: put(tx, "mine", description="Straße"))
        self.settle()

        assert self.search("straße", other) == ["mine"]
        assert self.search("mine") == []


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory):
    store = open_sqlite(f"sqlite:///{tmp_path_factory.mktemp('laws')}/s/store.db", serving=True)
    yield store
    store.close()


LAWS = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
_slugs = iter(range(10_000))


@LAWS
@given(
    keep=st.integers(1, 4),
    steps=st.lists(st.sampled_from(["set a", "set b", "clear a", "reword", "back"]), max_size=14),
    back=st.integers(1, 4),
)
def test_secrets_kept_are_exactly_those_that_the_last_versions_need(long_lived, keep, steps, back):
    tenant = add_tenant(long_lived, f"law-{next(_slugs)}")

    def job(tx):
        put(tx, "one", keep=keep, secrets={"/a": "0"})
        for number, step in enumerate(steps):
            take(tx, number, step)
            compare(tx)

    def take(tx, number, step):
        verb, _, which = step.partition(" ")
        record = tx.find(["one"])["one"]
        if verb == "set":
            put(tx, "one", keep=keep, secrets={f"/{which}": str(number)})
        elif verb == "back":
            bring_back(tx, "one", max(record.version - min(back, keep - 1), 1), keep)
        else:
            held = record.document().secrets
            retire = ["/a"] if verb == "clear" and "/a" in held else []
            put(tx, "one", keep=keep, retire=retire, description=str(number))

    def compare(tx):
        record = tx.find(["one"])["one"]
        last = [each.document() for each in tx.history(record.row, limit=keep)]
        needed = {(path, ref.version) for document in last for path, ref in document.secrets.items()}
        paths, versions = ("/a", "/b"), range(1, record.version + 1)
        kept = {(p, v) for p in paths for v in versions if tx.secrets(record.row, {p: v})}
        assert kept == needed
        current = {path: ref.version for path, ref in last[0].secrets.items()}
        assert {path: each.version for path, each in tx.held([record.row])[record.row].items()} == current

    run(long_lived, tenant, job)


@settings(LAWS, max_examples=15)
@given(
    texts=st.lists(st.text(TRICKY, max_size=8), min_size=1, max_size=6),
    term=st.text(TRICKY, min_size=1, max_size=4),
)
def test_a_search_gives_the_same_answer_before_and_after_indexing(long_lived, texts, term):
    tenant = add_tenant(long_lived, f"law-{next(_slugs)}")
    rows = {f"n{number}": text for number, text in enumerate(texts)}
    run(long_lived, tenant, lambda tx: [put(tx, name, description=text) for name, text in rows.items()])

    before = names_of(long_lived, tenant, search=term)
    settle(long_lived)

    assert before == names_of(long_lived, tenant, search=term) == matching(term, rows)
