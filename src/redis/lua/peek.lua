-- peek: a page of the payloads that nobody has claimed, from the head of the line.
--
-- KEYS    1 raw or in
-- ARGV    1 how many before the page  2 most to return, at most 500  3 stop after payloads of so many bytes
--         4 longest payload to return, bytes
-- Returns 0, server's time in ms, 1 if more lie behind the page; then per job: payload, its length.
--         A payload longer than ARGV 4 is returned empty.
-- Changes nothing
-- Cost    what is returned, eight payloads more at most, and a walk over the nodes of what lies before the page
--@include _clock.lua

local list = KEYS[1]
local begin = tonumber(ARGV[1])
local most = math.min(tonumber(ARGV[2]), 500)
local bytes_max = tonumber(ARGV[3])
local payload_max = tonumber(ARGV[4])
local CHUNK = 8

local reply = { 0, now, 0 }
local count, bytes = 0, 0
local more = true

-- A list does not tell sizes before it is read, so a few at a time.
while more and count < most and bytes < bytes_max do
    local few = math.min(CHUNK, most - count)
    local first = begin + count
    local found = redis.call('LRANGE', list, -first - few, -first - 1)
    for i = #found, 1, -1 do
        if bytes >= bytes_max then
            break
        end
        local length = #found[i]
        local payload = length <= payload_max and found[i] or ''
        count = count + 1
        bytes = bytes + length
        reply[#reply + 1] = payload
        reply[#reply + 1] = length
    end
    more = #found == few
end

if redis.call('LLEN', list) > begin + count then
    reply[3] = 1
end
return reply
