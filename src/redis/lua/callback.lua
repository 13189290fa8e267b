-- callback: the outbox of callbacks as the one who posts sees it; the scripts that end jobs and note deliveries fill it
-- (_callback.lua).
--
-- Who takes an entry moves it ahead by a lease, and what becomes of it is written only if it lies there still: a change that
-- came in the meantime has moved it to its own time, and is posted again whatever became of this post.  The half of a
-- millisecond at the end of a lease keeps it apart from all other times.
--
-- KEYS    1 callbacks  2 their tries  3 control  4 counters  5 status, not for "take"
-- ARGV    1 what
--         take: 2 how many at most, up to 64  3 the lease, ms
--         done again end drop: 2 the job's id  3 its ticket
--         again: 4 after how many ms  5 what failed, for people  6 counted as
--         end: 4 what failed  5 counted as
-- Returns take: 0, server's time in ms, ms until the next one is due or -1, how many there are; then per entry: id, ticket,
--         posts that failed since the change
--         else: code, server's time in ms
--         codes: 0 written  1 it has changed in the meantime, or is somebody else's
-- Changes callbacks, tries, counters (callback:..., and since when and why none is taken: callbacks_failing_since,
--         callbacks_error), status (callback_at, callback_error)
-- Cost    take: one look, and one write per entry; else one entry
--@include _clock.lua
--@include _head.lua
--@include _callback.lua

local callbacks, tries, control, counters, status = unpack(KEYS, 1, 5)
local what = ARGV[1]

local function take(most, lease)
    local ids = redis.call('ZRANGEBYSCORE', callbacks, '-inf', now, 'LIMIT', 0, math.min(most, 64))
    local reply = { 0, now, -1, 0 }
    if #ids > 0 then
        may_write_when_full(control)
        local ticket = digits(now + lease) .. '.5'
        local failed = redis.call('HMGET', tries, unpack(ids))
        for i, id in ipairs(ids) do
            redis.call('ZADD', callbacks, ticket, id)
            reply[#reply + 1] = id
            reply[#reply + 1] = ticket
            reply[#reply + 1] = tonumber(failed[i] or 0)
        end
    end
    local first = redis.call('ZRANGE', callbacks, 0, 0, 'WITHSCORES')
    if first[2] then
        reply[3] = math.max(0, math.ceil(tonumber(first[2]) - now))
    end
    reply[4] = redis.call('ZCARD', callbacks)
    return reply
end

-- A status that has expired must not come back without an end.
local function note(field, value, gone)
    if redis.call('EXISTS', status) == 1 then
        redis.call('HSET', status, field, value)
        if gone then
            redis.call('HDEL', status, gone)
        end
    end
end

-- The receiver fails since the first post in vain that none which was taken has followed.
local function failing(error)
    redis.call('HSETNX', counters, 'callbacks_failing_since', now_text)
    redis.call('HSET', counters, 'callbacks_error', error)
end

local function failing_no_more()
    redis.call('HDEL', counters, 'callbacks_failing_since', 'callbacks_error')
end

local function remove(id)
    redis.call('ZREM', callbacks, id)
    redis.call('HDEL', tries, id)
    if redis.call('EXISTS', tries) == 0 then
        failing_no_more()
    end
end

local function settle(id, ticket)
    may_write_when_full(control)
    -- What the receiver has, he has, whether or not there is news for him.
    if what == 'done' then
        note('callback_at', now_text, 'callback_error')
        bump('callback:done', 1)
        failing_no_more()
    end
    local score = redis.call('ZSCORE', callbacks, id)
    if not score or tonumber(score) ~= tonumber(ticket) then
        return 1
    end
    if what == 'again' then
        redis.call('ZADD', callbacks, digits(now + tonumber(ARGV[4])), id)
        redis.call('HINCRBY', tries, id, 1)
        redis.call('PEXPIRE', tries, digits(OUTBOX_TTL))
        note('callback_error', ARGV[5])
        bump('callback:' .. ARGV[6], 1)
        failing(ARGV[5])
        return 0
    end
    remove(id)
    if what == 'end' then
        note('callback_error', ARGV[4])
        bump('callback:' .. ARGV[5], 1)
    end
    return 0
end

if what == 'take' then
    return take(tonumber(ARGV[2]), tonumber(ARGV[3]))
end
local code = settle(ARGV[2], ARGV[3])
bumps_write(counters)
return { code, now }
