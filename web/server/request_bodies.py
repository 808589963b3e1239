"""Bodies that are read before the application is called, so that no thread that works waits for
them.
"""

import io
from collections.abc import Callable, Iterator
from typing import Any

from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import InvalidChunkSize, NoMoreData, ParseException

from web.http.body import CALL_CAP, CAP

# what endpoints take that take more than others, by their path
LARGER = {"/api/webhooks/vapi": CALL_CAP, "/api/vapi/tools": CALL_CAP}
STEP = 64 * 1024  # bytes read before anybody is told how many
# Chunks that are taken, and bytes that one more must have on average: reading one costs as much as
# a few hundred bytes.
CHUNKS, CHUNK = 1_000, 64


class _Failed(io.RawIOBase):
    """A body that did not arrive whole: whoever reads it is told."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, _size: int = -1) -> bytes:
        """Raises what went wrong."""
        raise self._error


def whole_body(environ: dict[str, Any], hold: Callable[[int], None]) -> Any:
    """The body of a request as a stream that never waits. `hold` is told of each piece.

    What is no body, or larger than its endpoint takes, is left where it is.
    """
    cap = LARGER.get(environ["PATH_INFO"], CAP)
    body, length = environ["wsgi.input"], int(environ.get("CONTENT_LENGTH") or 0)
    chunked = isinstance(body.reader, ChunkedReader)
    if chunked:
        body.reader.parser = _no_crumbs(body.reader.parser)
    elif not 0 < length <= cap:
        return body
    read = bytearray()
    try:
        while piece := body.read(min(STEP, (cap + 1 if chunked else length) - len(read))):
            read += piece
            hold(len(piece))
        if len(read) < length:
            raise NoMoreData
    except (OSError, ParseException) as error:
        return _Failed(error)
    return io.BytesIO(read)


def _no_crumbs(chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for number, chunk in enumerate(chunks):
        size += len(chunk)
        if number > CHUNKS + size // CHUNK:
            raise InvalidChunkSize(b"the chunks are too small")
        yield chunk
