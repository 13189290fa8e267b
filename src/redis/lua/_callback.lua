-- The outbox of callbacks: a job whose status has the field `callback_url` is told of whenever its state has become
-- final, or its delivery has changed.  What is posted is made of the status at that time, so one entry is enough.
--
-- The outbox goes some day, and the tries with it, should nobody look at it any more, because the queue is not in the
-- configuration any more.
local OUTBOX_TTL = 30 * 86400000

-- A receiver may be away for ever, and jobs go on ending.
local OUTBOX_MAX = 1000000

-- Who has waited for longest goes; who came now is the one only when all others wait for a later time.
local function callback_bound(callbacks, tries, id)
    if redis.call('ZCARD', callbacks) <= OUTBOX_MAX then
        return
    end
    local gone = redis.call('ZRANGE', callbacks, 0, 0)[1]
    if gone == id then
        gone = redis.call('ZRANGE', callbacks, -1, -1)[1]
    end
    redis.call('ZREM', callbacks, gone)
    redis.call('HDEL', tries, gone)
    bump('callback:given_up', 1)
end

local function callback_due(callbacks, tries, id)
    redis.call('ZADD', callbacks, now_text, id)
    callback_bound(callbacks, tries, id)
    redis.call('PEXPIRE', callbacks, digits(OUTBOX_TTL))
    redis.call('HDEL', tries, id)
end

-- The same for who has not read the status.
local function callback(status, callbacks, tries, id)
    if redis.call('HEXISTS', status, 'callback_url') == 1 then
        callback_due(callbacks, tries, id)
    end
end
