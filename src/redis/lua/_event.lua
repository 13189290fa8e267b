-- Tell those who read the queue's stream; nothing unless it is switched on.
local function event(events, cap, id, state, reason, code, attempts)
    if cap > 0 then
        redis.call('XADD', events, 'MAXLEN', '~', cap, '*', 'id', id, 'state', state, 'reason', reason,
            'code', code, 'attempts', attempts, 'at', now_text)
    end
end

-- The same of a message whose delivery has changed; the state has not.
local function event_delivery(events, cap, id, state, message, delivery)
    if cap > 0 then
        redis.call('XADD', events, 'MAXLEN', '~', cap, '*', 'id', id, 'state', state, 'delivery', delivery,
            'message_id', message, 'at', now_text)
    end
end
