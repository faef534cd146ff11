"""From what clients saw to figures. Times are milliseconds where the name ends in `_ms`, else seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.load import Stream
from benchmarks.stats import percentile

Figures = dict[str, float]


def of_streams(streams: Sequence[Stream], tokens: int, ideal: float) -> Figures:
    """How streams flowed that should have brought so many `tokens` and taken `ideal` seconds each, from the request
    to the end.

    `ratio_*` is a stream's time over the ideal, `gap_p99_ms` lies between reads that brought tokens, `unfinished` are
    streams without a `complete` or without all tokens; they count in nothing else.
    """
    whole = [stream for stream in streams if stream.end == "complete" and stream.tokens >= tokens]
    first = [(stream.first - stream.began) * 1000 for stream in whole]
    times = [stream.ended - stream.began for stream in whole]
    gaps = [gap * 1000 for stream in whole for gap in stream.gaps]
    seen = sum(min(stream.tokens, tokens) for stream in streams)  # a peer may say all of it again at the end
    return {
        "ttft_p50_ms": percentile(first, 0.5),
        "ttft_p95_ms": percentile(first, 0.95),
        "stream_p50_s": percentile(times, 0.5),
        "ratio_p50": percentile(times, 0.5) / ideal,
        "ratio_max": percentile(times, 1) / ideal,
        "gap_p99_ms": percentile(gaps, 0.99),
        "bytes_a_token": sum(stream.size for stream in streams) / seen if seen else 0.0,
        "tokens": seen,
        "unfinished": len(streams) - len(whole),
    }


def of_cpu(cpu: Mapping[str, float], tokens: float) -> Figures:
    """CPU seconds for 1000 tokens: each kind of process, and `total` without the client and the provider."""
    each = {name: 1000 * seconds / tokens if tokens else 0.0 for name, seconds in cpu.items()}
    total = sum(seconds for name, seconds in each.items() if name not in ("client", "provider"))
    return {f"cpu_s_1k_{name}": seconds for name, seconds in (each | {"total": total}).items()}


def ends(streams: Sequence[Stream]) -> Figures:
    """How many streams ended in each way."""
    kinds = ("complete", "interrupted", "error", "refused", "cut")
    return {kind: sum(stream.end == kind for stream in streams) for kind in kinds}
