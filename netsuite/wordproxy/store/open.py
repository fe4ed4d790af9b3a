"""From the text of ``--store`` to an open store."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from netsuite.wordproxy.store.contract import Store, StoreFault
from netsuite.wordproxy.store.redisurl import is_redis, with_prefix
from netsuite.wordproxy.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from netsuite.wordproxy.store.redis import RedisStore


def open_store(
    where: str, *, read_only: bool = False, stop_words: Mapping[str, Collection[str]] | None = None
) -> Store:
    """The store ``where`` is open: ``:memory:``, a file's path, or a Redis; made if it is not there yet.

    ``read_only``: nothing can be written through it, and the store must be there already.
    ``stop_words``: keys that word lists leave out, by language.

    Raises:
        StoreFault: one line that says what is wrong and how to mend it.
    """
    if is_redis(where):
        return _redis_store(where, read_only=read_only, stop_words=stop_words)
    scheme, separator, _ = where.partition("://")
    if separator and scheme.isalpha():
        raise StoreFault(f"no store of kind {scheme}:// is known; give a file's path, redis://… or :memory:")
    if not where:
        raise StoreFault("the store has no name; give a file's path or :memory:")
    path = where if where == ":memory:" else os.path.abspath(where)
    return SqliteStore(path, read_only=read_only, stop_words=stop_words)


def shared_url_key(where: str, fresh: bytes) -> bytes:
    """The secret of page digests in a Redis, which is the same for all nodes: ``fresh`` if it had none.

    Raises:
        StoreFault: as `open_store`.
    """
    store = _redis_store(where)
    try:
        return store.url_key(fresh)
    finally:
        store.close()


def profiles_in(where: str) -> list[str]:
    """The stores of users in a Redis, beside the store ``where``; see `place.profile_store`.

    Raises:
        StoreFault: as `open_store`.
    """
    store = _redis_store(where)
    try:
        return [with_prefix(where, prefix) for prefix in store.profiles()]
    finally:
        store.close()


def _redis_store(where: str, **options: Any) -> RedisStore:
    try:  # here: the client costs 12 MB and 60 ms, in each process, which nobody else should pay
        from netsuite.wordproxy.store.redis import RedisStore
    except ModuleNotFoundError as error:
        if error.name != "redis":
            raise
        raise StoreFault("a store in Redis needs the extra: pip install 'netsuite[redis]'") from None
    return RedisStore(where, **options)
