"""The model edge: from stored messages to a provider's request, from its stream to a reply.

request ─(prompt)─> messages that this provider takes ─(call)─> chunks ─(wires)─> deltas ─(reply_builder)─> reply

`models.Models` is the way in. litellm is known here alone; `tap` looks at what providers really answer, below it.
"""

import os

# litellm reads these when it is imported, whichever of the modules here does so first
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else each start asks the network for prices
os.environ.setdefault("EXPERIMENTAL_OPENAI_BASE_LLM_HTTP_HANDLER", "True")  # half the set-up time, a third a chunk
os.environ.setdefault("REPEATED_STREAMING_CHUNK_LIMIT", str(10**9))  # its wrapper takes 100 equal pieces for a loop
