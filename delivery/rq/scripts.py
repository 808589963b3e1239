"""The writes to RQ's view, as scripts that run inside Redis: one round trip each.

In a full or read-only Redis a script adds nothing. Each script takes one JSON object, `it`. A key
of a wrong type does not stop the other writes: the first error is returned at the end, as after
MULTI. `done` makes Redis 6 and Valkey word errors alike.
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
    """A script, cached by Redis under its digest, and sent again when Redis has lost it."""

    def __init__(self, text: str) -> None:
        self._text = _PRELUDE + text
        self._digest = hashlib.sha1(self._text.encode()).hexdigest()  # noqa: S324 - Redis's name

    def run(self, redis: Redis, keys: Sequence[str], **it: Any) -> Any:
        """Run the script in one round trip and return its answer."""
        argument = json.dumps(it)
        try:
            return redis.evalsha(self._digest, len(keys), *keys, argument)
        except NoScriptError:
            return redis.eval(self._text, len(keys), *keys, argument)


# KEYS: for each job its hash, its queue's failed jobs, and the queue that it is pushed into.
PUSH = Script("""
for number, one in ipairs(it.jobs) do
    local last = number * 3
    local job, failed_jobs, queue = KEYS[last - 2], KEYS[last - 1], KEYS[last]
    try('HSET', job, unpack(one.fields))
    if refused() then return done() end
    -- after its last attempt it may have got an expiry, and been listed as failed
    try('PERSIST', job)
    try('ZREM', failed_jobs, one.id)
    try(one.ahead and 'LPUSH' or 'RPUSH', queue, one.id)
end
return done()
""")

# KEYS: for each job its four keys (`view._keys`); then the worker, its attempts, and the queue.
# `taken` are jobs still in the queue, which are removed from it. The popped entry that was passed
# over may go back to the head (`back`). In a full Redis the jobs' hashes are deleted: the jobs have
# left the queue, but RQ would still show them as queued.
BEGIN = Script(f"""
local worker, held, queue = unpack(KEYS, #KEYS - 2)
local is_new = {{}}
for number, one in ipairs(it.jobs) do
    is_new[number] = try('HSET', KEYS[number * 4 - 3], unpack(one.fields)) == #one.fields / 2
end
local is_refused = refused()
if is_refused and string.find(failed, 'OOM', 1, true) then
    for number in ipairs(it.jobs) do try('DEL', KEYS[number * 4 - 3]) end
end
-- only the first of each, near the head; a copy further back is harmless
for _, id in ipairs(it.taken) do try('LREM', queue, 1, id) end
if it.back ~= '' then try('LPUSH', queue, it.back) end
if is_refused then return done() end
for number, one in ipairs(it.jobs) do
    local job, started, execution, executions = unpack(KEYS, number * 4 - 3, number * 4)
    local member = one.id .. ':' .. one.execution
    if is_new[number] then try('HSET', job, 'created_at', it.now) end  -- Redis was emptied
    try('PERSIST', job)
    try('ZADD', started, it.until_, member)
    try('HSET', execution, 'id', one.execution, 'job_id', one.id, 'worker_name', it.worker,
        'created_at', it.at, 'last_heartbeat', it.at)
    try('EXPIRE', execution, {STARTED_TTL})
    try('ZADD', executions, it.until_, one.execution)
    try('EXPIRE', executions, {STARTED_TTL})
    try('SADD', held, member)
end
try('EXPIRE', held, {STARTED_TTL})
try('HSET', worker, 'state', 'busy')
return done()
""")

# KEYS: for each job its four keys and its results; then the worker, its attempts, the queue's
# finished and failed jobs, and the queue to pop. If it pops, it returns the next id and how many
# are behind that. Jobs given back go to the head of their queue, but after the pop, so that a
# newcomer does not wait behind them again and again. A job that another worker or the relay has
# touched since keeps their status. A full Redis still accepts commands that delete.
END = Script(f"""
local worker, held, finished, failed_jobs, queue = unpack(KEYS, #KEYS - 4)
for number, one in ipairs(it.jobs) do
    local job, started, execution, executions = unpack(KEYS, number * 5 - 4, number * 5 - 1)
    local member = one.id .. ':' .. one.execution
    local whose = try('HGET', job, 'worker_name')
    if whose and whose ~= it.worker then one.status = '' end
    if one.status ~= '' then try('HSET', job, 'status', one.status, unpack(one.fields)) end
    try('DEL', execution)
    try('ZREM', started, member)
    try('ZREM', executions, one.execution)
    try('SREM', held, member)
end
for lock, token in pairs(it.locks) do
    if try('GET', lock) == token then try('DEL', lock) end
end
if refused() then return done() end
local popped = it.pops and not failed and try('LPOP', queue)
for number = #it.jobs, 1, -1 do
    local one, job, results = it.jobs[number], KEYS[number * 5 - 4], KEYS[number * 5]
    local is_failed = one.status == 'failed'
    if one.status == 'queued' then try('LPUSH', it.back_to, one.id) end
    -- it may be cancelled, or performed by a request; a push makes it last again
    if one.status == 'scheduled' then try('EXPIRE', job, {FAILURE_TTL}) end
    if is_failed or one.status == 'finished' then
        local ttl = is_failed and {FAILURE_TTL} or {RESULT_TTL}
        try('EXPIRE', job, ttl)
        try('ZADD', is_failed and failed_jobs or finished, it.at + ttl, one.id)
        if not is_failed then try('ZREM', failed_jobs, one.id) end
        try('XADD', results, 'MAXLEN', '~', 10, '*', unpack(one.result))
        try('EXPIRE', results, ttl)
        try('HINCRBY', worker, is_failed and 'failed_job_count' or 'successful_job_count', 1)
    end
end
try('HSET', worker, 'state', it.state)
try('HINCRBYFLOAT', worker, 'total_working_time', it.seconds)
if it.pops and not failed then return done({{popped, try('LLEN', queue)}}) end
return done()
""")

# KEYS: the lock. Only its holder's token releases it.
RELEASE = Script("""
if try('GET', KEYS[1]) == it.token then try('DEL', KEYS[1]) return done(1) end
return done(0)
""")
