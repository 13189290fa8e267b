-- The payload of a message that was taken, should a report say that it is to be sent again.  Not a large one, with files:
-- Redis' memory is for what waits.  The bound is BH_RESEND_BYTES_MAX of redis/resend.h.
--
-- Never for longer than the status: without it no report finds the job, and when the id is another job's some day, one
-- about that would send this payload again.
local KEPT_MAX = 1048576

local function keep_payload(kept, jobs, handle, ms, retention)
    local payload = redis.call('HGET', jobs, handle)
    if payload and #payload <= KEPT_MAX then
        redis.call('SET', kept, payload, 'PX', digits(math.min(ms, retention)))
    end
end
