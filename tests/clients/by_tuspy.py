"""Uploads to the servers by the library `tuspy` for Python.

Run by `cargo test --test clients`; by hand, where the library is installed:

    python3 tests/clients/by_tuspy.py 127.0.0.1:8000
"""

import hashlib
import io
import sys
import urllib.request

from tusclient.client import TusClient


def content(length):
    """Bytes that are not the same twice soon."""
    return b"".join(hashlib.sha256(str(at).encode()).digest() for at in range(length // 32 + 1))[:length]


def fetched(server, whole):
    """The image with this content."""
    url = f"http://{server}/images/{hashlib.sha256(whole).hexdigest()}"
    with urllib.request.urlopen(url) as answer:
        return answer.headers["Content-Type"], answer.read()


def uploads_in_one_piece_and_in_many(server):
    for length, piece in ((1, 10), (100_000, sys.maxsize), (1_000_000, 70_001)):
        whole = content(length)
        client = TusClient(f"http://{server}/uploads")
        uploader = client.uploader(
            file_stream=io.BytesIO(whole), chunk_size=piece, metadata={"filetype": "image/png"}
        )
        uploader.upload()
        assert uploader.offset == length
        assert fetched(server, whole) == ("image/png", whole)


def goes_on_where_another_has_stopped(server):
    whole = content(300_000) + b"resumed"
    client = TusClient(f"http://{server}/uploads")
    first = client.uploader(file_stream=io.BytesIO(whole), chunk_size=100_000)
    first.upload_chunk()
    second = client.uploader(file_stream=io.BytesIO(whole), url=first.url, chunk_size=100_000)
    assert second.offset == 100_000, second.offset
    second.upload()
    assert fetched(server, whole)[1] == whole


def sends_checksums(server):
    whole = content(200_000) + b"checked"
    client = TusClient(f"http://{server}/uploads")
    uploader = client.uploader(file_stream=io.BytesIO(whole), chunk_size=50_000, upload_checksum=True)
    uploader.upload()
    assert fetched(server, whole)[1] == whole


def main(server):
    for check in (uploads_in_one_piece_and_in_many, goes_on_where_another_has_stopped, sends_checksums):
        print(check.__name__.replace("_", " "), flush=True)
        check(server)


if __name__ == "__main__":
    main(*sys.argv[1:])
