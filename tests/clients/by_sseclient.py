"""The event streams of the servers, used by the library `sseclient-py` for Python.

It reads one answer; to come again with the id of the last event is left to its user, which here is `Listener`.

Run by `cargo test --test clients`; by hand, where the library is installed, with the command of a server:

    python3 tests/clients/by_sseclient.py target/debug/epoll-server --port 8000 --data /tmp/lab
"""

import http.client
import json
import subprocess
import sys
import threading
import urllib.request

from sseclient import SSEClient

PATIENCE = 30


class Server:
    """A server, which may end and begin again where it was, with what it had kept."""

    def __init__(self, command):
        self.command = command
        self.start()

    def start(self, *options):
        self.process = subprocess.Popen([*self.command, *options], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdout.close()

    def ask(self, target, method="GET", content=None, **fields):
        fields = {name.replace("_", "-"): value for name, value in fields.items()}
        request = urllib.request.Request(self.url + target, content, fields, method=method)
        return urllib.request.urlopen(request, timeout=PATIENCE)

    def publish(self, topic, data, kind=None):
        """Publishes, and answers what is to be heard: the id, the type and the data."""
        fields = {"X-Event": kind} if kind else {}
        with self.ask(f"/topics/{topic}", "POST", data.encode(), **fields) as answer:
            assert answer.status in (201, 202), answer.status
            return answer.read().split(b",")[0].removeprefix(b"id ").decode(), kind or "message", data


class Listener:
    """Who hears a stream, and comes again when it breaks. Nothing is read before it is asked for."""

    def __init__(self, server, target):
        self.server, self.target, self.last_id = server, target, None
        self.comings = 0
        self.come()

    def come(self):
        fields = {"Last-Event-ID": self.last_id} if self.last_id else {}
        self.answer = self.server.ask(self.target, **fields)
        self.comings += 1
        self.events = SSEClient(self.answer).events()

    def next(self):
        """The next event; nothing if the server does not want it to come again."""
        while self.answer.status == 200:
            try:
                if event := next(self.events, None):
                    self.last_id = event.id or self.last_id
                    return self.last_id, event.event, event.data
            except (ConnectionError, http.client.HTTPException):
                pass
            self.come()
        return None

    def hears(self, expected):
        """It hears exactly this, and nothing between."""
        for event in expected:
            assert (heard := self.next()) == event, f"{heard} instead of {event}"


def hears_events_of_every_type_with_their_ids(server):
    listener = Listener(server, "/topics/types/events")
    published = [
        server.publish("types", "no type"),
        server.publish("types", "hello", "greeting"),
        server.publish("types", "", "greeting"),
        server.publish("types", " κόσμε 🦀 "),
        server.publish("types", "x" * 60_000),
    ]
    listener.hears(published)


def hears_lines_however_they_end(server):
    listener = Listener(server, "/topics/lines/events")
    id, kind, _ = server.publish("lines", "a\r\nb\rc\nd\n")
    listener.hears([(id, kind, "a\nb\nc\nd\n")])


def begins_where_its_url_says_and_goes_on_where_it_was(server):
    published = [server.publish("past", data) for data in ("first", "second")]
    listener = Listener(server, "/topics/past/events?since=all")
    listener.hears(published)
    for _ in range(3):
        published = [server.publish("past", f"before {number}") for number in range(50)]
        listener.hears(published[:20])
        server.kill()
        try:
            raise AssertionError(f"published while nobody is there: {server.publish('past', 'to nobody')}")
        except OSError as failure:
            # The kernel takes the ring of a killed process apart a moment later, and then resets who has connected.
            reason = getattr(failure, "reason", failure)
            assert isinstance(reason, (ConnectionRefusedError, ConnectionResetError)), failure
        server.start()
        published += [server.publish("past", f"behind {number}") for number in range(50)]
        listener.hears(published[20:])
    assert listener.comings == 4, listener.comings


def hears_what_is_published_while_it_comes_and_goes(server):
    published = [server.publish("busy", "0")]
    listener = Listener(server, "/topics/busy/events?since=all")
    listener.hears(published)
    publisher = threading.Thread(
        target=lambda: published.extend(server.publish("busy", str(number)) for number in range(1, 500))
    )
    publisher.start()
    heard = []
    while len(heard) < 499:
        heard.append(listener.next())
        if len(heard) % 50 == 0:
            listener.answer.close()
            listener.come()
    publisher.join()
    assert heard == published[1:], f"{heard} instead of {published[1:]}"


def hears_several_topics_and_goes_on_where_it_was_in_each(server):
    listener = Listener(server, "/topics/a,b/events")
    _, (a2, *_), (b1, *_) = [server.publish(data[0], data) for data in ("a1", "a2", "b1")]
    heard = sorted(listener.next() for _ in range(3))
    assert [data for _, _, data in heard] == ["a1", "a2", "b1"], heard
    assert listener.last_id == f"a:{a2},b:{b1}", listener.last_id
    server.kill()
    server.start()
    published = [server.publish(data[0], data) for data in ("b2", "b3", "a3", "a4")]
    heard = []
    for ids, kind, data in (listener.next() for _ in published):
        heard.append((dict(part.split(":") for part in ids.split(","))[data[0]], kind, data))
    for topic in "ab":
        assert [event for event in heard if event[2][0] == topic] == [
            event for event in published if event[2][0] == topic
        ], f"{heard} instead of {published}"


def is_told_what_it_has_missed_for_good(server):
    listener = Listener(server, "/topics/gap/events")
    first = server.publish("gap", "first")
    listener.hears([first])
    server.kill()
    server.start("--history-events", "3")
    published = [server.publish("gap", str(number)) for number in range(2, 7)]
    id, kind, data = listener.next()
    gap = {"topic": "gap", "from": int(first[0]) + 1, "to": int(published[1][0])}
    assert (id, kind, json.loads(data)) == (str(gap["to"]), "gap", gap), f"{data} instead of {gap}"
    listener.hears(published[2:])
    # What is told once is not told again.
    server.kill()
    server.start()
    listener.hears([server.publish("gap", "last")])


def need_not_come_again_when_the_topic_has_ended(server):
    listener = Listener(server, "/topics/over/events")
    last = server.publish("over", "last")
    assert server.ask("/topics/over", "DELETE").status == 204
    listener.hears([last, (last[0], "end", "over"), None])
    assert listener.answer.status == 204


def hears_nothing_of_signs_of_life(server):
    published = []

    def lines_of(answer):
        for count, line in enumerate(answer):
            if count in (10, 40):
                published.append(server.publish("quiet", f"line {count}"))
            yield line

    events = SSEClient(lines_of(server.ask("/topics/quiet/events?heartbeat=10ms"))).events()
    heard = [(event.id, event.event, event.data) for event in (next(events), next(events))]
    assert heard == published, f"{heard} instead of {published}"


def main():
    checks = (
        hears_events_of_every_type_with_their_ids,
        hears_lines_however_they_end,
        begins_where_its_url_says_and_goes_on_where_it_was,
        hears_what_is_published_while_it_comes_and_goes,
        hears_several_topics_and_goes_on_where_it_was_in_each,
        is_told_what_it_has_missed_for_good,
        need_not_come_again_when_the_topic_has_ended,
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
