"""A question of an MCP server to the person: asked field by field, or shown with the page that it wants visited."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app import exact_json
from app.commands.chat.screen import Screen
from app.form_schema import choices_of, problem_of
from app.terminal_text import one_line

VISIT_PROMPT = "Enter when you have visited it, n [why] declines, . leaves it open: "
CONFIRM_PROMPT = "Answer? y, n [why], Enter leaves it open: "
FIELDS_HINT = "n alone declines, . alone leaves it open, Enter takes what is in [ ] or leaves the field out."
LEAVE_OPEN = "."

Answer = dict[str, Any]
No = Callable[[str], Answer | None]
"""The answer of a line that declines, None for any other line."""


def question_lines(call: Mapping[str, Any]) -> Iterator[str]:
    """A question, with the server's words as they are and the whole address of its page."""
    yield f"{call['name']} asks you: {one_line(call['message'], 4000)}"
    if "url" in call:
        yield f"  Visit this page yourself if you trust it: {one_line(call['url'], 2000)}"


def ask_question(screen: Screen, call: Mapping[str, Any], no: No) -> Answer | None:
    """The person's answer. None if it stays open. Raises `EOFError`, `KeyboardInterrupt`."""
    if "url" in call:
        return _visited(screen, no)
    form = call["schema"]
    if not form["properties"]:
        return _confirmed(screen, no)
    screen.say(FIELDS_HINT, dim=True)
    content: dict[str, Any] = {}
    for name in form["properties"]:
        answer = _field(screen, form, name, no)
        if not isinstance(answer, _Value):
            return answer
        if answer.value is not None:
            content[name] = answer.value
    return {"approve": True, "result": content}


class _Value:
    """The value that a field gets; None leaves it out."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _field(screen: Screen, form: Mapping[str, Any], name: str, no: No) -> _Value | Answer | None:
    """Ask until the line fits. An answer that declines, or None, ends the form."""
    field = form["properties"][name]
    alone = {"properties": {name: field}, "required": [name] if name in form["required"] else []}
    while True:
        line = screen.ask(_prompt(form, name)).strip()
        if line == LEAVE_OPEN:
            return None
        if line in ("n", "no") and field["type"] != "boolean" and (declined := no(line)):
            return declined
        value = field.get("default") if not line else _read(field, line)
        if (problem := problem_of(alone, {} if value is None else {name: value})) is None:
            return _Value(value)
        screen.say(f"{one_line(problem, 300)}.", fg="red")


def _prompt(form: Mapping[str, Any], name: str) -> str:
    field = form["properties"][name]
    about = field.get("title") or field.get("description") or ""
    choices = choices_of(field)
    wanted = ", ".join(choices) if choices else {"boolean": "y or n"}.get(field["type"], field["type"])
    if field["type"] == "array":
        wanted = f"some of {wanted}, with commas between"
    more = "" if name in form["required"] else "; may be left out"
    default = f" [{exact_json.dumps(field['default'])}]" if "default" in field else ""
    words = f"{name}{f' ({about})' if about and about != name else ''}, {wanted}{more}{default}: "
    return one_line(words, 600) + " "


def _read(field: Mapping[str, Any], line: str) -> Any:
    """The value of a line; the line itself where it is no value of the field's type."""
    kind = field["type"]
    if kind == "boolean":
        return {"y": True, "yes": True, "true": True, "n": False, "no": False, "false": False}.get(line.lower(), line)
    if kind == "array":
        return [part.strip() for part in line.split(",") if part.strip()]
    if kind == "string":
        return line
    try:
        return exact_json.strict(line.encode())
    except ValueError:
        return line


def _visited(screen: Screen, no: No) -> Answer | None:
    line = screen.ask(VISIT_PROMPT).strip()
    if line == LEAVE_OPEN:
        return None
    return no(line) or ({"approve": True} if not line else None)


def _confirmed(screen: Screen, no: No) -> Answer | None:
    line = screen.ask(CONFIRM_PROMPT).strip()
    return {"approve": True} if line in ("y", "yes") else no(line)
