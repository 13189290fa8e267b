-- Give the leased job back to the head of the line.  Marked as started, it may have been sent: it counts an
-- attempt and waits as uncertain.  The token stays, so that its old owner's late result is recognised.
-- True unless there is no such job any more.
local function recover(handle, leases, ready, heads, dead)
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
    h.recoveries = h.recoveries + 1
    h.owner = NOBODY
    redis.call('HSET', heads, handle, head_write(h))
    redis.call('RPUSH', ready, handle)
    gauge(h, 1)
    bump('recovered', 1)
    return true
end
