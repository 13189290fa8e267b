-- process: takes what a process tells about itself.
--
-- KEYS    1 the processes (hash: instance -> server's time in ms, a blank, the report)
-- ARGV    1 instance  2 its report; empty: it has ended
-- Returns 0, server's time in ms
-- Changes processes; forgotten when nobody has reported for a day
-- Cost    one field, and a look at 64 others
--@include _clock.lua
--@include _head.lua

local processes, instance, report = KEYS[1], ARGV[1], ARGV[2]
local KEEP_MS, LOOK_AT = 24 * 3600 * 1000, 64

may_write_when_full(processes)

if report == '' then
    redis.call('HDEL', processes, instance)
    return { 0, now }
end

-- Chosen at random, so that each one's turn comes, however many there are.
local some = redis.call('HRANDFIELD', processes, LOOK_AT, 'WITHVALUES')
for i = 1, #some, 2 do
    local at = tonumber(string.match(some[i + 1], '^%d+')) or 0
    if now - at > KEEP_MS then
        redis.call('HDEL', processes, some[i])
    end
end
redis.call('HSET', processes, instance, now_text .. ' ' .. report)
redis.call('PEXPIRE', processes, KEEP_MS)
return { 0, now }
