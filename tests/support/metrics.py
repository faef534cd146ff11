"""Reading /metrics as Prometheus does."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.support.patience import patient


class Scrape:
    """One answer of /metrics."""

    def __init__(self, url: str) -> None:
        answer = httpx.get(f"{url}/metrics", timeout=patient(10), trust_env=False)
        assert answer.status_code == 200, answer.text
        self.text = answer.text
        self.families = list(text_string_to_metric_families(answer.text))

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples of a name that have these labels."""
        samples = [sample for family in self.families for sample in family.samples if sample.name == name]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    @property
    def names(self) -> set[str]:
        """What a query may ask for."""
        found = set()
        for family in self.families:
            suffixes = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",)}.get(family.type, ("",))
            found |= {family.name + suffix for suffix in suffixes}
        return found
