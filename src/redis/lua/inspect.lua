-- inspect: the queue's figures in one look.
--
-- KEYS    1 raw  2 in  3 ready  4 due  5 leases  6 dead  7 heads  8 control  9 counters
--         10 open  11 callbacks  12 their tries
-- ARGV    none
-- Returns 0, server's time in ms, lengths of raw, in, ready, due, leases, dead, earliest due time or 0,
--         creation of the job at the head of `ready` or 0 (both unix ms), 1 if paused, reason, by whom,
--         since (unix ms or 0), rate and concurrency set at run time (empty: not set), how many (at most
--         200) wait for the next claim though they are in `due` or `leases`, because their time is over,
--         when the oldest job in `raw` and `in` was pushed (unix ms), as its producer says, or 0;
--         how many messages wait for a final report, since when nothing was heard while messages went out (unix ms
--         or 0), how many of the open messages were accepted more than 1, 5 and 10 minutes ago; callbacks that
--         wait, how many of these have failed before, when the first is due (unix ms or 0), since when posts have failed
--         and none was taken (unix ms or 0), and why the last one failed;
--         then field and value of each counter
-- Changes nothing
-- Cost    the same for queues of any length
--@include _clock.lua
--@include _head.lua

local raw, incoming, ready, due, leases, dead, heads, control, counters, open, callbacks, tries = unpack(KEYS)
local function overdue(set)
    return #redis.call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, 100)
end

-- Within a text, quotation marks are written with a backslash: only a member of that name looks so.
local function pushed_at(list)
    local payload = redis.call('LINDEX', list, -1)
    local at = tonumber(payload and string.match(payload, '"enqueued_at"%s*:%s*(%d+)') or 0)
    at = at < 1e11 and at * 1000 or at
    return at < now and at or 0
end

local function oldest_pushed_at()
    local one, other = pushed_at(incoming), pushed_at(raw)
    return (one == 0 or other == 0) and math.max(one, other) or math.min(one, other)
end

-- The first message that was accepted after the last report and has heard nothing since.
local function silent_since()
    local after = tonumber(redis.call('HGET', counters, 'reported_at') or 0) or 0
    local message = redis.call('ZRANGEBYSCORE', open, '(' .. digits(after), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    return tonumber(message[2] or 0)
end

local function open_for(minutes)
    return redis.call('ZCOUNT', open, '-inf', digits(now - minutes * 60000))
end

local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
local handle = redis.call('LINDEX', ready, -1)
local h = handle and head_read(redis.call('HGET', heads, handle))
local paused, reason, by, since, rate, concurrency =
    unpack(redis.call('HMGET', control, 'paused', 'reason', 'by', 'since', 'limit:rate', 'limit:concurrency'))

local callback = redis.call('ZRANGE', callbacks, 0, 0, 'WITHSCORES')
local failing_since, callbacks_error =
    unpack(redis.call('HMGET', counters, 'callbacks_failing_since', 'callbacks_error'))

local reply = {
    0, now, redis.call('LLEN', raw), redis.call('LLEN', incoming), redis.call('LLEN', ready),
    redis.call('ZCARD', due), redis.call('ZCARD', leases), redis.call('ZCARD', dead),
    tonumber(first[2] or 0), h and tonumber(h.created) or 0, paused and 1 or 0, reason or '', by or '',
    tonumber(since or 0), rate or '', concurrency or '',
    overdue(due) + overdue(leases), oldest_pushed_at(),
    redis.call('ZCARD', open), silent_since(), open_for(1), open_for(5), open_for(10),
    redis.call('ZCARD', callbacks), redis.call('HLEN', tries),
    math.floor(tonumber(callback[2] or 0)), tonumber(failing_since or 0) or 0, callbacks_error or '',
}
for _, value in ipairs(redis.call('HGETALL', counters)) do
    reply[#reply + 1] = value
end
return reply
