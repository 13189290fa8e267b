-- list: a page of the jobs that lie in one place, without their payloads.
--
-- KEYS    1 the place: due, leases or dead (sorted sets), ready or suspects (lists)  2 heads
-- ARGV    1 cursor, empty to begin  2 most jobs to return  3 most to look at; both at most 500
--         4 letters of `waiting` to choose (see src/core/job_head.h), empty: all
-- Returns 0, server's time in ms, next cursor (empty: all has been looked at), how many were looked at; then
--         per job: handle, its score in the sorted set or 0, record
-- Changes nothing
-- Cost    as many heads as are looked at; sets in the order of their scores, lists from the head of the line
--@include _clock.lua

local place, heads = unpack(KEYS)
local cursor = ARGV[1]
local most = math.min(tonumber(ARGV[2]), 500)
local looked_most = math.min(tonumber(ARGV[3]), 500)
local letters = ARGV[4]
local handles, scores = {}, {}

-- The cursor names the job that was looked at last, so that a page begins behind it even when others have
-- come or gone meanwhile.  When it has gone itself, the page begins with what has its score.
local function from_set()
    local begin = 0
    if cursor ~= '' then
        local score, last = string.match(cursor, '^(%d+) (%d+)$')
        if score and redis.call('ZSCORE', place, last) == score then
            begin = redis.call('ZRANK', place, last) + 1
        elseif score then
            begin = redis.call('ZCOUNT', place, '-inf', '(' .. score)
        end
    end
    local found = redis.call('ZRANGE', place, begin, begin + looked_most - 1, 'WITHSCORES')
    for i = 1, #found, 2 do
        handles[#handles + 1] = found[i]
        scores[#scores + 1] = found[i + 1]
    end
end

-- A list knows places only: what moves meanwhile may be seen twice or missed.
local function from_list()
    local begin = tonumber(cursor) or 0
    local found = redis.call('LRANGE', place, -begin - looked_most, -begin - 1)
    for i = #found, 1, -1 do
        handles[#handles + 1] = found[i]
        scores[#scores + 1] = 0
    end
    return begin
end

local is_list = redis.call('TYPE', place).ok == 'list'
local begin = is_list and from_list() or from_set()
local reply = { 0, now, '', 0 }
local looked, found = 0, 0
if #handles > 0 then
    for i, record in ipairs(redis.call('HMGET', heads, unpack(handles))) do
        if found == most then
            break
        end
        looked = i
        local waiting = record and string.match(record, '^%d+ (%l) ')
        if waiting and (letters == '' or string.find(letters, waiting, 1, true)) then
            found = found + 1
            reply[#reply + 1] = handles[i]
            reply[#reply + 1] = tonumber(scores[i])
            reply[#reply + 1] = record
        end
    end
end
if looked > 0 and (looked < #handles or #handles == looked_most) then
    reply[3] = is_list and tostring(begin + looked) or scores[looked] .. ' ' .. handles[looked]
end
reply[4] = looked
return reply
