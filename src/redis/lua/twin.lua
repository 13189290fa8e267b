-- twin: can a job of this queue be the cause of a reload lock that refused a job of another queue?
--
-- One that holds the ledger's entry, unless its record says that no request of it was ever accepted, went
-- unanswered or is under way: then the lock refused it, too, and somebody else armed it.
--
-- KEYS    1 heads  then the ledger entries
-- ARGV    none
-- Returns 0, server's time in ms; then per entry for how many ms it lives, 0 if no such job holds it
-- Changes nothing
-- Cost    per entry: one string, one head
--@include _clock.lua
--@include _head.lua

local function was_never_taken(h)
    return h.attempts == '0' and h.uncertain == '0' and h.started == '0'
end

local heads = KEYS[1]
local reply = { 0, now }
for i = 2, #KEYS do
    local holder = redis.call('MGET', KEYS[i])[1]
    local h = holder and head_read(redis.call('HGET', heads, holder))
    local explains = holder and not (h and was_never_taken(h))
    reply[#reply + 1] = explains and math.max(redis.call('PTTL', KEYS[i]), 1) or 0
end
return reply
