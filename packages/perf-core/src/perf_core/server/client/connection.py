"""A small MCP client for both wires, for handshakes and contract tests; the load uses k6's own client.

Source: the MCP specification, revisions 2025-11-25 (lifecycle, streamable HTTP) and 2026-07-28
(``server/discover``, headers of each request).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx2

from perf_core.adapter import Wire
from perf_core.errors import RequestRefused, TargetError
from perf_core.server.client.messages import ACCEPT, CLIENT_INFO, PREFIX, request_message
from perf_core.server.client.redirects import REDIRECTS, redirect_target
from perf_core.server.client.replies import (
    MOST_ROUNDS,
    events_in_time,
    input_methods,
    is_stream,
    needs_user,
    read_whole,
    reply_to,
    with_replies,
)
from perf_core.server.client.responses import json_in
from perf_core.server.credentials.access import OPEN, SESSION_REVISIONS, STATELESS_REVISION, Access
from perf_core.server.credentials.bounded_transport import LARGEST_ANSWER_BYTES
from perf_core.server.credentials.http_client import http_client
from perf_core.server.credentials.masking import cut, masked_errors, masked_url
from perf_core.server.credentials.refusals import no_answer, refusal

_MOST_PAGES = 200
"""Pages of a list beyond which it is taken for endless."""

_METHOD_NOT_FOUND = -32601
_STREAM_LIMIT_S = 60.0
"""Longest time for an answer where the HTTP client has no limit."""

_CLOSE_S = 5.0
"""Longest time for the deletion of a session."""

_SHOWN_CHARACTERS = 50


class Client:
    """A connection to a server; :func:`connect` opens it, which sets ``server_info`` (name and version).

    Attributes:
        revision: Protocol revision that was agreed on.
        server_methods: Methods of the requests that the server sent during calls, in order. Each got a reply
            (see :mod:`perf_core.server.client.replies`).
        instructions: What the server tells clients of itself; empty if it does not.
    """

    def __init__(self, http: httpx2.Client, url: str, wire: Wire, access: Access = OPEN) -> None:
        self.server_info: Mapping[str, Any] = {}
        self.instructions = ""
        self._http = http
        self._url = url
        self._wire = wire
        self._last_id = 0
        self.revision = access.revision
        self._access = access
        self._may_be_redirected = True
        self._answers = access.answers
        self.server_methods: list[str] = []
        self._headers = {"Accept": ACCEPT}
        self._answer_bytes = 0

    def limit_requests(self, limit_s: float) -> None:
        """Set the longest time that each further request may take."""
        self._http.timeout = limit_s

    def tools(self) -> tuple[str, ...]:
        """Return the sorted names of the server's tools.

        Raises:
            TargetError: The answer does not conform to MCP.
        """
        return tuple(sorted(str(tool.get("name")) for tool in self.tool_list()))

    def tool_list(self) -> tuple[Mapping[str, Any], ...]:
        """Return what the server lists of its tools, unchanged and in its order; nothing if it has no list.

        Raises:
            TargetError: The answer does not conform to MCP.
        """
        try:
            return self.listing("tools/list", "tools")
        except RequestRefused as error:
            # A server that offers resources or prompts alone need not know the method.
            if error.code == _METHOD_NOT_FOUND:
                return ()
            raise

    def listing(self, method: str, member: str) -> tuple[Mapping[str, Any], ...]:
        """Return the entries of every page of a list, such as those of ``resources/list``.

        Args:
            member: Member of the result that has the entries, such as ``resources``.

        Raises:
            TargetError: The answer does not conform to MCP.
        """
        return tuple(entry for entry in self._entries(method, member) if isinstance(entry, dict))

    def request(self, method: str, params: Mapping[str, Any], name: str | None = None) -> dict[str, Any]:
        """Send a request and return its result unchanged.

        Args:
            name: Name of the tool or prompt, or URI of the resource: the stateless wire has it in a header.

        Raises:
            TargetError: The answer is not a JSON-RPC result.
        """
        return self._request(method, params, name)

    def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call a tool and return its result unchanged.

        Raises:
            TargetError: The answer is not a JSON-RPC result.
        """
        return self._request("tools/call", {"name": tool, "arguments": dict(arguments)}, tool)

    def server_request(self, tool: str, arguments: Mapping[str, Any], wait_s: float) -> str:
        """Call a tool and return the method of the first request that the server sends during the call.

        Return an empty text if it sends none before its answer or within ``wait_s``. It gets no reply.

        Raises:
            TimeoutError: There is neither an answer nor a request within that time.
        """
        message, headers = self._message_of("tools/call", {"name": tool, "arguments": dict(arguments)}, tool)
        try:
            with self._http.stream(
                "POST", self._url, json=message, headers=headers, timeout=wait_s
            ) as response:
                for data in events_in_time(response, wait_s):
                    event = json_in(data)
                    if isinstance(event, dict) and "id" in event:
                        return str(event.get("method", ""))
        except httpx2.TimeoutException as error:
            raise TimeoutError from error
        return ""

    def handshake(self) -> None:
        """Perform the handshake of the wire.

        Raises:
            TargetError: The answer does not conform to MCP.
        """
        if self._wire == "session":
            self._initialize()
        else:
            self._discover()
        self._may_be_redirected = False

    @property
    def url(self) -> str:
        """MCP endpoint; another than the one that was given if the server redirects."""
        return self._url

    def close(self) -> None:
        """Delete the session, if there is one; a server that does not answer that may be used further."""
        if "Mcp-Session-Id" not in self._headers:
            return
        self.limit_requests(min(_CLOSE_S, self._http.timeout.read or _CLOSE_S))
        with suppress(httpx2.HTTPError, TargetError):
            self._send_one_way("DELETE")

    def status_after_close(self) -> int | None:
        """Delete the session and return the HTTP status of a request that still uses it.

        Return None without a session, and if the server lets no client delete one.
        """
        if "Mcp-Session-Id" not in self._headers:
            return None
        if not self._http.delete(self._url, headers=self._session_headers()).is_success:
            return None
        return self._post("ping", {}).status_code

    def _initialize(self) -> None:
        response = self._post("initialize", self._opening(self.revision))
        try:
            info = self._result(response, "initialize")
        except RequestRefused as error:
            offered = _offered_revision(error, self.revision)
            if offered is None:
                raise
            response = self._post("initialize", self._opening(offered))
            info = self._result(response, "initialize")
        self.server_info = _members(info.get("serverInfo"))
        self.instructions = _text(info.get("instructions"))
        self.revision = self._headers["MCP-Protocol-Version"] = self._agreed_revision(info)
        session_id = response.headers.get("mcp-session-id")
        if session_id is not None:  # sessions are optional on this wire
            self._headers["Mcp-Session-Id"] = session_id
        self._send_one_way("POST", {"jsonrpc": "2.0", "method": "notifications/initialized"})

    def _agreed_revision(self, info: Mapping[str, Any]) -> str:
        revision = info.get("protocolVersion", self.revision)
        # A client disconnects if it does not support what the server answers (MCP, version negotiation).
        if revision in SESSION_REVISIONS:
            return str(revision)
        raise TargetError(
            f"initialize at {masked_url(self._url)}: expected a protocolVersion such as {self.revision}, "
            f"got {cut(str(revision), _SHOWN_CHARACTERS)!r}",
            f"The lab speaks {', '.join(SESSION_REVISIONS)} on this wire: a server answers with one that it "
            "speaks, too, and clients leave when they do not know it.",
        )

    def _opening(self, revision: str) -> dict[str, Any]:
        return {
            "protocolVersion": revision,
            "capabilities": self._answers.capabilities,
            "clientInfo": CLIENT_INFO,
        }

    def _discover(self) -> None:
        self.revision = self._headers["MCP-Protocol-Version"] = STATELESS_REVISION
        result = self._request("server/discover", {})
        # Revision 2026-07-28 has the server's identity in the result's _meta.
        info = _members(result.get("_meta")).get(f"{PREFIX}serverInfo")
        self.server_info = _members(info or result.get("serverInfo"))
        self.instructions = _text(result.get("instructions"))

    def _entries(self, method: str, member: str) -> Iterator[Any]:
        cursor: str | None = None
        size_bytes = 0
        cursors = set()
        for _ in range(_MOST_PAGES):  # a server that always sends a next cursor must not block the lab
            result = self._request(method, {"cursor": cursor} if cursor else {})
            size_bytes += self._answer_bytes
            if size_bytes > LARGEST_ANSWER_BYTES:
                raise TargetError(
                    f"{method} at {masked_url(self._url)}: expected a list of at most "
                    f"{LARGEST_ANSWER_BYTES // 2**20} MiB, got a longer one"
                )
            entries = result.get(member)
            yield from entries if isinstance(entries, list) else ()
            cursor = result.get("nextCursor")
            if not cursor:
                return
            seen = repr(cursor)
            if seen in cursors:
                raise self._endless(method, f"the nextCursor {cut(seen, _SHOWN_CHARACTERS)} a second time")
            cursors.add(seen)
        raise self._endless(method, f"a nextCursor on each of {_MOST_PAGES} pages")

    def _endless(self, method: str, got: str) -> TargetError:
        return TargetError(
            f"{method} at {masked_url(self._url)}: expected a last page without a nextCursor, got {got}",
            "A client would ask for ever: leave nextCursor out of the last page (MCP, pagination).",
        )

    def _request(self, method: str, params: Mapping[str, Any], name: str | None = None) -> dict[str, Any]:
        result = self._result(self._post(method, params, name), method)
        for _ in range(MOST_ROUNDS):
            if not (methods := input_methods(result)):
                break
            self.server_methods += methods
            replied = with_replies(params, result, self._answers)
            if replied is None:
                break
            result = self._result(self._post(method, replied, name), method)
        return result

    def _post(self, method: str, params: Mapping[str, Any], name: str | None = None) -> httpx2.Response:
        message, headers = self._message_of(method, params, name)
        response = self._send(message, headers)
        location = response.headers.get("location")
        if location is not None and self._may_be_redirected and response.status_code in REDIRECTS:
            self._may_be_redirected = False
            self._url = redirect_target(self._url, location, has_credentials=self._has_credentials)
            response = self._send(message, headers)
        return response

    def _send(self, message: Mapping[str, Any], headers: Mapping[str, str]) -> httpx2.Response:
        limit_s = self._http.timeout.read or _STREAM_LIMIT_S
        with self._http.stream("POST", self._url, json=message, headers=dict(headers)) as response:
            return read_whole(response, message["id"], self._reply, limit_s)

    def _send_one_way(self, method: str, message: Mapping[str, Any] | None = None) -> None:
        """Send what has no answer; some servers open a stream all the same, which is not read."""
        headers = self._session_headers()
        with self._http.stream(method, self._url, json=message, headers=headers) as response:
            if not is_stream(response):
                response.read()

    @property
    def _has_credentials(self) -> bool:
        return bool(self._access.identities)

    def _session_headers(self) -> dict[str, str]:
        # Asked for anew: the token of a user may have been renewed.
        return {**self._headers, **self._access.own_headers()}

    def _result(self, response: httpx2.Response, method: str) -> dict[str, Any]:
        self._answer_bytes = len(response.content)
        message = json_in(response.text)
        result = message.get("result") if isinstance(message, dict) else None
        if response.status_code != httpx2.codes.OK or not isinstance(result, dict):
            raise refusal(response, method, message, has_credentials=self._has_credentials)
        return result

    def _reply(self, request: Mapping[str, Any]) -> None:
        if needs_user(request):
            self.server_methods.append(str(request["method"]))
        self._send_one_way("POST", reply_to(request, self._answers))

    def _message_of(
        self, method: str, params: Mapping[str, Any], name: str | None
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Return a request and its HTTP headers."""
        self._last_id += 1
        capabilities = self._answers.capabilities
        message, headers = request_message(
            self._last_id, method, params, self._wire, name=name, capabilities=capabilities
        )
        return message, {**self._session_headers(), **headers}


@contextmanager
def connect(url: str, wire: Wire, timeout_s: float = 10.0, *, access: Access = OPEN) -> Iterator[Client]:
    """Yield a client after its handshake with the server at ``url``, and delete its session afterwards.

    Raises:
        TargetError: Nothing answers there, or the answer does not conform to MCP.
    """
    access = access.at(url)
    with masked_errors(access.secrets), http_client(access, timeout_s) as http:
        client = Client(http, url, wire, access)
        try:
            client.handshake()
            yield client
        except httpx2.HTTPError as error:
            raise no_answer(client.url, error) from error
        except httpx2.InvalidURL as error:
            raise TargetError(
                f"expected an http or https URL, got {masked_url(client.url)!r}: {error}", "Correct the URL."
            ) from error
        except RequestRefused as error:
            if error.status == httpx2.codes.UNAUTHORIZED:
                for own in access.identities[:1]:
                    own.refused()
            raise
        finally:
            client.close()


def _members(value: Any) -> Mapping[str, Any]:
    """Return an object of JSON; an empty one for another value."""
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    """Return a text of JSON; an empty one for another value."""
    return value if isinstance(value, str) else ""


def _offered_revision(error: RequestRefused, refused: str) -> str | None:
    """Return the newest revision of the session wire that a refusal offers instead; None without one."""
    supported = error.data.get("supported") if isinstance(error.data, dict) else None
    offered = [each for each in SESSION_REVISIONS if isinstance(supported, list) and each in supported]
    return next((each for each in reversed(offered) if each != refused), None)
