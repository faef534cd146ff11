"""What each provider refuses: a rule is a small function that raises `Refused`. cases/README.md says them in words."""

from __future__ import annotations

from collections.abc import Callable

from tests.models.rules import anthropic, gemini, members, ollama, openai, responses
from tests.models.rules.request import Refused, Request

Rule = Callable[[Request], None]

OPENAI: tuple[Rule, ...] = (
    openai.names_are_legal,
    openai.each_call_has_its_result,
    openai.ids_have_1_to_40_characters,
    openai.no_id_stands_twice_in_a_message,
    openai.arguments_are_the_text_of_an_object,
    openai.no_message_is_empty,
)
ANTHROPIC: tuple[Rule, ...] = (
    anthropic.max_tokens_is_given,
    anthropic.names_are_legal,
    anthropic.ids_are_legal,
    anthropic.no_id_stands_twice,
    anthropic.input_is_an_object,
    anthropic.first_and_last_message_are_the_users,
    anthropic.results_stand_first_and_answer_each_call,
    anthropic.no_text_is_blank,
    anthropic.calls_need_tools,
    anthropic.thinking_is_its_own,
    anthropic.no_tool_is_forced_while_thinking,
)
GEMINI: tuple[Rule, ...] = (
    gemini.names_are_legal,
    gemini.first_content_is_the_users,
    gemini.no_content_is_without_parts,
    gemini.calls_follow_the_user_or_results,
    gemini.each_call_has_its_result,
)
RESPONSES: tuple[Rule, ...] = (
    responses.names_are_legal,
    responses.ids_have_1_to_64_characters,
    responses.each_call_has_one_output_behind_it,
    responses.arguments_are_the_text_of_an_object,
    responses.parts_are_of_their_role,
    responses.reasoning_is_its_own_and_has_its_output_behind_it,
)

RULES: dict[str, tuple[Rule, ...]] = {
    "openai": OPENAI,
    "responses": RESPONSES,
    "openrouter": OPENAI,
    "azure": OPENAI,
    "openai-alternating": (*OPENAI, members.no_two_user_messages_in_a_row),
    "vllm-alternating": (*OPENAI, members.no_two_user_messages_in_a_row),
    "deepseek": (*OPENAI, members.calls_have_their_reasoning),
    "deepseek-reasoner": (*OPENAI, members.calls_have_their_reasoning),
    "mistral": (
        *OPENAI,
        members.ids_have_nine_characters,
        members.no_user_message_behind_a_result,
        members.no_unknown_field,
    ),
    "groq": (*OPENAI, members.no_reasoning_field),
    "anthropic": ANTHROPIC,
    "anthropic-thinking": (*ANTHROPIC, anthropic.calls_of_the_turn_begin_with_their_thinking),
    "gemini": GEMINI,
    "gemini-3": (*GEMINI, gemini.signatures_are_known, gemini.calls_of_the_turn_carry_their_signature),
    "ollama": (ollama.names_are_legal, ollama.arguments_are_an_object, ollama.content_is_a_string),
}

FAULTS: dict[str, tuple[Rule, ...]] = {
    "anthropic-thinking": (anthropic.thinking_is_on,),
    "responses": (responses.own_reasoning_comes_back,),
    "gemini-3": (gemini.own_signatures_come_back,),
}
"""What is not refused, but wrong."""


def check(provider: str, request: Request) -> None:
    """Raises `Refused` where the provider would refuse the request."""
    for rule in RULES[provider]:
        rule(request)


def faults(provider: str, request: Request) -> list[str]:
    """What is wrong with the request though the provider takes it."""
    found = []
    for rule in FAULTS.get(provider, ()):
        try:
            rule(request)
        except Refused as refused:
            found.append(refused.reason)
    return found
