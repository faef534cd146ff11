"""A connection to a JSON-RPC node. Time and size are limited for all its calls together, because a node may be slow,
drip, or reply hugely. The node's address holds a secret: it is in no error and in no line of the log."""

from __future__ import annotations

import base64
import logging
from typing import Any
from urllib.parse import unquote, urlsplit

import httpcore

from app import exact_json, limited_http
from app.chain.rpc_errors import RpcError
from app.errors import BadGateway
from app.limited_http import MAX_BYTES, TooLarge

log = logging.getLogger(__name__)

MAX_CODE = 1_000_000
"""Codes of errors are smaller; a larger number is not quoted."""


class NodeConnection:
    """Calls to one node, one after the other, all of them within `seconds`. `name` is the node's in errors."""

    def __init__(self, name: str, url: str, seconds: float) -> None:
        self._name, self._url, self._seconds = name, url, seconds
        self._pool = limited_http.pool(seconds)

    def __enter__(self) -> NodeConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def call(self, method: str, *params: Any) -> Any:
        """The result of a method. Raises `RpcError`; `BadGateway` when the node gives no usable response."""
        request = exact_json.dump_bytes({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            response = self._pool.request("POST", self._url, headers=self._headers(), content=request)
        except (httpcore.TimeoutException, TimeoutError):
            raise self.failed(f"did not answer within {self._seconds:g} s") from None
        except TooLarge:
            raise self.failed(f"sent more than {MAX_BYTES // 1024**2} MiB") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise self.failed(f"cannot be reached ({type(error).__name__})") from None
        return self._result(method, response.status, response.content)

    def failed(self, problem: str) -> BadGateway:
        """The error to raise when the node did this; the operator's log has it, too."""
        log.warning("the %s %s; see AOMI_CHAIN_RPC", self._name, problem)
        return BadGateway(f"The {self._name} {problem}; try again later")

    def _result(self, method: str, status: int, body: bytes) -> Any:
        try:
            response = exact_json.loads(body)
        except (ValueError, RecursionError):
            response = None
        if isinstance(response, dict) and isinstance(response.get("error"), dict):
            raise _rpc_error(method, response["error"])
        if status != 200:
            raise self.failed(f"answered with HTTP status {status}")
        if not isinstance(response, dict) or "result" not in response:
            raise self.failed("gave an answer that is not JSON-RPC")
        return response["result"]

    def _headers(self) -> dict[bytes | str, bytes | str]:
        headers: dict[bytes | str, bytes | str] = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        parts = urlsplit(self._url)
        if parts.username is None:
            return headers
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return headers | {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}


def _rpc_error(method: str, error: dict[str, Any]) -> RpcError:
    code, message, data = error.get("code"), error.get("message"), error.get("data")
    return RpcError(
        method,
        code if isinstance(code, int) and abs(code) < MAX_CODE else 0,
        message if isinstance(message, str) else "",
        data if isinstance(data, str) else "",
    )
