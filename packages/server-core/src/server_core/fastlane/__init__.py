"""Plain tool calls answered without FastMCP, with responses that a client cannot distinguish.

FastMCP spends a millisecond or more on a call whose tool takes a microsecond. Where none of that work can
affect the result (no middleware, no context, no dependencies, no tasks, no tracing), the lane validates the
arguments with the tool's own schema, calls the function and encodes the result itself. Every request that it
does not recognise goes to FastMCP unchanged; this is decided before the tool runs, never after.

* :mod:`~server_core.fastlane.eligibility`: which tools are plain, and why others are not
* :mod:`~server_core.fastlane.request_recognition`: which requests are recognised
* :mod:`~server_core.fastlane.direct_tool`: what a direct call of a tool needs
* :mod:`~server_core.fastlane.direct_calls`: the calls themselves
* :mod:`~server_core.fastlane.response_encoding`: results and failures encoded as FastMCP sends them
* :mod:`~server_core.fastlane.light_sessions`: sessions without an SDK session behind them
* :mod:`~server_core.fastlane.session_promotion`: light sessions that become SDK sessions
* :mod:`~server_core.fastlane.lane`: the ASGI layer
* :mod:`~server_core.fastlane.immediate_calls`: calls that are answered before ASGI begins
"""

from server_core.fastlane.lane import Answer, CallHead, FastLane

__all__ = ["Answer", "CallHead", "FastLane"]
