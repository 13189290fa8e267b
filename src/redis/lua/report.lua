-- report: write into a job's status what a delivery report says about its message.  What is said twice, or out
-- of order, changes nothing: a final word goes before one that is not, then the later one before the earlier.
--
-- KEYS    1 status  2 control  3 counters
-- ARGV    1 the message's id or empty  2 delivery or empty  3 when that was, unix ms, 0 unknown  4 number of
--         fields, then name and value of each: they belong to the delivery
-- Returns code, state
--         codes: 0 noted  1 nothing new  2 no such job  3 noted as evidence: the job has several recipients
-- Changes status, counters
-- Cost    one status
--@include _clock.lua
--@include _head.lua

local status, control, counters = unpack(KEYS)
local message, delivery = ARGV[1], ARGV[2]
local at = tonumber(ARGV[3])

local NOTED, NOTHING_NEW, NONE, SEVERAL = 0, 1, 2, 3

-- The words in the order of core/delivery_report.h; from FINAL on they are final.
local FINAL = 10
local RANK = {
    ACCEPTED = 1, BUFFERED = 2, TRANSMITTED = 3, UNKNOWN = 10, EXPIRED = 11, REJECTED = 12, FAILED = 13,
    NOTDELIVERED = 14, DELIVERED = 15, initiated = 1, ringing = 2, ['in-progress'] = 3, ['no-answer'] = 10,
    failed = 11, completed = 12,
}

-- Ids of messages that nobody has told us but reports, at most so many bytes of them.
local EVIDENCE_MAX = 1024

local state, to, known, old, old_at, evidence = unpack(redis.call('HMGET', status, 'state', 'to', 'message_id',
    'delivery', 'delivered_at', 'reported_ids'))
if not state then
    return { NONE, '' }
end

local function contains(list, word)
    return list and string.find(',' .. list .. ',', ',' .. word .. ',', 1, true)
end

local function goes_forward()
    local rank, old_rank = RANK[delivery], RANK[old or '']
    if not rank or delivery == old then
        return false
    end
    if not old_rank then
        return true
    end
    if (rank >= FINAL) ~= (old_rank >= FINAL) then
        return rank >= FINAL
    end
    old_at = tonumber(old_at) or 0
    if at ~= old_at then
        return at > old_at
    end
    return rank > old_rank
end

if at == 0 then
    at = now
end

if string.find(to or '', ',', 1, true) then
    -- Whose message it is does not stand in a report, and one field cannot say what became of several.
    if message == '' or contains(known, message) or contains(evidence, message)
        or #(evidence or '') + #message >= EVIDENCE_MAX then
        return { NOTHING_NEW, state }
    end
    may_write_when_full(control)
    redis.call('HSET', status, 'reported_ids', evidence and evidence .. ',' .. message or message)
    return { SEVERAL, state }
end

local fields = {}
if message ~= '' and (not known or known == '') then
    fields = { 'message_id', message }
end
if goes_forward() then
    for i = 5, 4 + 2 * tonumber(ARGV[4]) do
        fields[#fields + 1] = ARGV[i]
    end
    fields[#fields + 1] = 'delivery'
    fields[#fields + 1] = delivery
    fields[#fields + 1] = 'delivered_at'
    fields[#fields + 1] = digits(at)
    bump('delivery:' .. delivery, 1)
end
if #fields == 0 then
    return { NOTHING_NEW, state }
end
may_write_when_full(control)
redis.call('HSET', status, unpack(fields))
bumps_write(counters)
return { NOTED, state }
