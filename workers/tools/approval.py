"""Tools that ask a person before they run."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from workers.tools.arguments import NotATool

log = logging.getLogger(__name__)

Function = TypeVar("Function", bound=Callable[..., Any])
Rule = Callable[..., bool]

_ATTRIBUTE = "needs_approval"


@overload
def needs_approval(rule: Function) -> Function: ...
@overload
def needs_approval(*, when: Rule) -> Callable[[Function], Function]: ...
def needs_approval(rule: Any = None, *, when: Rule | None = None) -> Any:
    """Declare that a person approves each call of a tool before it runs: `@needs_approval`. With a rule only those
    calls for which it is true: `@needs_approval(when=lambda amount: amount > 100)`. The parameters of a rule are some
    of the tool's own."""
    if when is None:
        rule.__dict__[_ATTRIBUTE] = True
        return rule

    def decorate(function: Function) -> Function:
        function.__dict__[_ATTRIBUTE] = when
        return function

    return decorate


def rule_of(function: Callable[..., Any]) -> Rule | bool:
    """The declaration of a tool's function; False if it never asks."""
    declared: Rule | bool = getattr(function, _ATTRIBUTE, False)
    return declared


def refuse_unusable_rule(rule: Rule | bool, parameters: Mapping[str, Any]) -> None:
    """Raises `NotATool` for a rule with a parameter that the tool does not have."""
    if isinstance(rule, bool):
        return
    for name, parameter in inspect.signature(rule).parameters.items():
        if name not in parameters and parameter.kind is not parameter.VAR_KEYWORD:
            raise NotATool(f"has a rule for its approval with the parameter {name!r}, which the tool does not have")


def asks(rule: Rule | bool, args: Mapping[str, Any], name: str) -> bool:
    """Whether a call with these arguments asks a person. A rule that fails counts as yes."""
    if isinstance(rule, bool):
        return rule
    try:
        taken = inspect.signature(rule).parameters
        takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values())
        return bool(rule(**{key: value for key, value in args.items() if takes_all or key in taken}))
    except Exception as error:
        log.error("the rule for the approval of %s failed: %s; a person is asked", name, type(error).__name__)
        return True
