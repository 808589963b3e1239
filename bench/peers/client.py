"""Sends requests over kept connections, and prints how fast they were answered.

`client.py ADDRESS CONNECTIONS`, with one request per line on standard input, in base64.
"""

import base64
import json
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator

PATIENCE = 30.0  # seconds without any answer


def main() -> None:
    """Print a JSON object: requests per second, the median and 99th percentile in milliseconds, and
    the number of answers with each status.
    """
    host, port = sys.argv[1].rsplit(":", 1)
    requests = iter([base64.b64decode(line) for line in sys.stdin])
    waits, statuses = [], Counter()
    # one thread, which takes less of the processor that the servers need than a thread for each
    with selectors.DefaultSelector() as answering:
        connections = [socket.create_connection((host, int(port))) for _ in range(int(sys.argv[2]))]
        begun = time.perf_counter()
        for connection in connections:
            _send_next(connection, requests, answering)
        while answering.get_map():
            ready = answering.select(PATIENCE)
            if not ready:
                raise TimeoutError(f"No answer within {PATIENCE:.0f} s.")
            for key, _ in ready:
                got, sent_at = key.data
                piece = key.fileobj.recv(65536)
                got += piece
                if piece and not _is_whole(got):
                    continue
                waits.append(time.perf_counter() - sent_at)
                statuses[got.split(None, 2)[1].decode() if piece else "closed"] += 1
                answering.unregister(key.fileobj)
                if piece:
                    _send_next(key.fileobj, requests, answering)
        seconds = time.perf_counter() - begun
    waits.sort()
    print(
        json.dumps(
            {
                "rate": len(waits) / seconds,
                "p50": waits[len(waits) // 2] * 1e3,
                "p99": waits[len(waits) * 99 // 100] * 1e3,
                "statuses": statuses,
            }
        )
    )


def _send_next(
    connection: socket.socket, requests: Iterator[bytes], answering: selectors.BaseSelector
) -> None:
    """Send the next request, if there is one left, and wait for its answer."""
    request = next(requests, None)
    if request is not None:
        answering.register(connection, selectors.EVENT_READ, (bytearray(), time.perf_counter()))
        connection.sendall(request)


def _is_whole(got: bytearray) -> bool:
    head, found, body = got.partition(b"\r\n\r\n")
    if not found:
        return False
    _, _, length = bytes(head).lower().partition(b"content-length:")
    return len(body) >= int(length.split(None, 1)[0])


if __name__ == "__main__":
    main()
