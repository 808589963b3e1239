"""RQ's SimpleWorker, which does not fork for each job: `rq_peer.py fill JOB COUNT`, or `work`."""

import os
import sys

import body
from redis import Redis
from rq import Queue, SimpleWorker


def main() -> None:
    """Enqueue jobs, or perform those in the queue."""
    redis = Redis.from_url(os.environ["REDIS_URL"])
    queue = Queue("bench", connection=redis)
    if sys.argv[1] == "fill":
        job, count = getattr(body, sys.argv[2]), int(sys.argv[3])
        queue.enqueue_many([Queue.prepare_data(job, (number,)) for number in range(count)])
        return
    worker = SimpleWorker([queue], connection=redis)
    body.wait_for_go()
    worker.work(burst=True, logging_level="WARNING")


if __name__ == "__main__":
    main()
