"""What every key provider must do; its test is a class that derives from `KeyProviderContract`."""

import base64
from uuid import UUID

import pytest

from credenza.errors import KeyAbsent, KeyDenied
from credenza.loss_ports import KeyKeeper
from credenza.sensitive import Sensitive

VAULT = UUID("01980000-0000-7000-8000-000000000001").bytes
OTHER = UUID("01980000-0000-7000-8000-000000000002").bytes


def spellings(key):
    """Return the forms in which a key could show up in a text."""
    encoded = base64.b64encode(key).decode()
    return (encoded, encoded.rstrip("="), base64.urlsafe_b64encode(key).decode(), key.hex(), repr(key))


class KeyProviderContract:
    """Derive, and give the fixture `provide`: a function that opens the provider anew at the same place.

    `handed_over`: the key is there from the start, and `create` returns it. `per_vault`: it keeps one
    key for each vault, else one for all. `wraps`: it keeps none, the keepsake is the key, wrapped.
    `keeps`: it takes a key that exists already.
    """

    handed_over = False
    keeps = True
    per_vault = True
    wraps = False

    @pytest.fixture
    def provide(self):
        raise NotImplementedError

    @pytest.fixture
    def key(self, provide):
        key, self.keepsake = provide().create(VAULT)
        return key

    def test_fetch_gives_the_key_that_create_made(self, provide, key):
        assert provide().fetch(VAULT, self.keepsake).reveal() == key.reveal()

    def test_a_key_is_32_bytes(self, key):
        assert type(key.reveal()) is bytes
        assert len(key.reveal()) == 32

    def test_before_create_there_is_no_key_unless_it_is_handed_over(self, provide):
        if self.handed_over:
            assert provide().fetch(VAULT, None).reveal() == provide().create(VAULT)[0].reveal()
        else:
            with pytest.raises(KeyAbsent):
                provide().fetch(VAULT, None)

    def test_the_key_of_another_vault_is_absent_unless_all_vaults_share_one(self, provide, key):
        if self.per_vault:
            with pytest.raises(KeyAbsent):
                provide().fetch(OTHER, None)
        else:
            assert provide().fetch(OTHER, None).reveal() == key.reveal()

    def test_two_vaults_get_two_keys_unless_all_vaults_share_one(self, provide, key):
        if self.per_vault:
            other, keepsake = provide().create(OTHER)
            assert other.reveal() != key.reveal()
            assert provide().fetch(OTHER, keepsake).reveal() == other.reveal()
            assert provide().fetch(VAULT, self.keepsake).reveal() == key.reveal()
        elif not self.handed_over:
            with pytest.raises(KeyDenied):
                provide().create(OTHER)

    def test_create_never_overwrites(self, provide, key):
        if self.handed_over:
            assert provide().create(VAULT)[0].reveal() == key.reveal()
        elif self.wraps:
            assert provide().create(VAULT)[0].reveal() != key.reveal()
        else:
            with pytest.raises(KeyDenied) as caught:
                provide().create(VAULT)
            assert not any(text in str(caught.value) for text in spellings(key.reveal()))
        assert provide().fetch(VAULT, self.keepsake).reveal() == key.reveal()

    def test_a_keepsake_of_another_vault_gives_no_key_where_it_is_the_key(self, provide, key):
        if self.wraps:
            with pytest.raises(KeyAbsent):
                provide().fetch(OTHER, self.keepsake)
            assert not any(text.encode() in self.keepsake for text in spellings(key.reveal()))
        else:
            assert self.keepsake is None

    def test_neither_label_nor_repr_holds_the_key(self, provide, key):
        provider = provide()
        provider.fetch(VAULT, self.keepsake)
        for text in (provider.label, repr(provider), str(provider), repr(vars(provider)), repr(key)):
            assert text
            assert not any(spelling in text for spelling in spellings(key.reveal()))

    def test_a_key_that_is_brought_back_is_kept_where_there_was_none(self, provide):
        provider, lost = provide(), Sensitive(b"l" * 32)
        assert isinstance(provider, KeyKeeper) is self.keeps
        if not self.keeps:
            return
        kept = provider.keep(VAULT, lost)

        assert provide().fetch(VAULT, kept).reveal() == lost.reveal()
        provide().keep(VAULT, lost)

    def test_a_key_that_is_brought_back_never_replaces_another(self, provide, key):
        provider = provide()
        assert isinstance(provider, KeyKeeper) is self.keeps
        if not self.keeps:
            return
        if self.wraps:  # it keeps nothing: each keepsake opens what it was given
            provider.keep(VAULT, Sensitive(b"l" * 32))
            assert provide().fetch(VAULT, self.keepsake).reveal() == key.reveal()
            return
        with pytest.raises(KeyDenied) as caught:
            provider.keep(VAULT, Sensitive(b"l" * 32))

        assert not any(text in str(caught.value) for text in spellings(key.reveal()))
        assert provide().fetch(VAULT, self.keepsake).reveal() == key.reveal()
