-- control: pause and resume a queue, and set its limits at run time.
--
-- KEYS    1 control
-- ARGV    1 operation, then its arguments:
--         pause   2 reason (free text)  3 by whom
--         resume
--         limit   2 jobs per second  3 most leases; each may be 0 for no limit, or empty for the
--                 configuration's
-- Returns code (0 changed, 1 was so already, 2 unknown operation), server's time in ms
-- Changes control; works at each worker's next claim
-- Cost    one hash
--@include _clock.lua
--@include _head.lua

local control = KEYS[1]
local operation = ARGV[1]
local UNCHANGED = 1

may_write_when_full(control)

if operation == 'pause' then
    if redis.call('HSETNX', control, 'paused', 1) == 0 then
        return { UNCHANGED, now }
    end
    redis.call('HSET', control, 'reason', ARGV[2], 'by', ARGV[3], 'since', now_text)
    return { 0, now }
end

if operation == 'resume' then
    local removed = redis.call('HDEL', control, 'paused', 'reason', 'by', 'since')
    return { removed > 0 and 0 or UNCHANGED, now }
end

if operation == 'limit' then
    for i, field in ipairs({ 'limit:rate', 'limit:concurrency' }) do
        if ARGV[i + 1] == '' then
            redis.call('HDEL', control, field)
        else
            redis.call('HSET', control, field, digits(tonumber(ARGV[i + 1])))
        end
    end
    return { 0, now }
end

return { 2, now }
