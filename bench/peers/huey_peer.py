"""huey on Redis, which removes a job from Redis before it runs.

`huey_peer.py fill JOB COUNT`, or `work`.
"""

import os
import sys

import body
from huey import RedisHuey

huey = RedisHuey("bench", url=os.environ["REDIS_URL"], results=False)
nothing = huey.task(name="nothing")(body.nothing)
realistic = huey.task(name="realistic")(body.realistic)


def main() -> None:
    """Enqueue jobs, or perform them until stopped."""
    if sys.argv[1] == "fill":
        job = {"nothing": nothing, "realistic": realistic}[sys.argv[2]]
        for number in range(int(sys.argv[3])):
            job(number)
        return
    consumer = huey.create_consumer(workers=1, worker_type="thread", periodic=False)
    body.wait_for_go()
    consumer.run()


if __name__ == "__main__":
    main()
