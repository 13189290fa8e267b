-- pull: take messages that the gateway is to be asked about now.
--
-- What is taken is due again after as long as the message is old by now, within bounds: so questions become rarer, two
-- processes do not ask about the same, and what was taken by a process that died is asked about by another.
--
-- KEYS    1 pull  2 open  3 control  4 counters
-- ARGV    1 most messages, at most 100  2 age at which a message is given up, ms  3 least and  4 most time until it is due
--         again, ms
-- Returns 0, server's time in ms, ms until the next one is due or -1, how many were given up; then per message: its
--         number, when it was accepted (unix ms), oldest question first
-- Changes pull, open, counters
-- Cost    200 messages are looked at, at most
--@include _clock.lua
--@include _head.lua
--@include _due.lua

local pull, open, control, counters = unpack(KEYS)
local most = math.min(tonumber(ARGV[1]), 100)
local age_max = tonumber(ARGV[2])
local nearest, farthest = tonumber(ARGV[3]), tonumber(ARGV[4])
local LOOKS = 2

local reply, again, gone, old = { 0, now, 0, 0 }, {}, {}, {}

-- Whatever is not open any more has had its final report, or was given up elsewhere.
local function look(message, accepted)
    if not accepted then
        gone[#gone + 1] = message
        return
    end
    local age = now - accepted
    if age >= age_max then
        gone[#gone + 1] = message
        old[#old + 1] = message
        return
    end
    again[#again + 1] = digits(now + math.min(math.max(age, nearest), farthest))
    again[#again + 1] = message
    reply[#reply + 1] = message
    reply[#reply + 1] = tonumber(accepted)
end

-- Each look gets at most what is missing, and takes it away from the front: the next one sees others.
local function take()
    local missing = most - (#reply - 4) / 2
    local due = missing > 0 and redis.call('ZRANGEBYSCORE', pull, '-inf', now, 'LIMIT', 0, missing) or {}
    again, gone, old = {}, {}, {}
    if #due == 0 then
        return
    end
    may_write_when_full(control)
    local accepted = redis.call('ZMSCORE', open, unpack(due))
    for i, message in ipairs(due) do
        look(message, accepted[i])
    end
    if #again > 0 then
        redis.call('ZADD', pull, unpack(again))
    end
    if #gone > 0 then
        redis.call('ZREM', pull, unpack(gone))
    end
    if #old > 0 then
        reply[4] = reply[4] + redis.call('ZREM', open, unpack(old))
    end
end

for _ = 1, LOOKS do
    take()
end
bump('delivery:none', reply[4])
bumps_write(counters)
reply[3] = next_due(pull)
return reply
