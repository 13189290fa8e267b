-- The record of src/core/job_head.h, version 1, in hash `heads`; numbers in a read record are text.  The
-- memo behind the first line feed is the worker's own and stays as it is.
local HEAD = '^1 ([nsrhu]) (%S+) (%d+) (%d+) (%S+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%S*)\n(.*)$'
local NOBODY = '-'

-- Stands before the last owner's name from the recovery of a job to its next settlement.
local LOST = '~'

-- So many recoveries in a row make a job a suspect, which is tried apart; one more, and it is buried.
local SUSPECT = 2

-- nil when there is no record, or one that this version cannot read.
local function head_read(record)
    if not record then
        return nil
    end
    local h = {}
    h.waiting, h.reason, h.attempts, h.recoveries, h.owner, h.token, h.started, h.created, h.due,
        h.expires, h.uncertain, h.id, h.memo = string.match(record, HEAD)
    return h.waiting and h
end

local function head_write(h)
    return '1 ' .. h.waiting .. ' ' .. h.reason .. ' ' .. h.attempts .. ' ' .. h.recoveries .. ' '
        .. h.owner .. ' ' .. h.token .. ' ' .. h.started .. ' ' .. h.created .. ' ' .. h.due .. ' '
        .. h.expires .. ' ' .. h.uncertain .. ' ' .. h.id .. '\n' .. h.memo
end

local function is_suspect(h)
    return tonumber(h.recoveries) == SUSPECT
end

local function has_owner(h)
    return h.owner ~= NOBODY and string.sub(h.owner, 1, 1) ~= LOST
end

-- Whole numbers as text; Lua's own conversion turns unix milliseconds into 1.7e+12.
local function digits(number)
    return string.format('%.0f', number)
end

local now_text = digits(now)

-- What this call adds to hash `counters`, written once at its end.
local bumps = {}

local function bump(field, by)
    bumps[field] = (bumps[field] or 0) + by
end

local function bumps_write(counters)
    for field, by in pairs(bumps) do
        if by ~= 0 then
            redis.call('HINCRBY', counters, field, by)
        end
    end
end

-- The gauges `now:*` count the jobs in `due`, `ready` and `suspects` by why they wait; new jobs are not counted.
local GAUGES = { s = 'now:scheduled', r = 'now:retrying', u = 'now:uncertain' }

local function gauge(h, by)
    if h.waiting == 'h' then
        bump('now:held:' .. h.reason, by)
    elseif GAUGES[h.waiting] then
        bump(GAUGES[h.waiting], by)
    end
    if is_suspect(h) then
        bump('now:suspects', by)
    end
end

-- Redis refuses a script's growing writes when its memory is full, but only up to the script's first write
-- of any kind.  Removing what is not there is such a write, so that jobs can end when Redis is full.
local function may_write_when_full(hash)
    redis.call('HDEL', hash, '')
end
