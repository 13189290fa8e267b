-- minute: writes the queue's line of this minute, unless somebody has.
--
-- KEYS    1 minutes  2 raw  3 in  4 ready  5 due  6 leases  7 dead  8 counters
-- ARGV    1 age in ms of the oldest job that could run now, as the caller knows it; 0: none
-- Returns 1 if the line was written, else 0; ms until the next one is to be written
-- Changes minutes: a list of at most 61 lines, newest first; forgotten when nobody has written for a day
-- Cost    the same for queues of any length
--
-- A line is the server's time in ms, the six lengths in the order above, and ARGV 1; then name and value of each
-- counter, all with single blanks between them.
--@include _clock.lua
--@include _head.lua

local minutes = KEYS[1]
local MINUTE_MS, LINES, KEEP_MS, LINE_BYTES = 60 * 1000, 61, 24 * 3600 * 1000, 4000

local newest = redis.call('LINDEX', minutes, 0)
local age = newest and now - (tonumber(string.match(newest, '^%d+')) or 0)
-- A line from the future is older than a clock that was set back.
if age and age >= 0 and age < MINUTE_MS then
    return { 0, MINUTE_MS - age }
end

-- Removes, and so may write even when Redis is full.
redis.call('LTRIM', minutes, 0, LINES - 2)

local words = { now_text, redis.call('LLEN', KEYS[2]), redis.call('LLEN', KEYS[3]), redis.call('LLEN', KEYS[4]),
    redis.call('ZCARD', KEYS[5]), redis.call('ZCARD', KEYS[6]), redis.call('ZCARD', KEYS[7]),
    digits(tonumber(ARGV[1])) }
local bytes = 0
local counters = redis.call('HGETALL', KEYS[8])
for i = 1, #counters, 2 do
    local name, value = counters[i], counters[i + 1]
    bytes = bytes + #name + #value + 2
    if bytes > LINE_BYTES then
        break
    end
    if name ~= 'token' and string.find(name, '^[%w:_]+$') and string.find(value, '^-?%d+$') then
        words[#words + 1] = name
        words[#words + 1] = value
    end
end
redis.call('LPUSH', minutes, table.concat(words, ' '))
redis.call('PEXPIRE', minutes, KEEP_MS)
return { 1, MINUTE_MS }
