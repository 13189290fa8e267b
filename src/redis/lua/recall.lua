-- recall: the message has arrived after all; the job that was to be sent in its place is cancelled, if nothing of it
-- has been sent yet.
--
-- KEYS    1 the new job's status  2 its cancel  3 control
-- ARGV    1 retention of a final status, ms
-- Returns code, state of the new job or empty
--         codes: 0 it will be cancelled at its next admission  1 too late  2 is so already
-- Changes cancel
-- Cost    one status
--@include _clock.lua
--@include _head.lua

local status, cancel, control = unpack(KEYS)
local RECALLED, TOO_LATE, ALREADY = 0, 1, 2

local state, next_at = unpack(redis.call('HMGET', status, 'state', 'next_at'))
if state == 'cancelled' or redis.call('EXISTS', cancel) == 1 then
    return { ALREADY, state or '' }
end
if state and state ~= 'scheduled' then
    return { TOO_LATE, state }
end
may_write_when_full(control)
-- The tombstone has to live until the job is due.
local wait = math.max(0, (tonumber(next_at) or now) - now)
redis.call('SET', cancel, 1, 'PX', digits(wait + tonumber(ARGV[1])))
return { RECALLED, state or '' }
