"""Sends requests over kept connections, and prints how fast they were answered.

`client.py ADDRESS CONNECTIONS`, with one request per line on standard input, in base64.
"""

import base64
import json
import socket
import sys
import threading
import time
from collections import Counter


def main() -> None:
    """Print a JSON object: requests per second, the median and 99th percentile in milliseconds, and
    the number of answers with each status.
    """
    host, port = sys.argv[1].rsplit(":", 1)
    requests = iter([base64.b64decode(line) for line in sys.stdin])
    lock, waits, statuses = threading.Lock(), [], Counter()
    ready = threading.Barrier(int(sys.argv[2]) + 1)

    def send() -> None:
        connection = socket.create_connection((host, int(port)))
        connection.settimeout(30)
        ready.wait()
        while True:
            with lock:
                request = next(requests, None)
            if request is None:
                return
            begun = time.perf_counter()
            connection.sendall(request)
            status = _answer(connection)
            waits.append(time.perf_counter() - begun)
            statuses[status] += 1

    threads = [threading.Thread(target=send) for _ in range(int(sys.argv[2]))]
    for thread in threads:
        thread.start()
    ready.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
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


def _answer(connection: socket.socket) -> str:
    """Read one whole answer, and return its status."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65536)
        if not more:
            return "closed"
        got += more
    head, _, rest = got.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    while len(rest) < length:
        rest += connection.recv(65536)
    return head.split()[1].decode()


if __name__ == "__main__":
    main()
