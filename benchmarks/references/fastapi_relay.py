"""The least there is: FastAPI and OpenAI's SDK in one process, which keeps nothing, resumes nothing, stops nothing.

Served by uvicorn with uvloop and httptools. It speaks the backend's own frames.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI
from pydantic import BaseModel

from app.events import sse


class Body(BaseModel):
    """A message, as the backend takes it."""

    text: str
    model: str


def relay(provider: str) -> FastAPI:
    """The application; `provider` is the base URL of an OpenAI-compatible provider."""
    application = FastAPI()
    client = AsyncOpenAI(base_url=provider, api_key="none", max_retries=0)

    async def chat(body: Body) -> StreamingResponse:
        return StreamingResponse(_frames(client, body), media_type=sse.MIMETYPE, headers=sse.HEADERS)

    application.post("/api/chat")(chat)
    return application


async def _frames(client: AsyncOpenAI, body: Body) -> AsyncIterator[bytes]:
    stream = await client.chat.completions.create(
        model=body.model, messages=[{"role": "user", "content": body.text}], stream=True
    )
    async for chunk in stream:
        if chunk.choices and (content := chunk.choices[0].delta.content):
            yield sse.frame(sse.text(content))
    yield sse.frame(sse.complete())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--provider", required=True)
    given = parser.parse_args()
    uvicorn.run(relay(given.provider), host="127.0.0.1", port=given.port, log_level="warning", access_log=False)
