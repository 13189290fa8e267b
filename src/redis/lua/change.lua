-- change: an operator's word about one job that waits: try it at once, or never.
--
-- KEYS    1 status  2 heads  3 jobs  4 leases  5 ready  6 due  7 dead  8 control  9 counters  10 events
--         11 audit
-- ARGV    1 id  2 word: retry or cancel  3 who, for the audit  4 retention of a final status, ms
--         5 about how many events to keep, 0 none
-- Returns code, server's time in ms, state before, state after, milliseconds
--         codes: 0 done  1 no such job  2 a worker has it in hand, for so many ms  3 it has ended
--         4 it is so already  5 retry alone: it waits for its delay, or for what becomes of a request whose
--         answer was lost
-- Changes for code 0: retry: due, status, audit.  cancel: status, head, job; due, dead, counters, events, audit
-- Cost    one status, one head
--@include _clock.lua
--@include _head.lua
--@include _event.lua
--@include _audit.lua

local status, heads, jobs, leases, ready, due, dead, control, counters, events, audit_stream = unpack(KEYS)
local id, word, who = unpack(ARGV, 1, 3)
local retention = tonumber(ARGV[4])
local events_cap = tonumber(ARGV[5])

local DONE, NONE, LEASED, ENDED, ALREADY, APART = 0, 1, 2, 3, 4, 5

local state, handle, attempts, code = unpack(redis.call('HMGET', status, 'state', 'handle', 'attempts', 'code'))

local function answer(result, after, milliseconds)
    return { result, now, state or '', after or '', milliseconds or 0 }
end

if not state then
    return answer(NONE)
end
-- A handle that stayed behind when its job was trimmed names nothing, or another job.
local h = handle and head_read(redis.call('HGET', heads, handle))
if not h or h.id ~= id or redis.call('ZSCORE', dead, handle) then
    return answer(state == 'cancelled' and word == 'cancel' and ALREADY or ENDED)
end
if has_owner(h) then
    return answer(LEASED, '', math.max(0, (tonumber(redis.call('ZSCORE', leases, handle)) or now) - now))
end

local due_at = tonumber(redis.call('ZSCORE', due, handle))
local uncertain = h.waiting == 'u' or h.uncertain ~= '0'

if word == 'retry' then
    if h.waiting == 's' or uncertain then
        return answer(APART)
    end
    if not due_at or due_at <= now then
        return answer(ALREADY)
    end
    may_write_when_full(control)
    -- It stays in due, and the next claim takes it from there; so no gauge changes.
    redis.call('ZADD', due, now, handle)
    redis.call('HSET', status, 'next_at', now_text, 'updated_at', now_text)
    audit(audit_stream, who, 'retry', id, state, state)
    return answer(DONE, state)
end

-- What may have been sent cannot be called back: nobody sends it again, and a person decides what became of it.
local function keep_as_unknown()
    if not due_at then
        -- What stays behind in ready must not find the job again.
        local new = digits(redis.call('HINCRBY', counters, 'handle', 1))
        redis.call('HSET', jobs, new, redis.call('HGET', jobs, handle) or '')
        redis.call('HDEL', jobs, handle)
        redis.call('HDEL', heads, handle)
        handle = new
    end
    redis.call('ZADD', dead, now, handle)
    h.waiting, h.reason, h.owner, h.token, h.started, h.recoveries = 'u', 'uncertain', NOBODY, 0, 0, 0
    redis.call('HSET', heads, handle, head_write(h))
    redis.call('HSET', status, 'handle', handle, 'error',
        'cancelled, but whether an earlier request was accepted is not known')
    return 'unknown'
end

local function forget()
    redis.call('HDEL', heads, handle)
    redis.call('HDEL', jobs, handle)
    redis.call('HDEL', status, 'handle', 'error')
    return 'cancelled'
end

-- Out of due.  What waits in ready, or apart in suspects, cannot be taken out of that list: the handle stays
-- behind there, and leads nowhere.
may_write_when_full(control)
redis.call('ZREM', due, handle)
gauge(h, -1)
redis.call('HDEL', status, 'next_at', 'reason')
local after = uncertain and keep_as_unknown() or forget()
redis.call('HSET', status, 'state', after, 'updated_at', now_text)
redis.call('PEXPIRE', status, retention)
bump('outcome:' .. after, 1)
event(events, events_cap, id, after, '', code or 0, attempts or 0)
audit(audit_stream, who, 'cancel', id, state, after)
bumps_write(counters)
return answer(DONE, after)
