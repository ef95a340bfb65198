"""What every store must do, the catalogue of packages: questions mean what they say in plain words."""

import functools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credenza.errors import Conflict
from credenza.model import (
    InstallEntry,
    Member,
    PackageEntry,
    Part,
    Question,
    Release,
    Tenant,
    VersionEntry,
)
from credenza.model import questions as q
from credenza.model.entries import INSTALLS, PACKAGES, VERSIONS
from credenza.ports import Sheet
from store_cards_contract import CardsContract
from store_papers_contract import paper
from store_rows import add_tenant, run

WORDS = ["", "Rag", "rag stack", "Straße", "ΟΔΟΣ", "100% a_b", "İ", "zz"]
TIMES = [0, 5, 10]
BY_ID = (q.Key("id"),)
VISIBILITIES = ["private", "unlisted", "public"]


def package(id, slug=None, **more):
    """Return an entry that says little; whether it is listed follows from the rest, as plans have it."""
    said = {
        "name": "One",
        "description": None,
        "icon_url": None,
        "publisher": None,
        "trust_tier": None,
        "visibility": "private",
        "current": None,
        "approved": (),
        "grants": (),
        "created_by": "key:a",
        "deleted_at": None,
        "retention_tier": "medium",
        "created_at": 1,
        "updated_at": 1,
        **more,
    }
    shown = said["deleted_at"] is None and said["current"] is not None
    said["listed"] = shown and said["visibility"] == "public" and bool(said["approved"])
    said["by_id"] = shown and said["visibility"] == "unlisted"
    return PackageEntry(id=id, slug=slug or id, **said)


def version(id, of, number="1.0.0", parts=(), at=1):
    return VersionEntry(
        id=id, package=of, version=number, published_by="key:a", published_at=at, parts=tuple(parts)
    )


def install(id, of, pinned, *, previous=None, deleted_at=None, at=1, members=(), policy="auto_all"):
    return InstallEntry(
        id=id,
        package=of,
        version=pinned,
        previous=previous,
        policy=policy,
        parent=None,
        installed_by="key:b",
        installed_at=at,
        upgraded_at=None,
        deleted_at=deleted_at,
        retention_tier="short",
        members=tuple(members),
    )


KINDS = {PackageEntry: PACKAGES, VersionEntry: VERSIONS, InstallEntry: INSTALLS}


def keep(store, tenant, *entries, before=None):
    """Keep entries, each with a paper of its own."""
    sheets = [
        Sheet(before, paper(entry.id, kind=KINDS[type(entry)], version=2 if before else 1), (), entry)
        for entry in entries
    ]
    run(store, tenant, lambda tx: tx.keep(sheets))


def ask(store, tenant, entity=q.PACKAGE, *, keys=BY_ID, limit=100, **more):
    question = Question(entity=entity, keys=keys, limit=limit, **more)
    return store.read(tenant, lambda tx: tx.ask(question))


def ids(found):
    return [row.id for row in found.rows]


def shared(store, tenant, kind, *wanted, **more):
    return sorted(store.read(tenant, lambda tx: dict(tx.shared(kind, wanted, **more))))


class World:
    """Entries of two workspaces, and what one of them sees, in plain words."""

    def __init__(self, entries):
        self.entries = entries  # of (workspace's slug, entry)

    def of(self, kind):
        return [(who, entry) for who, entry in self.entries if isinstance(entry, kind)]

    def trusts(self, me, who, entry):
        return who == me or me in entry.grants

    def sees(self, me, who, entry):
        if who == me:
            return True
        granted = me in entry.grants and entry.current is not None
        return entry.deleted_at is None and (entry.listed or granted)

    def shown(self, me, who, entry):
        """Return the release that a workspace sees of a package."""
        if self.trusts(me, who, entry):
            return entry.current
        return entry.approved[-1] if entry.approved else None

    def fields(self, me, entity, who, entry):
        own = who == me
        if entity == q.PACKAGE:
            shown = self.shown(me, who, entry)
            return {
                "id": entry.id,
                "workspaceId": who,
                "slug": entry.slug,
                "name": entry.name,
                "description": entry.description,
                "iconUrl": entry.icon_url,
                "publisher": entry.publisher,
                "trustTier": entry.trust_tier,
                "currentVersion": shown.version if shown else None,
                "visibility": entry.visibility,
                "createdBy": entry.created_by if own else None,
                "deletedAt": entry.deleted_at if own else None,
                "retentionTier": entry.retention_tier if own else None,
                "createdAt": entry.created_at,
                "updatedAt": entry.updated_at if own else shown.at,
            }
        if entity == q.VERSION:
            by = entry.published_by if own else None
            return {
                "id": entry.id,
                "version": entry.version,
                "publishedBy": by,
                "publishedAt": entry.published_at,
            }
        if entity == q.INSTALL:
            return {
                "id": entry.id,
                "integrationId": entry.package,
                "integrationVersionId": entry.version,
                "workspaceId": who,
                "memberPolicy": entry.policy,
                "parentInstallId": entry.parent,
                "installedBy": entry.installed_by,
                "installedAt": entry.installed_at,
                "lastUpgradedAt": entry.upgraded_at,
                "deletedAt": entry.deleted_at,
                "retentionTier": entry.retention_tier,
            }
        return entry._asdict() | ({"default": entry.default} if isinstance(entry, Part) else {})

    def related(self, me, entity, who, entry, relation):  # noqa: PLR0911  # one for each relation
        packages, versions = self.of(PackageEntry), self.of(VersionEntry)
        installs = [(w, e) for w, e in self.of(InstallEntry) if w == me]
        if (entity, relation) == (q.PACKAGE, "versions"):
            approved = {release.id for release in entry.approved}
            trusted = self.trusts(me, who, entry)
            return [(w, v) for w, v in versions if v.package == entry.id and (trusted or v.id in approved)]
        if (entity, relation) == (q.PACKAGE, "installs"):
            return [(w, e) for w, e in installs if e.package == entry.id]
        if (entity, relation) == (q.PACKAGE, "members"):
            shown = self.shown(me, who, entry)
            return [(w, part) for w, v in versions if shown and v.id == shown.id for part in v.parts]
        if relation == "integration":
            wanted = entry.package
            return [(w, e) for w, e in packages if e.id == wanted and self.sees(me, w, e)]
        if relation == "version":
            return [(w, v) for w, v in versions if v.id == entry.version]
        if relation == "install":
            return [(w, e) for w, e in installs if entry in e.members]
        return [(who, part) for part in (entry.parts if entity == q.VERSION else entry.members)]

    def holds(self, me, entity, who, entry, condition):
        if isinstance(condition, q.Every):
            return all(self.holds(me, entity, who, entry, part) for part in condition.parts)
        if isinstance(condition, q.Either):
            return any(self.holds(me, entity, who, entry, part) for part in condition.parts)
        if isinstance(condition, q.Opposite):
            return not self.holds(me, entity, who, entry, condition.part)
        if isinstance(condition, q.Related):
            target = q.ENTITIES[entity].relations[condition.relation]
            found = self.related(me, entity, who, entry, condition.relation)
            return any(self.holds(me, target, w, e, condition.part) for w, e in found)
        return compare(
            self.fields(me, entity, who, entry)[condition.field], condition.operator, condition.value
        )

    def list(self, me, question):
        kind = PackageEntry if question.entity == q.PACKAGE else InstallEntry
        seen = [
            (who, entry)
            for who, entry in self.of(kind)
            if (self.sees(me, who, entry) if kind is PackageEntry else who == me)
        ]
        rows = [
            self.fields(me, question.entity, who, entry)
            for who, entry in seen
            if self.holds(me, question.entity, who, entry, question.where)
        ]
        for key in reversed(question.keys):
            rows.sort(key=functools.cmp_to_key(functools.partial(order, key)))
        return [row["id"] for row in rows]


def compare(field, operator, value):  # noqa: PLR0911  # one for each operator
    if operator == q.MISSING:
        return (field is None) == value
    if operator in {q.UNEQUAL, q.NONE_OF}:
        return not compare(field, {q.UNEQUAL: q.EQUAL, q.NONE_OF: q.ONE_OF}[operator], value)
    if field is None:
        return False
    if operator == q.ONE_OF:
        return field in value
    if operator == q.CONTAINS:
        return value.casefold() in field.casefold()
    if operator == q.STARTS:
        return field.casefold().startswith(value.casefold())
    signs = {q.EQUAL: "__eq__", q.LESS: "__lt__", q.AT_MOST: "__le__", q.MORE: "__gt__", q.AT_LEAST: "__ge__"}
    return getattr(field, signs[operator])(value)


def order(key, one, other):
    a, b = one[key.field], other[key.field]
    if a is None or b is None:
        return 0 if a is b else (-1 if (a is None) == key.nulls_first else 1)
    return ((a > b) - (a < b)) * (-1 if key.descending else 1)


def draw_release(number):
    return Release(f"{number}.0.0", f"inv_{number}", 3 * number)


releases = st.sampled_from([None, *map(draw_release, range(4))])
packages = st.builds(
    package,
    st.sampled_from([f"int_{n}" for n in range(6)]),
    name=st.sampled_from(WORDS),
    description=st.sampled_from([None, *WORDS]),
    publisher=st.sampled_from([None, "acme", "Stripe"]),
    trust_tier=st.sampled_from([None, "first_party"]),
    visibility=st.sampled_from(VISIBILITIES),
    current=releases,
    approved=st.lists(st.integers(0, 3).map(draw_release), max_size=2, unique=True).map(tuple),
    grants=st.sampled_from([(), ("one",), ("two",), ("one", "two")]),
    deleted_at=st.sampled_from([None, None, 5]),
    created_at=st.sampled_from(TIMES),
    updated_at=st.sampled_from(TIMES),
)
parts = st.lists(
    st.builds(Part, st.sampled_from(["chat", "db"]), st.sampled_from(["openai", "aws"]), st.booleans()),
    max_size=2,
    unique_by=lambda part: part.slug,
)
versions = st.builds(
    lambda number, of, found: version(f"inv_{number}", f"int_{of}", f"{number}.0.0", found),
    st.integers(0, 3),
    st.integers(0, 5),
    parts,
)
installs = st.builds(
    lambda number, of, pinned, gone, at, found: install(
        f"ins_{number}",
        f"int_{of}",
        f"inv_{pinned}",
        deleted_at=gone,
        at=at,
        members=[
            Member(f"inm_{number}_{each.slug}", each.slug, each.type, "n", each.default) for each in found
        ],
    ),
    st.integers(0, 3),
    st.integers(0, 5),
    st.integers(0, 3),
    st.sampled_from([None, 5]),
    st.sampled_from(TIMES),
    parts,
)
owned = st.tuples(st.sampled_from(["one", "two"]), st.one_of(packages, packages, versions, installs))


def leave_strangers(pairs):
    """Leave out versions that a package shows without having published them: there can be none."""
    shown = [
        (release.id, (who, entry.id))
        for who, entry in pairs
        if isinstance(entry, PackageEntry)
        for release in (entry.current, *entry.approved)
        if release is not None
    ]
    return [
        (who, entry)
        for who, entry in pairs
        if not isinstance(entry, VersionEntry)
        or all(owner == (who, entry.package) for release, owner in shown if release == entry.id)
    ]


worlds = st.lists(owned, max_size=14, unique_by=lambda pair: pair[1].id).map(leave_strangers).map(World)


@st.composite
def conditions(draw, entity, depth=3):
    kind = q.ENTITIES[entity]
    choices = ["field", "field"] + (
        ["and", "or", "not", *(["related"] if kind.relations else [])] if depth else []
    )
    chosen = draw(st.sampled_from(choices))
    if chosen in {"and", "or"}:
        inner = tuple(draw(st.lists(conditions(entity, depth - 1), max_size=3)))
        return q.Every(inner) if chosen == "and" else q.Either(inner)
    if chosen == "not":
        return q.Opposite(draw(conditions(entity, depth - 1)))
    if chosen == "related":
        relation = draw(st.sampled_from(sorted(kind.relations)))
        return q.Related(relation, draw(conditions(kind.relations[relation], depth - 1)))
    field = draw(st.sampled_from(sorted(kind.fields)))
    sort = kind.fields[field].sort
    if sort == q.FLAG:
        return q.Comparison(field, draw(st.sampled_from([q.EQUAL, q.UNEQUAL])), draw(st.booleans()))
    operators = [q.EQUAL, q.UNEQUAL, q.LESS, q.AT_MOST, q.MORE, q.AT_LEAST, q.ONE_OF, q.NONE_OF, q.MISSING]
    operators += [q.CONTAINS, q.STARTS] if sort == q.TEXT else []
    operator = draw(st.sampled_from(operators))
    if operator == q.MISSING:
        return q.Comparison(field, operator, draw(st.booleans()))
    texts = [
        *WORDS,
        "int_1",
        "1.0.0",
        "one",
        "public",
        "chat",
        "openai",
        "acme",
        "key:a",
        "RAG",
        "strasse",
        "a",
    ]
    one = st.sampled_from(TIMES) if sort == q.TIME else st.sampled_from(texts)
    value = draw(st.lists(one, max_size=3).map(tuple) if operator in {q.ONE_OF, q.NONE_OF} else one)
    return q.Comparison(field, operator, value)


@st.composite
def orders(draw, entity):
    fields = draw(st.lists(st.sampled_from(sorted(q.ENTITIES[entity].fields)), max_size=3, unique=True))
    keys = [q.Key(field, draw(st.booleans()), draw(st.booleans())) for field in fields if field != "id"]
    return (*keys, q.Key("id", draw(st.booleans())))


class CatalogueContract(CardsContract):
    """Derive as from `StoreContract`, which this goes on from."""

    @pytest.fixture
    def pair(self, store):
        return {slug: add_tenant(store, slug) for slug in ("one", "two")}

    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
        deadline=None,
    )
    @given(world=worlds, data=st.data())
    def test_any_filter_and_order_gives_what_the_same_rule_gives_in_plain_words(
        self, store, pair, world, data
    ):
        for who, entry in world.entries:
            keep(store, pair[who], entry)
        try:
            me = data.draw(st.sampled_from(["one", "two"]))
            entity = data.draw(st.sampled_from([q.PACKAGE, q.INSTALL]))
            keys, where = data.draw(orders(entity)), data.draw(conditions(entity))
            question = Question(entity=entity, keys=keys, limit=100, where=where)
            expected = world.list(me, question)

            assert ids(ask(store, pair[me], entity, keys=keys, where=where)) == expected
            assert walk(store, pair[me], question, 3) == (expected, expected)
        finally:
            forget(store, pair, world)

    def test_an_operators_page_goes_by_when_what_waits_was_published(self, store, pair):
        releases = [Release("1.0.0", f"inv_{at}", at) for at in range(1, 4)]
        waiting = [
            package(f"int_{each.at}", current=each, visibility="public", updated_at=9) for each in releases
        ]
        keep(store, pair["one"], *waiting)
        question = {"keys": (q.Key("updatedAt"), *BY_ID), "limit": 1, "operating": True}

        first = ask(store, pair["two"], **question)
        second = ask(store, pair["two"], after=first.rows[0].keys, **question)
        assert [ids(each)[0] for each in (first, second)] == ["int_1", "int_2"]

    @pytest.mark.parametrize("field", ["createdBy", "iconUrl", "name"])
    def test_a_part_of_any_text_is_found_whatever_its_case(self, store, tenant, field):
        column = {"createdBy": "created_by", "iconUrl": "icon_url", "name": "name"}[field]
        texts = ["Jörg Ärger", "ΟΔΟΣ Straße", "İstanbul", "ﬁx ǆ", "plain ASCII"]
        keep(store, tenant, *(package(f"int_{n}", **{column: text}) for n, text in enumerate(texts)))

        for number, text in enumerate(texts):
            for asked in (text, text.upper(), text.casefold(), text[-5:].swapcase()):
                where = q.Comparison(field, q.CONTAINS, asked)
                assert ids(ask(store, tenant, where=where)) == [f"int_{number}"]

    def test_what_is_counted_is_exact_up_to_a_bound(self, store, tenant):
        keep(store, tenant, *(package(f"int_{n}") for n in range(5)))

        assert [ask(store, tenant, count=most).total for most in (4, 5, 6)] == [None, 5, 5]

    def test_a_page_is_not_moved_by_what_is_added_before_it(self, store, tenant):
        keep(store, tenant, *(package(f"int_{n}") for n in (1, 3, 5)))
        first = ask(store, tenant, limit=2).rows[1]
        keep(store, tenant, package("int_0"), package("int_4"))

        assert ids(ask(store, tenant, after=first.keys)) == ["int_4", "int_5"]

    def test_a_slug_is_taken_once_in_a_workspace_and_free_in_another(self, store, pair):
        keep(store, pair["one"], package("int_1", "same"))
        keep(store, pair["two"], package("int_2", "same"))

        with pytest.raises(Conflict):
            keep(store, pair["one"], package("int_3", "same"))
        assert ids(ask(store, pair["one"])) == ["int_1"]

    def test_by_its_id_a_package_is_read_by_those_that_may(self, store, pair):
        mine, other = pair["one"], pair["two"]
        out = Release("1.0.0", "inv_1")
        said = {
            "draft": package("draft"),
            "private": package("private", current=out),
            "granted": package("granted", current=out, grants=("two",)),
            "unlisted": package("unlisted", current=out, visibility="unlisted"),
            "pending": package("pending", current=out, visibility="public"),
            "public": package("public", current=out, visibility="public", approved=(out,)),
            "deleted": package("deleted", current=out, visibility="public", approved=(out,), deleted_at=1),
            "gone": package("gone", current=out, grants=("two",), deleted_at=1),
        }
        keep(store, mine, *said.values())

        assert shared(store, mine, PACKAGES, *said) == sorted(said)
        assert shared(store, other, PACKAGES, *said) == ["granted", "public", "unlisted"]
        assert shared(store, other, PACKAGES, "pending", "private", operating=True) == ["pending"]
        assert ids(ask(store, other)) == ["granted", "public"]
        assert ids(ask(store, other, operating=True)) == ["pending", "public"]

    def test_the_public_reads_approved_versions_and_who_installed_one_its_own(self, store, pair):
        old, new = Release("1.0.0", "inv_1"), Release("2.0.0", "inv_2")
        keep(store, pair["one"], package("int_1", current=new, visibility="public", approved=(old,)))
        keep(store, pair["one"], version("inv_1", "int_1"), version("inv_2", "int_1", "2.0.0"))
        keep(store, pair["one"], package("int_2", current=new), version("inv_3", "int_2", "3.0.0"))

        assert shared(store, pair["two"], VERSIONS, "inv_1", "inv_2", "inv_3") == ["inv_1"]
        keep(store, pair["two"], install("ins_1", "int_2", "inv_3"))
        assert shared(store, pair["two"], VERSIONS, "inv_1", "inv_2", "inv_3") == ["inv_1", "inv_3"]
        gone = install("ins_1", "int_2", "inv_3", deleted_at=1)
        keep(store, pair["two"], gone, before=paper("ins_1", kind=INSTALLS))
        assert shared(store, pair["two"], VERSIONS, "inv_1", "inv_2", "inv_3") == ["inv_1"]

    def test_what_is_installed_anywhere_is_known_until_it_is_removed(self, store, pair):
        keep(store, pair["two"], install("ins_1", "int_1", "inv_1"))
        assert store.read(pair["one"], lambda tx: tx.is_installed("int_1"))
        assert not store.read(pair["one"], lambda tx: tx.is_installed("int_2"))

        gone = install("ins_1", "int_1", "inv_1", deleted_at=1)
        keep(store, pair["two"], gone, before=paper("ins_1", kind=INSTALLS))
        assert not store.read(pair["one"], lambda tx: tx.is_installed("int_1"))


def walk(store, tenant: Tenant, question, limit):
    """Return the ids of all pages, walked to the end and back."""
    forward, after = [], None
    while True:
        found = ask(
            store,
            tenant,
            question.entity,
            keys=question.keys,
            where=question.where,
            limit=limit,
            after=after,
        )
        forward += ids(found)[:limit]
        if len(found.rows) <= limit:
            break
        after = found.rows[limit - 1].keys
    everything = ask(store, tenant, question.entity, keys=question.keys, where=question.where)
    back: list[str] = []
    before = everything.rows[-1].keys if everything.rows else None
    back = ids(everything)[-1:]
    while before is not None:
        found = ask(
            store,
            tenant,
            question.entity,
            keys=question.keys,
            where=question.where,
            limit=limit,
            before=before,
        )
        rows = found.rows[-limit:]
        back = [row.id for row in rows] + back
        before = rows[0].keys if len(found.rows) > limit else None
    return forward, back


def forget(store, pair, world):
    """Remove all entries again: the store is that of many examples."""
    for who, entry in world.entries:
        before = paper(entry.id, kind=KINDS[type(entry)])
        run(store, pair[who], lambda tx, before=before: tx.keep([Sheet(before, None)]))
