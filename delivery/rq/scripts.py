"""What is written into RQ's view, as scripts that run inside Redis: one round trip each, all or, in
a full or read-only Redis, nothing of it.

Each takes one JSON object, `it`. A key that holds something else stops no other: the first error is
answered when all is done, as after MULTI. Redis 6 and Valkey say errors alike by then.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError

from delivery.rq.keys import FAILURE_TTL, RESULT_TTL, STARTED_TTL

_PRELUDE = """
local it = cjson.decode(ARGV[1])
local failed
local function try(...)
    local answer = redis.pcall(...)
    if type(answer) == 'table' and answer.err and not failed then failed = answer.err end
    return answer
end
local function refused()
    return failed and not string.find(failed, 'WRONGTYPE', 1, true)
end
local function done(answer)
    -- Redis 6 says `@user_script: 5: -OOM …`
    if failed then return {err = (string.gsub(failed, '^@?[%a_]*:? ?%d*:? ?%-', ''))} end
    return answer
end
"""


class Script:
    """One script. Redis keeps it by its digest, and is given it again when it has lost it."""

    def __init__(self, text: str) -> None:
        self._text = _PRELUDE + text
        self._digest = hashlib.sha1(self._text.encode()).hexdigest()  # noqa: S324 - Redis's name

    def run(self, redis: Redis, keys: Sequence[str], **it: Any) -> Any:
        """What it answers, in one round trip."""
        said = json.dumps(it)
        try:
            return redis.evalsha(self._digest, len(keys), *keys, said)
        except NoScriptError:
            return redis.eval(self._text, len(keys), *keys, said)


# KEYS: of each job its hash, its queue's failed jobs and the queue it is pushed into.
PUSH = Script("""
for number, one in ipairs(it.jobs) do
    local last = number * 3
    local job, failed_jobs, queue = KEYS[last - 2], KEYS[last - 1], KEYS[last]
    try('HSET', job, unpack(one.fields))
    if refused() then return done() end
    -- It may expire since its last attempt ended, and be listed as failed since then.
    try('PERSIST', job)
    try('ZREM', failed_jobs, one.id)
    try(one.ahead and 'LPUSH' or 'RPUSH', queue, one.id)
end
return done()
""")

# A job that was taken instead of the one that was popped: that one goes back to the queue's head.
# In a full Redis the job's hash goes: it was popped, and RQ would show it as queued for ever.
BEGIN = Script(f"""
local job, started, execution, executions, worker, held, queue = unpack(KEYS)
local member = it.job .. ':' .. it.execution
local is_new = try('HSET', job, unpack(it.fields)) == #it.fields / 2  -- Redis was emptied
local is_refused = refused()
if is_refused and string.find(failed, 'OOM', 1, true) then try('DEL', job) end
if it.popped ~= '' then
    try('LREM', queue, 1, it.job)  -- its first, near the head; a copy further back is harmless
    if it.is_back then try('LPUSH', queue, it.popped) end
end
if is_refused then return done() end
if is_new then try('HSET', job, 'created_at', it.now) end
try('PERSIST', job)
try('ZADD', started, it.until_, member)
try('HSET', execution, 'id', it.execution, 'job_id', it.job, 'worker_name', it.worker,
    'created_at', it.at, 'last_heartbeat', it.at)
try('EXPIRE', execution, {STARTED_TTL})
try('ZADD', executions, it.until_, it.execution)
try('EXPIRE', executions, {STARTED_TTL})
try('SADD', held, member)
try('EXPIRE', held, {STARTED_TTL})
try('HSET', worker, 'state', 'busy')
return done()
""")

# Answers the next id of the queue, if it is to. A full Redis still takes what removes.
END = Script(f"""
local job, started, execution, executions, worker, held, results, finished, failed_jobs, queue =
    unpack(KEYS)
local member = it.job .. ':' .. it.execution
local is_over = it.status == 'finished' or it.status == 'failed'
local is_failed = it.status == 'failed'
local ttl = is_failed and {FAILURE_TTL} or {RESULT_TTL}
if it.status ~= '' then try('HSET', job, 'status', it.status, unpack(it.fields)) end
local is_refused = refused()
try('DEL', execution)
try('ZREM', started, member)
try('ZREM', executions, it.execution)
try('SREM', held, member)
for lock, token in pairs(it.locks) do
    if try('GET', lock) == token then try('DEL', lock) end
end
if is_refused then return done() end
if is_over then
    try('EXPIRE', job, ttl)
    try('ZADD', is_failed and failed_jobs or finished, it.at + ttl, it.job)
    if not is_failed then try('ZREM', failed_jobs, it.job) end
    try('XADD', results, 'MAXLEN', '~', 10, '*', unpack(it.result))
    try('EXPIRE', results, ttl)
    try('HINCRBY', worker, is_failed and 'failed_job_count' or 'successful_job_count', 1)
end
try('HSET', worker, 'state', 'idle')
try('HINCRBYFLOAT', worker, 'total_working_time', it.seconds)
if it.pops and not failed then return done(try('LPOP', queue)) end
return done()
""")

# A lock's one key; nothing but its holder's token releases it.
RELEASE = Script("""
if try('GET', KEYS[1]) == it.token then try('DEL', KEYS[1]) return done(1) end
return done(0)
""")
