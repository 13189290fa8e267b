-- waiting: delivery reports that found no job, or one that has not ended, kept to be looked at again.
--
-- KEYS    1 waiting (zset: name of a report -> unix ms of the next look)
--         2 letters (hash: name -> when it came, looks so far, the report)  3 counters
-- ARGV    1 operation, then by operation
--         keep  2 name  3 report  4 why (unknown, early)  5 how many are kept at most
--         take  2 how many
--         done  2 name  3 what is counted (home, other)
--         look  none
-- Returns keep  0 kept, or 1 it is there already
--         take  0, ms until the next one is due (-1: none waits), then name and report of each that is due
--         done  0, or 1 it was not there any more
--         look  0, how many wait, then field and value of each counter
-- Changes waiting, letters, counters; forgotten when nobody has kept one for two days
-- Cost    as many reports as are taken
--
-- Who takes a report pushes its next look ahead, so that others leave it alone; who dies over it has lost nothing.
-- What is looked at twice at once does no harm: what a report says twice is no news.
--@include _clock.lua
--@include _head.lua

local waiting, letters, counters = unpack(KEYS)
local operation = ARGV[1]

-- From one look to the next; together a day, and then it is dropped.
local DISTANCES = {
    2000, 5000, 10000, 20000, 30000, 60000, 120000, 300000, 900000, 3600000, 10800000, 21600000, 43200000, 5753000,
}
local KEEP_MS = 2 * 86400000

if operation == 'look' then
    local reply = { 0, redis.call('ZCARD', waiting) }
    for _, value in ipairs(redis.call('HGETALL', counters)) do
        reply[#reply + 1] = value
    end
    return reply
end

may_write_when_full(counters)

local function drop(name, why)
    redis.call('ZREM', waiting, name)
    redis.call('HDEL', letters, name)
    bump(why, 1)
end

local function keep(name, report, why, most)
    if redis.call('ZSCORE', waiting, name) then
        return { 1 }
    end
    -- Whose next look is farthest away has been looked at most often in vain.
    while redis.call('ZCARD', waiting) >= tonumber(most) do
        drop(redis.call('ZRANGE', waiting, -1, -1)[1], 'dropped:room')
    end
    redis.call('ZADD', waiting, digits(now + DISTANCES[1]), name)
    redis.call('HSET', letters, name, now_text .. ' 1 ' .. report)
    redis.call('PEXPIRE', waiting, digits(KEEP_MS))
    redis.call('PEXPIRE', letters, digits(KEEP_MS))
    bump('kept:' .. why, 1)
    return { 0 }
end

local function take(count)
    local reply = { 0, -1 }
    for _, name in ipairs(redis.call('ZRANGEBYSCORE', waiting, '-inf', now_text, 'LIMIT', 0, count)) do
        local since, looks, report = string.match(redis.call('HGET', letters, name) or '', '^(%d+) (%d+) (.*)$')
        local distance = looks and DISTANCES[tonumber(looks) + 1]
        if distance then
            redis.call('ZADD', waiting, digits(now + distance), name)
            redis.call('HSET', letters, name, since .. ' ' .. (looks + 1) .. ' ' .. report)
            reply[#reply + 1] = name
            reply[#reply + 1] = report
        else
            drop(name, 'dropped:age')
        end
    end
    local first = redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')
    if first[2] then
        reply[2] = math.max(0, first[2] - now)
    end
    return reply
end

local function done(name, what)
    if redis.call('ZREM', waiting, name) == 0 then
        return { 1 }
    end
    redis.call('HDEL', letters, name)
    bump(what, 1)
    return { 0 }
end

local reply
if operation == 'keep' then
    reply = keep(ARGV[2], ARGV[3], ARGV[4], ARGV[5])
elseif operation == 'take' then
    reply = take(ARGV[2])
else
    reply = done(ARGV[2], ARGV[3])
end
bumps_write(counters)
return reply
