-- Take the leased job back.  Marked as started, it may have been sent: it counts an attempt and waits as
-- uncertain.  The token stays, so that its old owner's late result is recognised.
--
-- `counts`: its worker may have ended because of it.  It goes to the head of the line, but for a suspect, which
-- waits a moment.  True unless there is no such job any more.
local SUSPECT_DELAY = 5000

local function recover(handle, counts, leases, ready, due, heads, dead)
    local record = redis.call('HGET', heads, handle)
    redis.call('ZREM', leases, handle)
    if not record then
        return false
    end
    local h = head_read(record)
    if not h then
        redis.call('ZADD', dead, now, handle)
        bump('unreadable', 1)
        return false
    end
    if h.started ~= '0' then
        h.waiting = 'u'
        h.reason = 'uncertain'
        h.attempts = h.attempts + 1
        if h.uncertain == '0' then
            h.uncertain = h.started
        end
        h.started = '0'
    end
    if counts then
        h.recoveries = h.recoveries + 1
    end
    h.owner = LOST .. h.owner
    redis.call('HSET', heads, handle, head_write(h))
    if counts and is_suspect(h) then
        redis.call('ZADD', due, digits(now + SUSPECT_DELAY), handle)
    else
        redis.call('RPUSH', ready, handle)
    end
    gauge(h, 1)
    bump('recovered', 1)
    return true
end
