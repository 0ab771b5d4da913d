"""Plain tool calls answered without FastMCP, with responses that a client cannot distinguish.

FastMCP spends a millisecond or more on a call whose tool takes a microsecond. Where none of that work can
affect the result (no middleware, no context, no dependencies, no tasks, no tracing), the lane validates the
arguments with the tool's own schema, calls the function and encodes the result itself. Every request that it
does not recognise goes to FastMCP unchanged; this is decided before the tool runs, never after.
"""

from server_core.fastlane.lane import Answer, CallHead, FastLane

__all__ = ["Answer", "CallHead", "FastLane"]
