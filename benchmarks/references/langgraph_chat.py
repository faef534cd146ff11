"""A graph of one node that lets the model answer, for LangGraph's server and for Aegra.

Runs in their environments, which `make bench-peers` makes. `BENCH_PROVIDER` is the address of the provider.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph


class Chat(MessagesState):
    """A thread, and the model that answers in it."""

    model: str


@lru_cache
def _model(name: str) -> ChatOpenAI:
    return ChatOpenAI(model=name, base_url=os.environ["BENCH_PROVIDER"], api_key="none", max_retries=0)


async def answer(state: Chat) -> dict[str, Any]:
    """The model's message; the server streams its tokens while it comes."""
    return {"messages": [await _model(state["model"]).ainvoke(state["messages"])]}


graph = StateGraph(Chat).add_node(answer).add_edge(START, "answer").compile()
