"""RQ's job, read and written as JSON: a pickle found in Redis is never loaded."""

from typing import Any, Self, cast

from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer


class JsonJob(Job):
    """A job that is always serialized as JSON, whatever serializer a caller passes."""

    def __init__(
        self, id: str | None = None, connection: Redis | None = None, serializer: Any = None
    ) -> None:
        super().__init__(id=id, connection=connection, serializer=JSONSerializer)

    @classmethod
    def fetch(
        cls,
        id: str,
        connection: Redis | None = None,
        serializer: Any = None,  # noqa: ARG003
    ) -> Self:
        """Fetch the job with this id."""
        return cast(Self, super().fetch(id, connection=connection, serializer=JSONSerializer))
