-- recall: the message has arrived after all; the job that was to be sent in its place is cancelled, if nothing of it
-- has been sent yet.
--
-- An attempt is a request that may have become a message: what waits without one, because the gateway is away, say, has
-- not been sent.  If it is too late, at least no other is sent in its place: the payload that was kept for that goes.
--
-- KEYS    1 the new job's status  2 its cancel  3 control  4 its kept payload
-- ARGV    1 retention of a final status, ms
-- Returns code, state of the new job or empty, id of the job that was pushed in its place or empty
--         codes: 0 it will be cancelled at its next admission  1 too late  2 is so already, or ended unsent
-- Changes cancel, kept payload
-- Cost    one status
--@include _clock.lua
--@include _head.lua

local status, cancel, control, kept = unpack(KEYS)
local RECALLED, TOO_LATE, ALREADY = 0, 1, 2
local UNSENT = { cancelled = true, expired = true, invalid = true, failed = true, duplicate = true }

local state, next_at, attempts, resent_as = unpack(redis.call('HMGET', status, 'state', 'next_at', 'attempts',
    'resent_as'))
if UNSENT[state] or redis.call('EXISTS', cancel) == 1 then
    return { ALREADY, state or '', '' }
end
local waits = not state or state == 'scheduled' or (state == 'held' or state == 'retrying') and attempts == '0'
may_write_when_full(control)
if not waits then
    redis.call('DEL', kept)
    return { TOO_LATE, state, resent_as or '' }
end
-- The tombstone has to live until the job is due.
local wait = math.max(0, (tonumber(next_at) or now) - now)
redis.call('SET', cancel, 1, 'PX', digits(wait + tonumber(ARGV[1])))
return { RECALLED, state or '', '' }
