"""Reads bodies before the application is called, so that no working thread waits for one."""

import io
from collections.abc import Callable, Iterator
from typing import Any

from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import InvalidChunkSize, NoMoreData, ParseException

from web.http.body import CALL_CAP, CAP

# endpoints with a larger limit, by path
LARGER = {"/api/webhooks/vapi": CALL_CAP, "/api/vapi/tools": CALL_CAP}
STEP = 64 * 1024  # bytes read before `hold` is called
# Chunks accepted of any size, and the bytes per further chunk that a body must have: reading a
# chunk costs as much as reading a few hundred bytes.
CHUNKS, CHUNK = 1_000, 64


class _Failed(io.RawIOBase):
    """A body that did not arrive whole: reading it raises the error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, _size: int = -1) -> bytes:
        """Raises the error that interrupted the body."""
        raise self._error


def whole_body(environ: dict[str, Any], hold: Callable[[int], None]) -> Any:
    """The body of a request as a stream that never blocks. `hold` is called with the size of each
    piece.

    A missing body, or one larger than its endpoint accepts, is not read.
    """
    cap = LARGER.get(environ["PATH_INFO"], CAP)
    body, length = environ["wsgi.input"], int(environ.get("CONTENT_LENGTH") or 0)
    chunked = isinstance(body.reader, ChunkedReader)
    if chunked:
        body.reader.parser = _limit_chunks(body.reader.parser)
    elif not 0 < length <= cap:
        return body
    read, most = bytearray(), cap + 1 if chunked else length
    try:
        while len(read) < most and (piece := body.read(min(STEP, most - len(read)))):
            read += piece
            hold(len(piece))
        if len(read) < length:
            raise NoMoreData
    except (OSError, ParseException) as error:
        return _Failed(error)
    return io.BytesIO(read)


def _limit_chunks(chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for number, chunk in enumerate(chunks):
        size += len(chunk)
        if number > CHUNKS + size // CHUNK:
            raise InvalidChunkSize(b"the chunks are too small")
        yield chunk
