-- The payload of a message that was taken, should a report say that it is to be sent again.  Not a large one, with files:
-- Redis' memory is for what waits.  The bound is BH_RESEND_BYTES_MAX of redis/resend.h.
local KEPT_MAX = 1048576

local function keep_payload(kept, jobs, handle, ms)
    local payload = redis.call('HGET', jobs, handle)
    if payload and #payload <= KEPT_MAX then
        redis.call('SET', kept, payload, 'PX', ms)
    end
end
