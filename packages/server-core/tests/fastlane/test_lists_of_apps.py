"""Lists of components that change in place, that describe themselves, or that not everybody may see."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import pytest
from app_changes import IN_PLACE, echo_tool
from app_samples import CALLS, LISTS, TOKENS, app, echo, listed
from beside_fastmcp import Step, assert_like_fastmcp, with_header
from fastmcp import FastMCP
from fastmcp.tools import FunctionTool
from in_memory import initialize, request, session_call

pytestmark = pytest.mark.anyio


async def test_tools_with_an_authorization_check_are_listed_for_those_who_pass_it() -> None:
    def make(_notes: list[str]) -> FastMCP[Any]:
        mcp = app()
        mcp.tool(echo, name="for_known", auth=lambda context: context.token is not None)
        mcp.tool(echo, name="for_first", auth=_is_first_token)
        return mcp

    def asked_by(token: str) -> tuple[Step, ...]:
        session = TOKENS.index(token)
        steps = (
            initialize(),
            request("tools/list", session=session),
            session_call("for_first", {"text": "x"}, session),
        )
        return tuple(with_header(step, "authorization", f"Bearer {token}") for step in steps)

    steps = tuple(itertools.chain.from_iterable(map(asked_by, TOKENS)))
    answers = await assert_like_fastmcp(make, *steps, auth_tokens=list(TOKENS))
    assert listed(answers[1])[-2:] == ["for_known", "for_first"]
    assert listed(answers[4])[-1:] == ["for_known"]


def _is_first_token(context: Any) -> bool:
    digest = hashlib.sha256(TOKENS[0].encode()).hexdigest()
    return bool(context.token.client_id == f"token-{digest[:12]}")


@pytest.mark.parametrize("change", IN_PLACE)
async def test_a_component_that_is_changed_in_place_is_listed_and_called_as_it_is(change: str) -> None:
    lists = tuple(map(request, LISTS))
    await assert_like_fastmcp(
        lambda _notes: app(), initialize(), *lists, IN_PLACE[change], *CALLS, *lists, *lists, *CALLS
    )


async def test_a_value_within_meta_may_change_between_lists() -> None:
    def make(_notes: list[str]) -> FastMCP[Any]:
        mcp = app()
        echo_tool(mcp).meta = {"deep": [{"er": {"count": 1}}]}
        return mcp

    def count(mcp: FastMCP[Any]) -> None:
        meta = echo_tool(mcp).meta
        assert meta is not None
        meta["deep"][0]["er"]["count"] += 1

    listing = request("tools/list")
    answers = await assert_like_fastmcp(make, initialize(), listing, count, listing, count, listing)
    assert ['"count": 3' in answer.body for answer in answers] == [False, False, False, True]


class Dated(FunctionTool):
    """Describes itself differently each time."""

    def to_mcp_tool(self, **overrides: Any) -> Any:
        times = next(self.meta["times"])  # type: ignore[index]
        return super().to_mcp_tool(**{**overrides, "description": f"asked {times} times", "_meta": {}})


async def test_a_tool_that_describes_itself_is_asked_each_time() -> None:
    def make(_notes: list[str]) -> FastMCP[Any]:
        mcp = app()
        mcp.add_tool(Dated.from_function(echo, name="dated", meta={"times": itertools.count()}))
        return mcp

    listing = request("tools/list")
    answers = await assert_like_fastmcp(make, initialize(), listing, listing, listing)
    assert len({answer.body for answer in answers[1:]}) == 3
