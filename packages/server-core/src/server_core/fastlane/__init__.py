"""Plain tool calls answered without FastMCP, so that a client cannot tell.

FastMCP spends a millisecond and more on a call whose tool takes a microsecond. Where nothing of what it
does in that time can matter (no middleware, no context, no dependencies, no tasks, no tracing), the lane
validates the arguments with the tool's own schema, calls the function and encodes the result itself.
Whatever it does not recognise at once goes to FastMCP untouched; it decides before the tool runs, never
after.

* :mod:`~server_core.fastlane.eligibility`: which tools, and why not the others
* :mod:`~server_core.fastlane.direct_tool`: a tool that is called without FastMCP
* :mod:`~server_core.fastlane.results`: its results and failures as FastMCP would send them
* :mod:`~server_core.fastlane.request_recognition`: which requests are recognised
* :mod:`~server_core.fastlane.lane`: the ASGI layer
"""

from server_core.fastlane.lane import Answer, CallHead, FastLane

__all__ = ["Answer", "CallHead", "FastLane"]
