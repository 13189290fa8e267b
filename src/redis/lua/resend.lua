-- resend: push the job that is sent in place of one whose message did not arrive; or say that none is.
--
-- The payload that was kept is the right to do so: who takes it away pushes, and nobody does twice.
--
-- KEYS    1 kept payload  2 raw list  3 status  4 control  5 counters  6 events  7 callbacks  8 their tries
-- ARGV    1 id  2 id of the new job, or empty: none is sent, and the right lapses  3 its payload
--         4 about how many events to keep, 0 none
-- Returns code, state
--         codes: 0 pushed  1 somebody has taken the right, or it has lapsed  2 it has lapsed now
-- Changes kept payload; for code 0 raw list, status, counters, events, callbacks
-- Cost    one string, one status
--@include _clock.lua
--@include _head.lua
--@include _event.lua
--@include _callback.lua

local kept, raw, status, control, counters, events, callbacks, tries = unpack(KEYS)
local id, new_id, payload = unpack(ARGV, 1, 3)
local events_cap = tonumber(ARGV[4])

local PUSHED, TAKEN, LAPSED = 0, 1, 2

may_write_when_full(control)
local state, attempts, code = unpack(redis.call('HMGET', status, 'state', 'attempts', 'code'))
state = state or ''
if redis.call('DEL', kept) == 0 then
    return { TAKEN, state }
end
if new_id == '' then
    return { LAPSED, state }
end
redis.call('LPUSH', raw, payload)
if state ~= '' then
    redis.call('HSET', status, 'resent_as', new_id)
    -- Whoever was told that it did not arrive is told what comes next.
    callback(status, callbacks, tries, id)
end
bump('resent', 1)
event(events, events_cap, status, id, state, 'resent', code or 0, attempts or 0)
bumps_write(counters)
return { PUSHED, state }
