-- Tell those who read the queue's stream; nothing unless it is switched on. With what the producer gave the job along,
-- as its status has it: that is written before.
local function event_add(events, cap, status, entry)
    local meta = redis.call('HGET', status, 'meta')
    if meta then
        entry[#entry + 1] = 'meta'
        entry[#entry + 1] = meta
    end
    redis.call('XADD', events, 'MAXLEN', '~', cap, '*', unpack(entry))
end

local function event(events, cap, status, id, state, reason, code, attempts)
    if cap > 0 then
        event_add(events, cap, status,
            { 'id', id, 'state', state, 'reason', reason, 'code', code, 'attempts', attempts, 'at', now_text })
    end
end

-- The same of a message whose delivery has changed; the state has not.
local function event_delivery(events, cap, status, id, state, message, delivery)
    if cap > 0 then
        event_add(events, cap, status,
            { 'id', id, 'state', state, 'delivery', delivery, 'message_id', message, 'at', now_text })
    end
end
