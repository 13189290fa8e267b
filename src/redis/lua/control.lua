-- control: pause and resume a queue, and set its limits at run time; what was changed, and the audit's line about it,
-- are written together or not at all.
--
-- KEYS    1 control  2 audit
-- ARGV    1 operation  2 by whom, then its arguments:
--         pause   3 reason (free text)
--         drain   3 reason; a pause whose line in the audit says so
--         resume  3 reason, for the audit
--         limit   3 jobs per second  4 most leases; each 0 for no limit, `configured` for the configuration's, or
--                 empty: stays as it is
-- Returns code (0 changed, 1 was so already, 2 unknown operation), server's time in ms, then the limits that were set
--         at run time: jobs per second, most leases; empty: none
-- Changes control, audit; works at each worker's next claim
-- Cost    one hash, one entry of a stream
--@include _clock.lua
--@include _head.lua
--@include _audit.lua

local control, audit_stream = KEYS[1], KEYS[2]
local operation, who, reason = ARGV[1], ARGV[2], ARGV[3]
local DONE, UNCHANGED, UNKNOWN = 0, 1, 2
local LIMITS = { 'limit:rate', 'limit:concurrency' }

may_write_when_full(control)

local function limits()
    local rate, concurrency = unpack(redis.call('HMGET', control, unpack(LIMITS)))
    return rate or '', concurrency or ''
end

local function limits_text()
    local rate, concurrency = limits()
    return 'rate ' .. (rate ~= '' and rate or 'as configured') .. ', concurrency '
        .. (concurrency ~= '' and concurrency or 'as configured')
end

local function pause()
    if redis.call('HSETNX', control, 'paused', 1) == 0 then
        return UNCHANGED
    end
    redis.call('HSET', control, 'reason', reason, 'by', who, 'since', now_text)
    audit(audit_stream, who, operation, '', 'running', reason)
    return DONE
end

local function resume()
    local paused, why, by = unpack(redis.call('HMGET', control, 'paused', 'reason', 'by'))
    if not paused then
        return UNCHANGED
    end
    redis.call('HDEL', control, 'paused', 'reason', 'by', 'since')
    local before = 'paused by ' .. (by or '?')
    if why and why ~= '' then
        before = before .. ': ' .. why
    end
    audit(audit_stream, who, operation, '', before, reason)
    return DONE
end

-- Only what is given is touched, so that two who set one limit each do not undo each other.
local function limit()
    local before = limits_text()
    for i, field in ipairs(LIMITS) do
        local wanted = ARGV[i + 2]
        if wanted == 'configured' then
            redis.call('HDEL', control, field)
        elseif wanted ~= '' then
            redis.call('HSET', control, field, digits(tonumber(wanted)))
        end
    end
    local after = limits_text()
    if after == before then
        return UNCHANGED
    end
    audit(audit_stream, who, operation, '', before, after)
    return DONE
end

local operations = { pause = pause, drain = pause, resume = resume, limit = limit }
local code = operations[operation] and operations[operation]() or UNKNOWN
return { code, now, limits() }
