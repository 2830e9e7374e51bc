"""The servers, used by the library `websockets` for Python.

Run by `cargo test --test clients`; by hand, where the library is installed:

    python3 tests/clients/by_websockets.py 127.0.0.1:8000
"""

import json
import sys
import threading
import urllib.request

from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Opcode
from websockets.sync.client import ClientConnection, connect

PATIENCE = 30


class Watched(ClientConnection):
    """A connection that counts what comes: bytes, and pings."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.bytes_received = 0
        self.pings = threading.Semaphore(0)
        understand = self.protocol.receive_data

        def receive_data(data):
            self.bytes_received += len(data)
            understand(data)

        self.protocol.receive_data = receive_data

    def process_event(self, event):
        super().process_event(event)
        if getattr(event, "opcode", None) is Opcode.PING:
            self.pings.release()


def open_at(server, target, **options):
    options = {"max_size": None, "proxy": None, "create_connection": Watched} | options
    return connect(f"ws://{server}{target}", **options)


def echoed(client, message):
    before = client.bytes_received
    client.send(message)
    answer = client.recv(timeout=PATIENCE)
    assert answer == message, f"{len(answer)} instead of {len(message)}, or others"
    return client.bytes_received - before


def echoes_messages_of_every_length(server):
    for compression in (None, "deflate"):
        with open_at(server, "/ws/echo", compression=compression) as client:
            for length in (0, 1, 125, 126, 65_535, 65_536, 1 << 20):
                echoed(client, "x" * length)
                echoed(client, bytes(at * at % 251 for at in range(length)))
            echoed(client, "κόσμε 🦀" * 1000)


def puts_fragments_together(server):
    with open_at(server, "/ws/echo") as client:
        client.send(["frag", "", "men", "ted"])
        assert client.recv(timeout=PATIENCE) == "fragmented"
        client.send([b"\x00\xff"] * 1000)
        assert client.recv(timeout=PATIENCE) == b"\x00\xff" * 1000


def sends_in_fragments(server):
    with open_at(server, "/ws/fragment/4") as client:
        client.send("κόσμε")
        assert client.recv(timeout=PATIENCE) == "κόσμε"
        client.send(b"0123456789")
        pieces = list(client.recv_streaming())
        assert len(pieces) == 4 and b"".join(pieces) == b"0123456789", pieces


def answers_pings(server):
    with open_at(server, "/ws/echo") as client:
        for payload in ("", "who is there?", "x" * 125):
            assert client.ping(payload).wait(PATIENCE), f"no pong for {payload!r}"


def stays_with_who_answers_its_pings(server):
    with open_at(server, "/ws/echo?ping=50ms&timeout=5s") as client:
        for _ in range(5):
            assert client.pings.acquire(timeout=PATIENCE), "no ping"
        echoed(client, "still here")


def answers_a_close_with_its_code(server):
    for code, reason in ((1000, ""), (1001, "on to something else"), (3000, "κόσμε"), (4999, "x" * 123)):
        with open_at(server, "/ws/echo") as client:
            client.close(code, reason)
            assert client.protocol.close_rcvd.code == code, client.protocol.close_rcvd


def closes_with_the_code_that_was_asked_for(server):
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999):
        with open_at(server, f"/ws/close/{code}") as client:
            try:
                raise AssertionError(f"a message: {client.recv(timeout=PATIENCE)!r}")
            except (ConnectionClosedOK, ConnectionClosedError) as end:
                assert end.rcvd.code == code and end.rcvd_then_sent, end


def tells_who_breaks_a_rule(server):
    with open_at(server, "/ws/echo?max_message=100") as client:
        client.send("x" * 101)
        try:
            raise AssertionError(f"a message: {client.recv(timeout=PATIENCE)!r}")
        except ConnectionClosedError as end:
            assert end.rcvd.code == 1009 and "RFC 6455" in end.rcvd.reason, end


def compresses_with_what_went_before(server):
    noise = bytes(at * at * 31 % 65_521 % 256 for at in range(8000))
    with open_at(server, "/ws/echo") as client:
        assert "permessage-deflate" in client.response.headers["Sec-WebSocket-Extensions"]
        first, second = echoed(client, noise), echoed(client, noise)
        assert second < first / 10, f"{first} and then {second} bytes"


def compresses_each_message_by_itself(server):
    offer = ClientPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)
    noise = bytes(at * at * 31 % 65_521 % 256 for at in range(8000))
    with open_at(server, "/ws/echo", extensions=[offer]) as client:
        agreed = client.response.headers["Sec-WebSocket-Extensions"]
        assert "server_no_context_takeover" in agreed and "client_no_context_takeover" in agreed, agreed
        first, second = echoed(client, noise), echoed(client, noise)
        assert first == second, f"{first} and then {second} bytes"
        assert echoed(client, "x" * 100_000) < 1000


def keeps_to_the_window_that_was_agreed_on(server):
    for bits in range(9, 16):
        offer = ClientPerMessageDeflateFactory(server_max_window_bits=bits, client_max_window_bits=bits)
        with open_at(server, "/ws/echo", extensions=[offer]) as client:
            agreed = client.response.headers["Sec-WebSocket-Extensions"]
            assert f"server_max_window_bits={bits}" in agreed, agreed
            for _ in range(3):
                echoed(client, bytes(at * at * 31 % 65_521 % 256 for at in range(100_000)))


def leaves_compression_to_who_offers_it(server):
    with open_at(server, "/ws/echo", compression=None) as client:
        assert "Sec-WebSocket-Extensions" not in client.response.headers
        assert echoed(client, "x" * 100_000) > 100_000


def speaks_the_subprotocol_that_the_client_prefers(server):
    for offered, spoken in (
        (["lab.text.v1"], "lab.text.v1"),
        (["lab.json.v1"], "lab.json.v1"),
        (["lab.json.v1", "lab.text.v1"], "lab.json.v1"),
        (["unheard.of", "lab.text.v1"], "lab.text.v1"),
        (["unheard.of"], None),
        (None, None),
    ):
        with open_at(server, "/ws/echo", subprotocols=offered) as client:
            assert client.subprotocol == spoken, f"{client.subprotocol} of {offered}"


def refused(server, **options):
    try:
        with open_at(server, "/ws/echo", **options):
            raise AssertionError("it was opened")
    except InvalidStatus as refusal:
        return refusal.response


def refuses_pages_from_elsewhere(server):
    assert refused(server, origin="http://elsewhere.example").status_code == 403
    with open_at(server, "/ws/echo", origin=f"http://{server}") as client:
        echoed(client, "from a page of this server")


def refuses_other_versions(server):
    # It stands beside the library's own 13.
    response = refused(server, additional_headers={"Sec-WebSocket-Version": "8"})
    assert response.status_code == 426 and response.headers["Sec-WebSocket-Version"] == "13", response


def lets_members_of_a_room_hear_each_other(server):
    def hear(client, *expected):
        for wanted in expected:
            assert (heard := client.recv(timeout=PATIENCE)) == wanted, f"{heard!r} instead of {wanted!r}"

    with open_at(server, "/ws/chat?room=python&name=a") as a:
        hear(a, "a joined")
        with open_at(server, "/ws/chat?room=python&name=b", subprotocols=["lab.json.v1"]) as b:
            hear(a, "b joined")
            assert json.loads(b.recv(timeout=PATIENCE)) == {"event": "joined", "name": "b"}
            a.send("hello")
            hear(a, "a: hello")
            assert json.loads(b.recv(timeout=PATIENCE)) == {"event": "said", "name": "a", "text": "hello"}
            b.send("κόσμε")
            hear(a, "b: κόσμε")
            with urllib.request.urlopen(f"http://{server}/ws/chat/python/presence", timeout=PATIENCE) as answer:
                assert answer.read() == b"a\nb\n"
        hear(a, "b left")


def ticks(server):
    with open_at(server, "/ws/ticker/10ms") as client:
        for number in range(1, 6):
            assert client.recv(timeout=PATIENCE) == f"tick {number}"


def main():
    (server,) = sys.argv[1:]
    for check in (
        echoes_messages_of_every_length,
        puts_fragments_together,
        sends_in_fragments,
        answers_pings,
        stays_with_who_answers_its_pings,
        answers_a_close_with_its_code,
        closes_with_the_code_that_was_asked_for,
        tells_who_breaks_a_rule,
        compresses_with_what_went_before,
        compresses_each_message_by_itself,
        keeps_to_the_window_that_was_agreed_on,
        leaves_compression_to_who_offers_it,
        speaks_the_subprotocol_that_the_client_prefers,
        refuses_pages_from_elsewhere,
        refuses_other_versions,
        lets_members_of_a_room_hear_each_other,
        ticks,
    ):
        print(check.__name__.replace("_", " "), flush=True)
        check(server)


main()
