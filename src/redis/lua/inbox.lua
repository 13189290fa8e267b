-- inbox: an SMS that somebody has sent to us, for whoever reads the stream.
--
-- KEYS    1 events (stream)  2 seen (zset: name of an SMS -> when it came, unix ms)
-- ARGV    1 name: the same for the same SMS  2 most entries of the stream, about  3 ms that an entry is kept
--         4 number of fields, then name and value of each
-- Returns 0, or 1 it was there already
-- Changes events, seen
-- Cost    one entry, and what is too old
--@include _clock.lua
--@include _head.lua

local events, seen = unpack(KEYS)
local name, cap, keep = ARGV[1], ARGV[2], tonumber(ARGV[3])

-- The gateway repeats what was not answered for three days and a half.
local SEEN_MS, SEEN_MAX = 4 * 86400000, 10000

redis.call('ZREMRANGEBYSCORE', seen, '-inf', digits(now - SEEN_MS))
if redis.call('ZADD', seen, 'NX', now_text, name) == 0 then
    return { 1 }
end
redis.call('ZREMRANGEBYRANK', seen, 0, -(SEEN_MAX + 1))
redis.call('PEXPIRE', seen, digits(SEEN_MS))

local entry = { 'at', now_text }
for i = 5, 4 + 2 * tonumber(ARGV[4]) do
    entry[#entry + 1] = ARGV[i]
end
redis.call('XADD', events, 'MAXLEN', '~', cap, '*', unpack(entry))
redis.call('XTRIM', events, 'MINID', digits(now - keep))
redis.call('PEXPIRE', events, digits(keep))
return { 0 }
