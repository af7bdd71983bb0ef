"""A request that is stopped, or whose token fails, ends in one plain error."""

from __future__ import annotations

import anyio
import pytest

from localrank_cohere.call.stopping import until_aborted

pytestmark = pytest.mark.anyio


class Broken:
    readings = 0

    def is_set(self) -> bool:
        self.readings += 1
        if self.readings > 2:
            raise OSError("the remote flag is gone")
        return False


async def test_a_token_that_fails_raises_its_own_error() -> None:
    with pytest.raises(OSError, match="the remote flag is gone"):
        await until_aborted(anyio.sleep_forever, Broken())
