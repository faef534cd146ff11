"""The manifests of deploy/kubernetes against the schemas of Kubernetes, as PyPI's `kubernetes-validate` has them."""

from __future__ import annotations

import copy
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from tests.support.backend import ROOT
from tests.support.programs import missing

PACKAGES = Path(__file__).parent / "kubernetes_packages"
VERSIONS = ("1.30", "1.37")
"""The oldest one whose schema we hold to, and a new one."""

pytestmark = pytest.mark.exhaustive


@pytest.fixture
def problem(monkeypatch):
    """A function that returns what is wrong with an object; '' if nothing is."""
    if not (PACKAGES / "kubernetes_validate").exists():
        missing("kubernetes-validate is not installed; `make test-clients` does it")
    monkeypatch.syspath_prepend(str(PACKAGES))
    validator = import_module("kubernetes_validate")

    def problem(manifest, version):
        try:
            validator.validate(manifest, version, strict=True)
        except validator.ValidationError as error:
            return error.message
        return ""

    return problem


@pytest.fixture
def manifests():
    """The objects of the base, by kind and name."""
    files = (path for path in (ROOT / "deploy/kubernetes/base").glob("*.yaml") if path.name != "kustomization.yaml")
    found = [one for path in files for one in yaml.safe_load_all(path.read_text())]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid(problem, manifests, version):
    assert len(manifests) == 7
    assert {name: problem(manifest, version) for name, manifest in manifests.items()} == dict.fromkeys(manifests, "")


def _misspell(manifest):
    manifest["spec"]["template"]["spec"]["containers"][0]["redinessProbe"] = {}


def _text_for_a_number(manifest):
    manifest["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = "30s"


def _leave_out(manifest):
    del manifest["spec"]["selector"]


@pytest.mark.parametrize("spoil", [_misspell, _text_for_a_number, _leave_out])
def test_a_spoilt_object_is_refused(problem, manifests, spoil):
    """So the test above can fail."""
    manifest = copy.deepcopy(manifests["Deployment", "aomi-web"])
    spoil(manifest)
    assert problem(manifest, VERSIONS[0])
