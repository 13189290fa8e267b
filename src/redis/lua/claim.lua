-- claim: take jobs under a lease.
--
-- First moves what is due, and what a lost worker held, into the line; then takes from the line, then from
-- what a blocking wait has moved aside, then from the producers' list.
--
-- A suspect (see _head.lua) is given out alone, and only to a worker that has nothing else in hand, so that
-- nobody else is hurt if it ends its worker once more.  From the line it goes to `suspects`, where it is in
-- nobody's way, until such a worker asks.
--
-- KEYS    1 raw  2 in  3 ready  4 due  5 leases  6 jobs  7 heads  8 control  9 counters  10 dead  11 suspects
--         12 seen (the token of the last claim that gave this instance something; lives for a day)
-- ARGV    1 owner  2 most jobs, at most 64  3 lease, ms  4 longest payload to return, bytes
--         5 stop taking after so many bytes of payloads  6 jobs per second, 0 no limit
--         7 most leases, 0 no limit; `limit:rate` and `limit:concurrency` in control go before 6 and 7
--         8 1 if the worker has nothing in hand and would take a suspect
-- Returns code (0 done, 1 paused, 2 limited), server's time in ms, ms to next due or -1, ms to wait or -1,
--         1 if more could be taken, token or 0, suspects that wait (0 unless the code is 0); then per job:
--         handle, record as it was before this claim, payload, payload's length.
--         A payload longer than ARGV 4 is returned empty.  For a job that is to be buried its id stands there, or
--         nothing when its record knows the id, or the payload does not plainly say one.
-- Changes raw, in, ready, suspects, due, leases, jobs, heads, control (bucket), counters, dead (unreadable
--         records), seen
-- Cost    at most 200 promoted, 100 recovered, 64 taken, 200 suspects put aside
--@include _clock.lua
--@include _head.lua
--@include _recover.lua
--@include _due.lua

local raw, incoming, ready, due, leases, jobs, heads, control, counters, dead, suspects, seen =
    unpack(KEYS)
local owner = ARGV[1]
local count = math.min(tonumber(ARGV[2]), 64)
local lease_end = digits(now + tonumber(ARGV[3]))
local payload_max = tonumber(ARGV[4])
local reply_max = tonumber(ARGV[5])
local alone = ARGV[8] == '1'

local DONE, PAUSED, LIMITED = 0, 1, 2
local CHUNK = 8
local ASIDE_MAX = 200
local DAY = 86400000
local DECODE_MAX = 65536
local ID_MAX = 64

may_write_when_full(control)

local promoted = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, 200)
if #promoted > 0 then
    redis.call('ZREM', due, unpack(promoted))
    redis.call('LPUSH', ready, unpack(promoted))
end

for _, handle in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, 100)) do
    recover(handle, true, leases, ready, due, heads, dead)
end

local paused, tokens, tokens_at, rate, concurrency = unpack(redis.call('HMGET', control, 'paused',
    'rate:tokens', 'rate:at', 'limit:rate', 'limit:concurrency'))
rate = tonumber(rate or ARGV[6])
concurrency = tonumber(concurrency or ARGV[7])

local code, wait = DONE, -1
local bucket -- tokens before anything is taken; nil: not looked at
if paused then
    code, count = PAUSED, 0
end
if code == DONE and concurrency > 0 then
    count = math.min(count, concurrency - redis.call('ZCARD', leases))
    if count <= 0 then
        code, count = LIMITED, 0
    end
end
if code == DONE and rate > 0 then
    local burst = math.max(1, rate)
    local elapsed = math.max(0, now - tonumber(tokens_at or 0))
    bucket = math.min(burst, tonumber(tokens or burst) + elapsed * rate / 1000)
    count = math.min(count, math.floor(bucket + 1e-6))
    if count < 1 then
        code, count = LIMITED, 0
        wait = math.ceil((1 - bucket) * 1000 / rate - 1e-3)
    end
end

local reply = { code, now, 0, wait, 0, 0, 0 }
local taken, bytes, largest, aside = 0, 0, 1, 0
local new_heads, new_jobs, new_leases = {}, {}, {}

-- The id in a payload that nobody looks into any more, since that may be what kills.  Here it kills nobody.  Of two ids
-- neither is better, and the decoder would take the last without a word: so nothing may stand there that could be
-- a second one, not even in other letters.
local function plain_id(payload)
    if #payload > DECODE_MAX then
        return ''
    end
    local _, ids = string.gsub(payload, '"id"', '')
    if ids ~= 1 or string.find(payload, '\\u006[49]') then
        return ''
    end
    local ok, id = pcall(function()
        return cjson.decode(payload).id
    end)
    return ok and type(id) == 'string' and #id <= ID_MAX and id or ''
end

-- `before`: the record until now, nil for a new job.
local function take(handle, h, payload, before)
    if reply[6] == 0 then
        reply[6] = redis.call('HINCRBY', counters, 'token', 1)
    end
    h.owner = owner
    h.token = digits(reply[6])
    local record = head_write(h)
    local length = #payload
    largest = math.max(largest, length)
    if tonumber(h.recoveries) > SUSPECT then
        payload = h.id == '' and plain_id(payload) or ''
    elseif length > payload_max then
        payload = ''
    end
    taken = taken + 1
    bytes = bytes + #payload
    new_heads[#new_heads + 1] = handle
    new_heads[#new_heads + 1] = record
    new_leases[#new_leases + 1] = lease_end
    new_leases[#new_leases + 1] = handle
    reply[#reply + 1] = handle
    reply[#reply + 1] = before or record
    reply[#reply + 1] = payload
    reply[#reply + 1] = length
end

-- Pop the next few; nil when there are none, or no more are wanted.  A list does not tell sizes before it is
-- popped, and what is put back is written twice, into the append-only file too: so begin with one, and go on
-- with as many as fit if they are like the largest so far.
local function pop(list)
    if taken >= count or bytes >= reply_max or aside >= ASIDE_MAX then
        return nil
    end
    local few = taken == 0 and 1 or math.floor((reply_max - bytes) / largest)
    return redis.call('RPOP', list, math.max(1, math.min(count - taken, few, CHUNK))) or nil
end

-- Undo the pop of all from `first` on.
local function put_back(list, popped, first)
    local back = {}
    for i = #popped, first, -1 do
        back[#back + 1] = popped[i]
    end
    redis.call('RPUSH', list, unpack(back))
end

local function take_ready(handle, record, payload, apart)
    local h = head_read(record)
    if h and is_suspect(h) and not apart then
        redis.call('LPUSH', suspects, handle)
        aside = aside + 1
    elseif h then
        gauge(h, -1)
        take(handle, h, payload or '', record)
    elseif record or payload then
        redis.call('ZADD', dead, now, handle)
        bump('unreadable', 1)
    end
end

-- One suspect, and then nothing else.  A handle may have stayed behind when its job was ended by other ways.
local function take_apart()
    local tries = ASIDE_MAX
    while alone and taken == 0 and count > 0 and tries > 0 do
        local handle = redis.call('RPOP', suspects)
        if not handle then
            return
        end
        take_ready(handle, redis.call('HGET', heads, handle), redis.call('HGET', jobs, handle), true)
        tries = tries - 1
    end
    if taken > 0 then
        count = 1
    end
end

take_apart()
local handles = pop(ready)
while handles do
    local records = redis.call('HMGET', heads, unpack(handles))
    local payloads = redis.call('HMGET', jobs, unpack(handles))
    for i, handle in ipairs(handles) do
        if bytes >= reply_max then
            put_back(ready, handles, i)
            break
        end
        take_ready(handle, records[i], payloads[i], false)
    end
    handles = pop(ready)
end

for _, list in ipairs({ incoming, raw }) do
    local payloads = pop(list)
    while payloads do
        local last = redis.call('HINCRBY', counters, 'handle', #payloads)
        for i, payload in ipairs(payloads) do
            if bytes >= reply_max then
                put_back(list, payloads, i)
                -- Handles without gaps: after a roll-back the jobs that wait are told by theirs.
                redis.call('HINCRBY', counters, 'handle', i - 1 - #payloads)
                break
            end
            local handle = digits(last - #payloads + i)
            new_jobs[#new_jobs + 1] = handle
            new_jobs[#new_jobs + 1] = payload
            take(handle, {
                waiting = 'n', reason = '-', attempts = 0, recoveries = 0, started = 0, created = 0,
                due = 0, expires = 0, uncertain = 0, id = '', memo = '',
            }, payload)
        end
        payloads = pop(list)
    end
end

if taken == 0 then
    take_apart()
end

if taken > 0 then
    redis.call('SET', seen, digits(reply[6]), 'PX', DAY)
    redis.call('ZADD', leases, unpack(new_leases))
    redis.call('HSET', heads, unpack(new_heads))
    if #new_jobs > 0 then
        redis.call('HSET', jobs, unpack(new_jobs))
    end
end
if bucket then
    redis.call('HSET', control, 'rate:tokens', string.format('%.6f', bucket - taken), 'rate:at', now_text)
end
bumps_write(counters)

reply[3] = next_due(due)
if code == DONE and (taken >= count or bytes >= reply_max or aside >= ASIDE_MAX)
    and redis.call('LLEN', ready) + redis.call('LLEN', incoming) + redis.call('LLEN', raw) > 0 then
    reply[5] = 1
end
if code == DONE then
    reply[7] = redis.call('LLEN', suspects)
end
return reply
