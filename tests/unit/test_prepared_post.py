"""POSTs over connections of litellm's aiohttp session, with real servers."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading

import httpx
import pytest

from tests.support.engines import Certificates
from tests.support.patience import patient, until
from tests.support.servers import answer_json, serving
from workers.loop_thread import LoopThread
from workers.models import prepared_post, tap
from workers.models.prepared_post import DirectPost, OrdinaryPost

BODY = b'{"stream": true}'


@pytest.fixture(scope="module")
def loop():
    tap.install()
    running = LoopThread("tests")
    running.start()
    yield running
    running.stop()


class Client:
    """Sends bodies to `url`, and reads the responses."""

    def __init__(self, loop, url, timeout=None, **options):
        self.loop = loop
        self.transport = tap.AsyncHTTPHandler.create_async_transport(**options)._inner
        extensions = {"timeout": timeout or {"connect": 30, "read": 30, "pool": 30}}
        like_it = httpx.Request("POST", f"{url}/v1/a?b=%2F", headers={"X-Key": "sk-one"}, extensions=extensions)
        self.post = self.run(prepared_post.prepare(self.transport, like_it))

    def run(self, work):
        return self.loop.submit(work).result(60)

    def send(self, body=BODY):
        async def exchange():
            response = await self.post.send(body)
            return response.status_code, json.loads(await response.aread())

        return self.run(exchange())


@contextlib.contextmanager
def client_of(loop, handle, tls=None, **options):
    with serving(handle, tls) as url:
        client = Client(loop, url, **options)
        yield client
        client.run(client.transport.aclose())


def told(request):
    """Answers with what came, and from which port."""
    body = request.rfile.read(int(request.headers["Content-Length"])).decode()
    answer_json(
        request,
        200,
        [
            request.client_address[1],
            request.path,
            {name.lower(): value for name, value in request.headers.items()},
            body,
        ],
    )


def test_requests_differ_in_their_bodies_alone_and_share_a_connection(loop):
    with client_of(loop, told) as client:
        assert isinstance(client.post, DirectPost)
        (_, first), (_, second) = client.send(b"1"), client.send(b"22")
    port, path, headers, _ = first
    assert path == "/v1/a?b=%2F"
    assert headers["host"] == f"127.0.0.1:{client.post._request.url.port}"
    assert headers["x-key"] == "sk-one"
    assert [first[3], second[3]] == ["1", "22"]
    assert second[:2] == [port, path]
    assert second[2] == headers | {"content-length": "2"}


@pytest.mark.parametrize("status", [200, 413])
def test_a_response_before_the_request_has_left_ends_the_connection(loop, status):
    def answer_unread(request):
        if int(request.headers["Content-Length"]) < 100:
            told(request)
        else:
            answer_json(request, status, [request.client_address[1]])

    with client_of(loop, answer_unread) as client:
        came, (port,) = client.send(b" " * 50_000_000)
        assert came == status
        assert client.send()[1][0] != port


def test_what_comes_between_two_requests_is_not_taken_for_a_response(loop):
    go_on = threading.Event()

    def twice(request):
        told(request)
        go_on.wait(patient(10))
        answer_json(request, 200, "stray")

    with client_of(loop, twice) as client:
        _, first = client.send(b"1")
        ((kept, _),) = next(iter(client.transport.client.connector._conns.values()))
        go_on.set()
        until(lambda: kept.should_close, what="the stray response")
        _, second = client.send(b"2")
    assert (first[3], second[3]) == ("1", "2")
    assert first[0] != second[0]


def test_what_comes_before_the_response_is_passed_over(loop):
    def hints_first(request):
        request.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        told(request)

    with client_of(loop, hints_first) as client:
        assert [client.send()[0] for _ in range(2)] == [200, 200]


def test_a_status_that_is_none_is_not_waited_for(loop):
    def odd(request):
        request.rfile.read(int(request.headers["Content-Length"]))
        request.wfile.write(b"HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\n{}")

    with client_of(loop, odd) as client:
        assert client.send() == (99, {})


def test_a_body_that_is_left_unread_ends_the_connection(loop):
    ports = []

    def long(request):
        request.rfile.read(int(request.headers["Content-Length"]))
        ports.append(request.client_address[1])
        request.send_response(200)
        request.send_header("Content-Length", "1000000000")
        request.end_headers()
        request.rfile.read(1)  # until the client has gone
        request.close_connection = True

    async def leave(post):
        await (await post.send(BODY)).aclose()

    with client_of(loop, long) as client:
        for _ in range(2):
            client.run(leave(client.post))
    assert len(set(ports)) == 2


def test_a_cancelled_request_ends_its_connection(loop):
    ports, reached = [], threading.Event()

    def slow(request):
        ports.append(request.client_address[1])
        reached.set()
        request.rfile.read(len(BODY) + 1)  # until the client has gone
        request.close_connection = True

    with client_of(loop, slow) as client:
        for _ in range(2):
            reached.clear()
            sending = loop.submit(client.post.send(BODY))
            assert reached.wait(patient(10))
            sending.cancel()
            until(lambda: not client.transport.client.connector._acquired, what="the end of the connection")
    assert len(set(ports)) == 2


def garbage(request):
    request.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    request.close_connection = True


def hung_up(request):
    request.close_connection = True
    request.connection.close()


def cut(request):
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    request.close_connection = True


def silent(request):
    request.rfile.read(len(BODY) + 1)  # until the client has gone
    request.close_connection = True


def as_litellm(client):
    """The error of the same request, sent by litellm's transport."""
    ordinary = OrdinaryPost(client.transport, httpx.Request("POST", str(client.post._request.url)))
    ordinary._extensions = {"timeout": {"connect": 30, "read": client.post._timeout.sock_read, "pool": 30}}
    client.post = ordinary
    with pytest.raises(httpx.HTTPError) as caught:
        client.send()
    return type(caught.value)


@pytest.mark.parametrize("fault", [garbage, hung_up, cut, silent])
def test_an_error_is_the_one_of_litellms_transport(loop, fault):
    timeout = {"connect": 30, "read": 0.2 if fault is silent else 30, "pool": 30}
    with client_of(loop, fault, timeout=timeout) as client:
        with pytest.raises(httpx.HTTPError) as caught:
            client.send()
        assert type(caught.value) is as_litellm(client)


def test_a_server_that_does_not_take_the_connection_is_a_timeout(loop):
    with socket.create_server(("127.0.0.1", 0)) as server:  # it never answers the handshake of TLS
        client = Client(loop, f"https://127.0.0.1:{server.getsockname()[1]}", timeout={"pool": 0.2})
        with pytest.raises(httpx.ConnectTimeout):
            client.send()
        client.run(client.transport.aclose())


def test_a_server_that_is_not_there_is_an_error_of_the_connection(loop):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    client = Client(loop, f"http://127.0.0.1:{port}")
    with pytest.raises(httpx.ConnectError):
        client.send()
    client.run(client.transport.aclose())


def test_tls_is_that_of_the_transport(loop, tmp_path):
    made = Certificates(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.certificate, made.key)
    trusting = ssl.create_default_context(cafile=str(made.authority))
    with client_of(loop, told, tls, ssl_context=trusting) as client:
        assert isinstance(client.post, DirectPost)
        assert client.send()[0] == 200
    with client_of(loop, told, tls) as client, pytest.raises(httpx.HTTPError, match=r"(?i)certificate"):
        client.send()


def test_behind_a_proxy_a_request_is_made_each_time(loop, monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(told) as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        client = Client(loop, "http://models.example")
        assert isinstance(client.post, OrdinaryPost)
        for body in (b"1", b"22"):
            _, (_, path, headers, came) = client.send(body)
            assert (path, headers["host"], came) == (
                "http://models.example/v1/a?b=%2F",
                "models.example",
                body.decode(),
            )
        client.run(client.transport.aclose())
