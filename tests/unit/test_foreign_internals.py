"""What we use of other packages' insides (docs/design.md has the list). A test that fails here after an upgrade names
the code of ours to look at."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime
from types import SimpleNamespace

import aiohttp
import fakeredis
import gevent
import gevent.event
import gevent.socket
import pytest
from aiohttp.client_proto import ResponseHandler
from gunicorn.arbiter import Arbiter
from gunicorn.http import message
from gunicorn.http.wsgi import Response
from gunicorn.workers.base import Worker
from gunicorn.workers.base_async import AsyncWorker
from limits.storage import RedisStorage
from litellm.litellm_core_utils.llm_response_utils import response_metadata
from litellm.llms.openai.common_utils import BaseOpenAILLM
from redis import BlockingConnectionPool, Redis
from redis._parsers.base import BaseParser
from redis._parsers.encoders import Encoder
from redis.client import Pipeline
from rq import executions, intermediate_queue, registry, utils
from rq.executions import Execution
from rq.job import Job
from rq.worker.base import BaseWorker

from app.state.connection.clients import Refusing
from app.turns.queue import Jobs
from tests.support.patience import patient
from workers.models import call, litellm_setup, prepared_post, tap
from workers.recording_worker import RecordingWorker
from workers.thread_worker import ThreadWorker
from workers.turn_worker import TurnWorker

RQ_METHODS = {
    "get_heartbeat_ttl": "self job working_time",
    "request_stop_execution": "self execution_id",
    "prepare_job_execution": "self job remove_from_intermediate_queue",
    "handle_exception": "self job exc_info",
    "handle_execution_ended": "self job queue heartbeat_ttl",
    "handle_job_success": "self job queue started_job_registry execution",
    "handle_job_failure": "self job queue started_job_registry exc_string execution",
    "handle_job_retry": "self job queue retry started_job_registry execution",
    "cleanup_execution": "self job pipeline execution",
    "set_state": "self state pipeline",
    "increment_successful_job_count": "self pipeline",
    "heartbeat": "self timeout pipeline",
    "perform_job": "self job queue execution",
    "register_birth": "self",
    "register_death": "self",
    "run_maintenance_tasks": "self",
}


@pytest.mark.parametrize("name", RQ_METHODS)
def test_rqs_worker_has_the_methods_that_ours_replaces_or_calls(name):
    assert " ".join(inspect.signature(getattr(BaseWorker, name)).parameters) == RQ_METHODS[name]


def test_ours_replaces_no_other_method_of_rqs_worker():
    every = vars(RecordingWorker) | vars(ThreadWorker) | vars(TurnWorker)
    ours = {name for name, value in every.items() if inspect.isfunction(value) and name != "__init__"}
    assert {name for name in ours if hasattr(BaseWorker, name)} <= set(RQ_METHODS)


def test_rq_performs_a_job_through_the_methods_that_ours_replaces():
    parts = (BaseWorker.perform_job, BaseWorker._finalize_success, BaseWorker._finalize_failure)
    performed = "".join(map(inspect.getsource, parts))
    names = ("prepare_job_execution", "handle_execution_ended", "handle_exception")
    for name in (*names, "handle_job_success", "handle_job_retry", "handle_job_failure"):
        assert f"self.{name}(" in performed


def test_rqs_heartbeat_writes_the_hash_first():
    """`workers.heartbeats` reads the first reply: whether the hash was gone."""
    for heartbeat in (BaseWorker.heartbeat, Job.heartbeat):
        commands = re.findall(r"^ *connection\.(.+)", inspect.getsource(heartbeat), re.MULTILINE)
        assert commands[0].startswith("hset(self.key, 'last_heartbeat'")
    assert " ".join(inspect.signature(Execution.heartbeat).parameters) == "self started_job_registry ttl pipeline"


def test_the_rate_library_has_the_script_and_the_key_names_that_ours_uses():
    storage = RedisStorage("redis://")  # never connects
    names = {storage._previous_window_key("k"), storage._current_window_key("k")}
    assert storage.prefixed_key("k") == "LIMITS:k"
    assert names == {"{k}/-1", "{k}"}
    assert isinstance(storage.lua_acquire_sliding_window.sha, str)
    assert " ".join(inspect.signature(storage.get_sliding_window).parameters) == "key expiry"


def test_the_scripts_of_the_rate_library_use_their_keys_alone():
    for script in (RedisStorage.SCRIPT_SLIDING_WINDOW, RedisStorage.SCRIPT_ACQUIRE_SLIDING_WINDOW):
        code = script.decode()
        used = set(re.findall(r"redis\.call\(\s*[\"']\w+[\"'],\s*([\w\[\]]+)", code))
        keys = set(re.findall(r"local (\w+) = KEYS\[\d\]", code)) | {"KEYS[1]", "KEYS[2]"}
        assert used, code
        assert used <= keys, code


def test_redis_pys_pipeline_takes_its_commands_in_one_method():
    parameters = inspect.signature(Pipeline.__init__).parameters
    assert " ".join(parameters) == "self connection_pool response_callbacks transaction shard_hint"
    assert "self.execute_command(" in inspect.getsource(Pipeline.watch)
    assert "return Pipeline(" in inspect.getsource(Redis.pipeline)
    assert "self.pipeline(" in inspect.getsource(Redis.transaction)


def test_redis_pys_pool_keeps_its_free_connections_in_a_queue_and_returns_those_that_it_owns():
    taking, releasing = map(inspect.getsource, (BlockingConnectionPool.get_connection, BlockingConnectionPool.release))
    assert "connection = self.pool.get(block=True" in taking
    for part in ("self._checkpid()", "if self._in_maintenance:"):
        assert part in taking
        assert part in releasing
    for part in (
        "self.owns_connection(connection)",
        "connection.should_reconnect()",
        "self.pool.put_nowait(connection)",
    ):
        assert part in releasing


def test_redis_py_takes_error_classes_and_encodes_text():
    assert isinstance(BaseParser.parse_error("MISCONF Redis is configured to save snapshots"), Refusing)
    assert Encoder("utf-8", "strict", False).encode("é") == "é".encode()


def test_gunicorn_reads_its_longest_request_line_from_the_module():
    assert "MAX_REQUEST_LINE" in inspect.getsource(message.Request.__init__)


def test_gunicorns_master_calls_its_handlers_by_name_and_knows_its_workers():
    assert 'getattr(self, "handle_%s" % signame' in inspect.getsource(Arbiter.run)
    assert " ".join(inspect.signature(Arbiter.kill_worker).parameters) == "self pid sig"
    assert "self.WORKERS[pid] = worker" in inspect.getsource(Arbiter.spawn_worker)
    assert "self.age = age" in inspect.getsource(Worker.__init__)
    assert "cfg.on_starting(self)" in inspect.getsource(Arbiter.start)


def test_gunicorn_asks_whether_a_response_is_handled_and_lets_the_connection_be_given_up():
    source = inspect.getsource(AsyncWorker.handle_request)
    assert (
        "respiter = self.wsgi(environ, resp.start_response)\n            if self.is_already_handled(respiter):"
        in source
    )
    assert "except StopIteration:\n            raise" in source
    response = Response(
        SimpleNamespace(version=(1, 1), method="GET"), socket := object(), SimpleNamespace(protocol="http")
    )
    response.start_response("200 OK", [])
    response.force_close()
    assert (response.sock, response.chunked, response.should_close()) == (socket, True, True)
    assert response.start_response.__self__ is response


def test_a_timer_of_gevents_loop_calls_once_and_is_closed():
    called = gevent.event.Event()
    timer = gevent.get_hub().loop.timer(0.001)
    timer.start(called.set)
    assert called.wait(patient(5))
    timer.close()


def test_a_gevent_socket_has_the_systems_socket_below_it():
    with gevent.socket.socket() as socket:
        assert socket._sock.fileno() == socket.fileno()


def test_litellms_wrapper_keeps_the_providers_stream():
    assert "completion_stream" in inspect.signature(call.litellm.CustomStreamWrapper.__init__).parameters
    source = inspect.getsource(call.litellm.CustomStreamWrapper)
    for name in ("fetch_stream", "received_finish_reason", "intermittent_finish_reason"):
        assert f"self.{name}" in source


def test_litellm_makes_its_transport_in_the_method_that_ours_wraps():
    assert isinstance(vars(tap.AsyncHTTPHandler)["create_async_transport"], staticmethod)
    assert "create_async_transport(" in inspect.getsource(tap.AsyncHTTPHandler.create_client)
    assert "create_async_transport(" in inspect.getsource(BaseOpenAILLM._get_async_http_client)


def test_aiohttp_sends_a_request_by_the_methods_that_ours_calls():
    sends = inspect.getsource(aiohttp.ClientSession._request) + inspect.getsource(aiohttp.ClientRequest.write_bytes)
    for part in ("connector.connect(\n", "conn.protocol.set_response_params(", "protocol.start_timeout()"):
        assert part in sends
    parameters = inspect.signature(aiohttp.connector.BaseConnector.connect).parameters
    assert " ".join(parameters) == "self req traces timeout"
    assert "message, payload = await protocol.read()" in inspect.getsource(aiohttp.ClientResponse.start)
    taken = inspect.signature(aiohttp.ClientRequest.__init__).parameters
    assert {"method", "url", "headers", "loop", "session", "ssl", "server_hostname"} <= set(taken)
    assert isinstance(ResponseHandler.should_close, property)


def test_litellms_transport_has_the_parts_that_ours_reads():
    transport = prepared_post.LiteLLMAiohttpTransport(lambda: None, ssl_verify=False)
    assert transport._ssl_verify is False
    assert " ".join(inspect.signature(transport._get_proxy_settings).parameters) == "request"
    body = inspect.getsource(prepared_post.AiohttpResponseStream)
    assert set(re.findall(r"_aiohttp_response\.(\w+)", body)) == {"content", "close", "__aexit__"}


def test_litellm_downloads_images_by_the_functions_that_ours_replace():
    for module in (litellm_setup.image_handling, litellm_setup.token_counter):
        assert "safe_get(" in inspect.getsource(module)
        assert "httpx.get(" not in inspect.getsource(module)
    assert "MAX_IMAGE_URL_DOWNLOAD_SIZE_MB == 0" in inspect.getsource(litellm_setup.image_handling)


def test_litellms_bridge_to_the_responses_api_asks_for_its_mcp_gateway_in_the_function_that_ours_replaces():
    assert "_responses_try_dispatch_mcp_gateway(" in inspect.getsource(litellm_setup.responses.responses)


def test_litellm_prices_a_stream_in_the_function_that_ours_replaces():
    assert "litellm_utils.update_response_metadata\n" in inspect.getsource(litellm_setup.utils.client)
    assert "response_cost_calculator(" in inspect.getsource(response_metadata.ResponseMetadata.set_hidden_params)


def test_rqs_times_come_from_a_function_that_is_looked_up_at_each_call(monkeypatch):
    """`workers.queue_clock` replaces it."""
    moment = datetime(2026, 11, 26, tzinfo=UTC)
    for module in (utils, intermediate_queue):
        monkeypatch.setattr(module, "now", lambda: moment)
    assert registry.current_timestamp() == executions.current_timestamp() == moment.timestamp()
    assert "now() - first_seen" in inspect.getsource(intermediate_queue.IntermediateQueue.should_be_cleaned_up)


def test_a_pipeline_shows_the_commands_that_rq_puts_into_it():
    """A script runs them, so all of them must be writes that it may make."""
    redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    queue = Jobs(redis, 60, redis).beside_state()
    commands = queue.enqueuing("s", "run_1")
    assert {command[0] for command in commands} == {"SADD", "HSET", "RPUSH"}
    assert (commands[-1][1], queue.name) == ("rq:queue:turns", "rq:queue:turns")
    assert redis.keys() == []
