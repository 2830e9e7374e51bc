"""The event streams of the servers, used by the library `httpx-sse` for Python.

It makes an event of every blank line behind an id, also where there is no data: once here, of the opening. To come
again with the id of the last event is left to its user, which here is `Listener`.

Run by `cargo test --test clients`; by hand, where the library is installed, with the command of a server:

    python3 tests/clients/by_httpx_sse.py target/debug/epoll-server --port 8000 --data /tmp/lab
"""

import subprocess
import sys

import httpx
from httpx_sse import EventSource

PATIENCE = 30


class Server:
    """A server, which may end and begin again where it was, with what it had kept."""

    def __init__(self, command):
        self.command = command
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdout.close()

    def publish(self, topic, data):
        """Publishes, and answers what is to be heard: the id, the type and the data."""
        answer = httpx.post(f"{self.url}/topics/{topic}", content=data, timeout=PATIENCE)
        assert answer.status_code in (201, 202), answer
        return answer.text.split(",")[0].removeprefix("id "), "message", data


class Overheard:
    """An answer of which somebody else hears each piece before the library does."""

    def __init__(self, answer, hear):
        self.answer, self.hear = answer, hear
        self.headers = answer.headers

    def iter_text(self):
        for text in self.answer.iter_text():
            self.hear(text)
            yield text


class Listener:
    """Who hears a stream, and comes again when it breaks."""

    def __init__(self, server, target, hear=lambda text: None):
        self.server, self.target, self.hear = server, target, hear
        self.last_id = None
        self.client = httpx.Client(timeout=PATIENCE)
        self.come()

    def come(self):
        """Comes, and hears where the stream stands."""
        fields = {"Last-Event-ID": self.last_id} if self.last_id else {}
        request = self.client.build_request("GET", self.server.url + self.target, headers=fields)
        answer = self.client.send(request, stream=True)
        self.events = EventSource(Overheard(answer, self.hear)).iter_sse()
        opening = next(self.events)
        assert (opening.event, opening.data, opening.retry) == ("message", "", 2000), opening
        self.last_id = opening.id

    def next(self):
        """The next event."""
        while True:
            try:
                if event := next(self.events, None):
                    self.last_id = event.id
                    return event.id, event.event, event.data
            except httpx.TransportError:
                pass
            self.come()

    def hears(self, expected):
        """It hears exactly this, and nothing between."""
        for event in expected:
            assert (heard := self.next()) == event, f"{heard} instead of {event}"


def hears_each_event_once(server):
    listener = Listener(server, "/topics/news/events")
    listener.hears([server.publish("news", data) for data in ("one", "two", " κόσμε 🦀 ", "two\nlines")])


def goes_on_where_it_was_though_it_has_heard_nothing(server):
    for target, topics in (("/topics/silent/events", ["silent"]), ("/topics/quiet,mute/events", ["quiet", "mute"])):
        server.publish(topics[0], "before it comes")
        listener = Listener(server, target)
        server.kill()
        server.start()
        published = [server.publish(topic, "while it is away")[1:] for topic in topics]
        assert [listener.next()[1:] for _ in topics] == published


def hears_nothing_of_signs_of_life(server):
    published, pieces = [], []

    def hear(text):
        pieces.append(text)
        if len(pieces) in (10, 40):
            published.append(server.publish("alive", f"piece {len(pieces)}"))

    listener = Listener(server, "/topics/alive/events?heartbeat=10ms", hear)
    heard = [listener.next(), listener.next()]
    assert heard == published, f"{heard} instead of {published}"


def main():
    checks = (
        hears_each_event_once,
        goes_on_where_it_was_though_it_has_heard_nothing,
        hears_nothing_of_signs_of_life,
    )
    server = Server(sys.argv[1:])
    try:
        for check in checks:
            print(check.__name__.replace("_", " "), flush=True)
            check(server)
    finally:
        server.kill()


main()
