"""What deploy/kubernetes promises, compared with the project: commands, ports, paths, settings, times, names."""

from __future__ import annotations

import re
import shlex
import shutil

import fakeredis
import pytest
import redis
import yaml

from app import create_app, serving
from app.config import Settings
from app.config.reading import known_variables
from app.services import build
from app.state.connection.prefix import Prefix
from app.turns.rq_queue import TURNS, open_queue
from tests.support import processes
from tests.support.backend import ROOT, until
from tests.support.engines import Node, rules, server

FOLDER = ROOT / "deploy/kubernetes"
FILES = sorted(FOLDER.glob("*/*.yaml"))
KINDS = {"web": "aomi-web", "worker": "aomi-worker"}


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


@pytest.fixture(scope="module")
def objects():
    """All objects but kustomizations, by kind and name."""
    found = [one for path in FILES if path.name != "kustomization.yaml" for one in documents(path)]
    named = {(one["kind"], one["metadata"]["name"]): one for one in found}
    assert len(named) == len(found)
    return named


@pytest.fixture(scope="module")
def pods(objects):
    return {name: objects["Deployment", KINDS[name]]["spec"]["template"]["spec"] for name in KINDS}


@pytest.fixture(scope="module")
def containers(pods):
    return {name: pod["containers"][0] for name, pod in pods.items()}


@pytest.fixture(scope="module")
def values(objects):
    return objects["ConfigMap", "aomi-settings"]["data"]


def test_containers_run_what_the_procfile_says(containers):
    lines = (line.split(":", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    procfile = {name: shlex.split(command) for name, command in lines}
    assert {name: one["command"] for name, one in containers.items()} == procfile


def test_every_variable_is_one_of_the_project_and_its_value_is_taken(containers, values, monkeypatch):
    variables = {one["name"]: one["value"] for one in containers["web"]["env"]}
    assert values.keys() <= known_variables()
    assert variables == {"HOST": "0.0.0.0", "PORT": str(containers["web"]["ports"][0]["containerPort"])}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings = Settings(_env_file=None)
    assert (settings.drain, settings.grace) == (float(values["AOMI_DRAIN"]), float(values["AOMI_GRACE"]))


def test_no_variable_of_a_service_looks_like_a_setting(pods):
    """Kubernetes would set variables that begin with AOMI_WEB, of which our checks warn."""
    assert [pod["enableServiceLinks"] for pod in pods.values()] == [False, False]


def test_probes_ask_paths_that_there_are(containers):
    fake = fakeredis.FakeRedis(server=fakeredis.FakeServer(), lua_modules=set())
    app = create_app(build(Settings(_env_file=None, config=ROOT / "aomi.yaml"), fake, fake, fake))
    paths = {str(rule) for rule in app.url_map.iter_rules()}
    probes = {name: containers["web"][name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {probe["path"] for probe in probes.values()} <= paths
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert {probe["port"] for probe in probes.values()} == {containers["web"]["ports"][0]["name"]}
    assert not [name for name in containers["worker"] if "Probe" in name]


def test_pods_are_killed_only_after_they_have_drained_or_let_turns_end(pods, values):
    web, worker = (pods[name]["terminationGracePeriodSeconds"] for name in KINDS)
    assert web > float(values["AOMI_DRAIN"]) + serving.CLOSE_SECONDS
    source = (ROOT / "workers/process.py").read_text()  # to import it takes seconds
    last_words = float(re.search(r"^END_TURNS_SECONDS = ([\d.]+)$", source, re.MULTILINE)[1])
    assert worker > float(values["AOMI_GRACE"]) + 2 * last_words


def test_the_drain_lasts_until_readiness_has_been_noticed(containers, values):
    probe = containers["web"]["readinessProbe"]
    assert float(values["AOMI_DRAIN"]) > probe["periodSeconds"] * probe["failureThreshold"]


def test_pods_may_do_little_and_write_to_tmp_alone(pods, containers):
    user = int(re.search(r"^USER (\d+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[1])
    for name, pod in pods.items():
        context = containers[name]["securityContext"]
        assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, user)
        assert pod["automountServiceAccountToken"] is False
        assert (context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]) == (True, False)
        assert context["capabilities"] == {"drop": ["ALL"]}
        writable = [mount["mountPath"] for mount in containers[name]["volumeMounts"] if not mount.get("readOnly")]
        assert writable == ["/tmp"]
        assert {"cpu", "memory"} <= containers[name]["resources"]["requests"].keys()


def test_a_new_file_reaches_the_pods_without_replacing_them(pods, containers, values):
    """The ConfigMap keeps its name, and is mounted as a folder: `aomi reload` does the rest."""
    (generated,) = documents(FOLDER / "base/kustomization.yaml")[0]["configMapGenerator"]
    assert generated["options"] == {"disableNameSuffixHash": True}
    for name, pod in pods.items():
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert volumes["config"]["configMap"]["name"] == generated["name"]
        (mount,) = (mount for mount in containers[name]["volumeMounts"] if mount["name"] == "config")
        assert "subPath" not in mount
        assert values["AOMI_CONFIG"] == f"{mount['mountPath']}/{generated['files'][0]}"


def test_names_and_ports_lead_from_the_ingress_to_the_containers(objects, pods, containers):
    (rule,) = objects["Ingress", "aomi-web"]["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    service = objects["Service", backend["name"]]["spec"]
    (port,) = service["ports"]
    assert backend["port"]["name"] == port["name"]
    assert port["targetPort"] == containers["web"]["ports"][0]["name"]
    for name in KINDS.values():
        deployment = objects["Deployment", name]["spec"]
        labels = deployment["template"]["metadata"]["labels"]
        assert deployment["selector"]["matchLabels"] == labels
        assert objects["PodDisruptionBudget", name]["spec"]["selector"]["matchLabels"] == labels
    assert service["selector"] == {"app": "aomi-web"}


def test_both_read_the_settings_and_the_secret_that_the_page_makes(containers):
    page = (ROOT / "docs/deploy.md").read_text()
    for container in containers.values():
        sources = [name for source in container["envFrom"] for name in source.values()]
        assert [source["name"] for source in sources] == ["aomi-settings", "aomi"]
    assert re.search(r"kubectl create secret generic aomi --from-env-file=secrets.env\n", page)
    assert re.search(r"`secrets.env` has\s+`REDIS_URL=", page)
    assert "kubectl create secret generic aomi-keda --from-literal=username=aomi-keda --from-literal=password=" in page
    assert "kubectl create secret tls aomi-tls " in page


def test_the_host_is_named_alike_and_its_certificate_is_in_the_secret_that_the_page_makes(objects):
    spec = objects["Ingress", "aomi-web"]["spec"]
    assert spec["tls"] == [{"hosts": [spec["rules"][0]["host"]], "secretName": "aomi-tls"}]


def test_keda_asks_the_key_of_the_queue_and_scales_the_workers(objects):
    scaled = objects["ScaledObject", "aomi-worker"]["spec"]
    (trigger,) = scaled["triggers"]
    queue = open_queue(TURNS, fakeredis.FakeRedis())
    assert trigger["metadata"]["listName"] == queue.key == Prefix("").name(queue.key)
    assert Prefix("chat:").name(queue.key) == f"chat:{trigger['metadata']['listName']}"
    assert scaled["scaleTargetRef"]["name"] == objects["Deployment", "aomi-worker"]["metadata"]["name"]
    authentication = objects["TriggerAuthentication", trigger["authenticationRef"]["name"]]["spec"]
    assert authentication["secretTargetRef"] == [
        {"parameter": name, "name": "aomi-keda", "key": name} for name in ("username", "password")
    ]
    (patch,) = documents(FOLDER / "keda/kustomization.yaml")[0]["patches"]
    assert patch["target"] == {"kind": "Deployment", "name": "aomi-worker"}


def test_the_user_of_keda_may_count_the_queue_and_no_more(tmp_path):
    """By a script that asks for the type of the key first, as KEDA's scaler does."""
    node = Node(server(), tmp_path)
    try:
        until(node.answers)
        node.admin.execute_command("ACL SETUSER", *rules("aomi-keda"))
        key = open_queue(TURNS, node.admin).key
        node.admin.rpush(key, "job")
        count = "return {redis.call('TYPE', KEYS[1]).ok, redis.call('LLEN', KEYS[1])}"
        with redis.Redis(port=node.port, username="aomi-keda", password="SECRET") as client:
            assert client.eval(count, 1, key) == [b"list", 1]
            for refused in (("LPOP", key), ("GET", "session:{1}"), ("KEYS", "*")):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    client.execute_command(*refused)
    finally:
        node.stop()


@pytest.mark.parametrize("folder", ["base", "keda"])
def test_a_kustomization_has_every_file_of_its_folder(folder):
    (kustomization,) = documents(FOLDER / folder / "kustomization.yaml")
    files = {path.name for path in (FOLDER / folder).glob("*.yaml")} - {"kustomization.yaml", "aomi.yaml"}
    assert {name for name in kustomization["resources"] if name != "../base"} == files


@pytest.fixture
def built(tmp_path):
    """A function that returns the objects of a folder, as kubectl makes them, by kind and name."""
    if (kubectl := shutil.which("kubectl")) is None:
        pytest.skip("no kubectl on this machine")
    shutil.copytree(FOLDER, tmp_path / "kubernetes")
    shutil.copy(ROOT / "aomi.yaml", tmp_path / "kubernetes/base")

    def built(folder):
        made = processes.run([kubectl, "kustomize", str(tmp_path / "kubernetes" / folder)])
        assert made.returncode == 0, made.stderr
        return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(made.stdout)}

    return built


@pytest.mark.parametrize("folder", ["base", "keda"])
def test_kubectl_builds_them(folder, built):
    objects = built(folder)
    assert objects["ConfigMap", "aomi-config"]["data"]["aomi.yaml"] == (ROOT / "aomi.yaml").read_text()
    assert ("replicas" in objects["Deployment", "aomi-worker"]["spec"]) == (folder == "base")


def test_the_check_is_a_job_in_the_surroundings_of_a_worker_and_touches_nothing_of_the_site(built):
    objects, base = built("check"), built("base")
    names = {("ConfigMap", "aomi-config-check"), ("ConfigMap", "aomi-settings-check"), ("Job", "aomi-worker-check")}
    assert objects.keys() == names
    job, worker = (
        one["spec"]["template"]["spec"]
        for one in (objects["Job", "aomi-worker-check"], base["Deployment", "aomi-worker"])
    )
    assert (job["restartPolicy"], objects["Job", "aomi-worker-check"]["spec"]["backoffLimit"]) == ("Never", 0)
    (checking,), (working,) = job["containers"], worker["containers"]
    assert checking.pop("command") == ["aomi", "check"]
    assert checking.pop("envFrom") == [
        {"configMapRef": {"name": "aomi-settings-check"}},
        {"secretRef": {"name": "aomi"}},
    ]
    assert checking == {name: value for name, value in working.items() if name in checking}
    assert job["volumes"][0] == {"name": "config", "configMap": {"name": "aomi-config-check"}}
    for kind in ("config", "settings"):
        assert objects["ConfigMap", f"aomi-{kind}-check"]["data"] == base["ConfigMap", f"aomi-{kind}"]["data"]
    assert "kubectl logs --follow job/aomi-worker-check" in (ROOT / "docs/deploy.md").read_text()


def test_the_images_of_the_base_are_those_of_the_containers(containers):
    (image,) = documents(FOLDER / "base/kustomization.yaml")[0]["images"]
    assert {one["image"] for one in containers.values()} == {image["name"]}
