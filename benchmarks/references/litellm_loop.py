"""litellm's own streaming loop with nothing around it: what a backend on litellm pays before it does anything.

Reads jobs from stdin, one JSON object a line: `model`, `count` of streams, `over` how many seconds they start.
Writes a line for each: the streams, as `benchmarks.load.Stream` has them. `--quiet` turns litellm's logging off.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from dataclasses import asdict
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm

from benchmarks.load import LAST_CHUNK, Stream
from benchmarks.tokens import MARK


async def one(model: str, provider: str, wait: float) -> Stream:
    """One completion, read to its end."""
    await asyncio.sleep(wait)
    seen = Stream(began=time.perf_counter())
    messages = [{"role": "user", "content": "hello"}]
    common = {"api_base": provider, "api_key": "none", "max_retries": 0}
    answer = await litellm.acompletion(model=f"openai/{model}", messages=messages, stream=True, **common)
    async for chunk in answer:
        if content := chunk.choices[0].delta.content:
            _count(seen, content)
    seen.ended, seen.status, seen.tail = time.perf_counter(), 200, LAST_CHUNK
    return seen


def _count(seen: Stream, content: str) -> None:
    now = time.perf_counter()
    if seen.tokens:
        seen.gaps.append(now - seen.last)
    else:
        seen.first = now
    seen.last = now
    seen.tokens += content.count(MARK.decode())
    seen.size += len(content)


async def job(given: dict[str, Any], provider: str) -> list[dict[str, Any]]:
    """All streams of one job."""
    count, over = given["count"], given["over"]
    seen = await asyncio.gather(*(one(given["model"], provider, over * place / count) for place in range(count)))
    return [asdict(stream) | {"tail": stream.tail.decode()} for stream in seen]


async def main(provider: str) -> None:
    """One loop for all jobs, as a server has it."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await job(json.loads(line), provider)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--provider", required=True)
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    litellm.suppress_debug_info = True
    litellm.disable_streaming_logging = options.quiet
    asyncio.run(main(options.provider))
