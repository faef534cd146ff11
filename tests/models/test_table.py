"""The table of what is tested is that of the cases."""

from __future__ import annotations

from tests.models import table
from tests.models.cases_file import cases


def test_the_table_of_docs_models_is_made_from_the_cases() -> None:
    page = table.PAGE.read_text()
    assert page == table.written(page), "write it anew: python -m tests.models.table"


def test_every_kind_of_case_is_there_and_every_case_is_of_one() -> None:
    assert {table.kind(case) for case in cases().values()} == table.COLUMNS.keys() == table.KINDS.keys()
