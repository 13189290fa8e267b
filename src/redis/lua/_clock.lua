-- The clock is Redis' own, read once per call: workers with wrong clocks cannot steal leases.
local now
do
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
end
