"""Pieces of tool calls put together: providers number their calls, or not, or give all of them the number 0."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from workers.models.delta import CallPiece


@dataclass
class OpenCall:
    """A tool call as far as it came."""

    call_id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    signature: str = ""

    def text(self) -> str:
        """The arguments so far."""
        return "".join(self.arguments)

    def is_whole(self) -> bool:
        """Whether its arguments are a whole JSON object, so that another piece cannot belong to it."""
        try:
            return isinstance(orjson.loads(self.text()), dict)
        except orjson.JSONDecodeError:
            return False


class CallSlots:
    """The calls of one reply, in the order in which they began."""

    def __init__(self) -> None:
        self.calls: list[OpenCall] = []
        self._at: dict[int, OpenCall] = {}

    def add(self, piece: CallPiece) -> int:
        """Add a piece; returns the place of its call in `calls`."""
        call = self._find(piece)
        if call is None or _begins_another(call, piece):
            call = OpenCall()
            self.calls.append(call)
        if piece.index is not None:
            self._at[piece.index] = call
        call.name = call.name + piece.name if _continues_name(call, piece) else call.name or piece.name
        call.call_id = call.call_id or piece.call_id
        call.signature = call.signature or piece.signature
        call.arguments.append(piece.arguments)
        return next(place for place, known in enumerate(self.calls) if known is call)

    def _find(self, piece: CallPiece) -> OpenCall | None:
        """The call that the piece continues, if it begins none: by number, by id, else the last one."""
        if piece.index is not None:
            return self._at.get(piece.index)
        known = [call for call in self.calls if piece.call_id and call.call_id == piece.call_id]
        if known or (piece.call_id and self.calls and self.calls[-1].call_id):
            return known[-1] if known else None
        return self.calls[-1] if self.calls else None


def _continues_name(call: OpenCall, piece: CallPiece) -> bool:
    """Whether the piece continues the call's name: a different text, before any arguments. Only if the server sends
    ids: without them another name is another call."""
    is_same = bool(call.call_id and piece.call_id in ("", call.call_id))
    has_arguments = bool(piece.arguments or call.text())
    return is_same and not has_arguments and bool(call.name and piece.name) and piece.name != call.name


def _begins_another(call: OpenCall, piece: CallPiece) -> bool:
    """A new id begins a call; so does a name behind arguments that are whole, or another name."""
    if piece.call_id and call.call_id and piece.call_id != call.call_id:
        return True
    if not piece.name or not call.name or _continues_name(call, piece):
        return False
    if piece.name != call.name and not piece.call_id:
        return True
    return bool(piece.arguments) and call.is_whole()
