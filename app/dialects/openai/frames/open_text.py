"""A message or a thought that a response is just streaming: its events, and the item that becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app import exact_json
from app.dialects.openai.frames.items import Item, ItemStatus, message_item, reasoning_item, summary_part, text_part

Event = tuple[str, dict[str, Any]]
"""The type of an event of OpenAI's, and its fields without `type` and `sequence_number`."""


@dataclass(frozen=True)
class Form:
    """How OpenAI names what our events of one `kind` say: the types of its events, the prefix of the item's id, the
    place of the text in its item, the fields that the events of a text have beside it, the part of the item that holds
    the text, and the item."""

    kind: str
    delta_type: str
    done_type: str
    part_type: str
    prefix: str
    place: Mapping[str, int]
    more: Mapping[str, Any]
    part: Callable[[str], Item]
    item: Callable[[str, str | None, ItemStatus], Item]


FORMS = {
    "text": Form(
        kind="text",
        delta_type="response.output_text.delta",
        done_type="response.output_text.done",
        part_type="response.content_part",
        prefix="msg",
        place={"content_index": 0},
        more={"logprobs": []},
        part=text_part,
        item=message_item,
    ),
    "reasoning": Form(
        kind="reasoning",
        delta_type="response.reasoning_summary_text.delta",
        done_type="response.reasoning_summary_text.done",
        part_type="response.reasoning_summary_part",
        prefix="rs",
        place={"summary_index": 0},
        more={},
        part=summary_part,
        item=reasoning_item,
    ),
}
"""By the type of our event."""


class OpenText:
    """The text of the item `own_id`, which is number `index` of the output."""

    def __init__(self, form: Form, index: int, own_id: str) -> None:
        self.form = form
        self.index = index
        self.pieces: list[str] = []
        self._own_id = own_id
        self._place = {"item_id": own_id, "output_index": index, **form.place}
        self._head = exact_json.dump_bytes({"type": form.delta_type, **self._place, **form.more})[:-1] + b',"delta":'

    def part_added(self) -> Event:
        """The event behind the one that adds the item."""
        return f"{self.form.part_type}.added", self._place | {"part": self.form.part("")}

    def delta(self, content: str, number: int) -> bytes:
        """The JSON of the event of one piece."""
        return b'%s%s,"sequence_number":%d}' % (self._head, exact_json.dump_bytes(content), number)

    def done(self) -> Iterator[Event]:
        """The events before the one that ends the item."""
        text = "".join(self.pieces)
        yield self.form.done_type, self._place | {"text": text, **self.form.more}
        yield f"{self.form.part_type}.done", self._place | {"part": self.form.part(text)}

    def added(self) -> Item:
        """The item before its first piece."""
        return self.form.item(self._own_id, None, "in_progress")

    def so_far(self) -> Item:
        """The item with the pieces that there are."""
        return self.finished("in_progress")

    def finished(self, status: ItemStatus) -> Item:
        """The item with its whole text."""
        return self.form.item(self._own_id, "".join(self.pieces), status)
