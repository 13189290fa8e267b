-- renew: lengthen leases.
--
-- KEYS    1 leases  2 heads  3 control
-- ARGV    1 owner  2 lease, ms  then per job: handle, token
-- Returns 0, server's time in ms; then per job its code: 0 renewed  1 not ours any more
-- Changes leases
-- Cost    per job: one head, one lease
--@include _clock.lua
--@include _head.lua

local leases, heads, control = unpack(KEYS)
local lease_end = digits(now + tonumber(ARGV[2]))
local reply = { 0, now }

may_write_when_full(control)
for i = 3, #ARGV, 2 do
    local h = head_read(redis.call('HGET', heads, ARGV[i]))
    local ours = h and h.owner == ARGV[1] and h.token == ARGV[i + 1]
    if ours then
        redis.call('ZADD', leases, lease_end, ARGV[i])
    end
    reply[#reply + 1] = ours and 0 or 1
end
return reply
