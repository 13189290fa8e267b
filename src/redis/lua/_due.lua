-- Milliseconds until the next waiting job is due; 0: now, -1: none waits.
local function next_due(due)
    local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
    if not first[2] then
        return -1
    end
    return math.max(0, first[2] - now)
end
