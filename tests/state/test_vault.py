"""The vault: what it keeps can be read with its keys alone, by one client, until it is deleted."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from app.config import Settings
from app.errors import BadRequest, ConfigError, NotConfigured
from app.state.accounts.vault import MAX_PER_CLIENT, Vault, client_digest
from app.state.scripts import Store

FIRST, SECOND = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def vault(connection):
    """Makes a vault on some encryption keys."""

    def make(keys):
        return Vault(Store(connection, Settings(encryption_key=keys)))

    return make


def test_a_key_is_rotated_by_putting_the_new_one_before_the_old(vault):
    vault(FIRST).save_secrets("c", {"OLD": "one"})
    both = vault(f" {SECOND} , {FIRST}")
    both.save_secrets("c", {"NEW": "two"})
    assert both.secrets("c") == {"OLD": "one", "NEW": "two"}
    assert vault(SECOND).secrets("c") == {"NEW": "two"}


def test_what_is_kept_cannot_be_read_in_redis(vault, connection):
    vault(FIRST).save_secrets("c", {"A": "s3cret-value"})
    vault(FIRST).save_provider_key("c", "openai", "sk-0123456789-0123456789", None)
    held = str([connection.hgetall(name) for name in connection.scan_iter()])
    assert "s3cret-value" not in held
    assert "sk-0123456789-" not in held
    assert all(connection.ttl(name) > 0 for name in connection.scan_iter())


def test_every_client_has_its_own(vault):
    kept = vault(FIRST)
    one, other = client_digest("one"), client_digest("other")
    kept.save_provider_key(one, "openai", "sk-one", None)
    assert kept.provider_keys(one) == {"openai": "sk-one"}
    assert (kept.provider_keys(other), kept.provider_keys(""), kept.secrets("")) == ({}, {}, {})


def test_without_a_key_nothing_is_kept_and_nothing_used(vault):
    vault(FIRST).save_secrets("c", {"A": "value"})
    off = vault(None)
    assert (off.secrets("c"), off.provider_keys("c")) == ({}, {})
    for refused in (lambda: off.save_secrets("c", {"A": "x"}), lambda: off.clear_secrets("c")):
        with pytest.raises(NotConfigured, match="AOMI_ENCRYPTION_KEY"):
            refused()


def test_a_key_that_is_none_is_a_mistake_in_the_settings_that_does_not_show_it(vault):
    with pytest.raises(ConfigError, match="AOMI_ENCRYPTION_KEY must be Fernet keys") as raised:
        vault(f"{FIRST},too-short")
    assert "too-short" not in str(raised.value)


def test_a_client_has_so_many_at_most_and_may_replace_them(vault):
    kept = vault(FIRST)
    kept.save_secrets("c", {f"N{number}": "value" for number in range(MAX_PER_CLIENT)})
    kept.save_secrets("c", {"N0": "another"})
    with pytest.raises(BadRequest, match="at most 50"):
        kept.save_secrets("c", {"MORE": "value"})
    assert kept.secrets("c")["N0"] == "another"


def test_settings_do_not_show_the_key():
    assert FIRST not in repr(Settings(encryption_key=FIRST))


def test_a_provider_key_that_no_key_can_read_is_not_shown(vault):
    vault(FIRST).save_provider_key("c", "openai", "sk-one", None)
    assert (vault(SECOND).list_provider_keys("c"), len(vault(FIRST).list_provider_keys("c"))) == ([], 1)


def test_secrets_and_keys_sent_together_are_stored_all_or_none(vault):
    kept = vault(FIRST)
    kept.save_secrets("c", {}, {f"p{number}": "key" for number in range(MAX_PER_CLIENT)})
    with pytest.raises(BadRequest, match="at most"):
        kept.save_secrets("c", {"A": "value"}, {"openai": "sk-one"})
    assert kept.secrets("c") == {}
    kept.save_secrets("c", {"A": "value"}, {"p0": "sk-one"})
    assert (kept.secrets("c"), kept.provider_keys("c")["p0"]) == ({"A": "value"}, "sk-one")
