"""Logins that several servers believe, and end together."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import until

from voxdemo.stores.valkey import Valkey
from voxdemo.web.guards import logins
from voxdemo.web.guards.logins import Logins

pytestmark = pytest.mark.long


async def test_a_login_that_is_ended_at_one_server_is_ended_at_all(redis: Any) -> None:
    valkeys = [Valkey(redis.url, 0.05), Valkey(redis.url, 0.05)]
    now = [1000.0]
    here, there = (Logins("the secret", {"ann": "one"}, lambda: now[0], valkey) for valkey in valkeys)
    token, other, later = (here.begun("ann", "one") or "" for _ in range(3))
    try:
        await here.end(token)
        await here.end("no login")
        for each in (token, other, ""):
            await there.look(each)
        assert (there.get(token), there.get(other)) == (None, "ann")
        redis.kill()
        await here.end(later)
        await there.look(later)
        assert (here.get(later), there.get(later)) == (None, "ann")
        redis.start()
        await until(lambda: not valkeys[0].is_gone)
        now[0] += logins.LASTS_S + 1
        await here.end(here.begun("ann", "one") or "")
        assert await valkeys[0].client.zcard(logins.ENDED) == 1
    finally:
        for valkey in valkeys:
            await valkey.close()
