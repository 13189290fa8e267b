-- The content of the queue {q} as text, for comparison with scripts_model.c.
-- ARGV 1 number of ids  2 number of ledger entries  3... their digests
local out = {}

local function line(...)
    out[#out + 1] = table.concat({ ... }, ' ')
end

local Q = 'bellhop:{q}'
for _, list in ipairs({ '', ':in', ':ready', ':suspects' }) do
    line('list', list, unpack(redis.call('LRANGE', Q .. list, 0, -1)))
end
for _, set in ipairs({ ':due', ':leases', ':dead' }) do
    line('set', set, unpack(redis.call('ZRANGE', Q .. set, 0, -1, 'WITHSCORES')))
end

local handles = redis.call('HKEYS', Q .. ':jobs')
table.sort(handles)
for _, handle in ipairs(handles) do
    line('job', handle, redis.call('HGET', Q .. ':jobs', handle), redis.call('HGET', Q .. ':heads', handle) or '?')
end
line('heads', redis.call('HLEN', Q .. ':heads'))

local names = redis.call('HKEYS', Q .. ':counters')
table.sort(names)
for _, name in ipairs(names) do
    local value = redis.call('HGET', Q .. ':counters', name)
    if value ~= '0' then
        line('counter', name, value)
    end
end

for i = 0, ARGV[1] - 1 do
    local key = Q .. ':status:i' .. i
    local fields = redis.call('HMGET', key, 'state', 'reason', 'first_error', 'attempts', 'created_at',
        'updated_at', 'next_at', 'handle', 'confirmed_by')
    if fields[1] then
        for f = 1, 9 do
            fields[f] = fields[f] or '-'
        end
        line('status', i, redis.call('PTTL', key) > 0 and 'expires' or 'stays', unpack(fields))
    end
    if redis.call('EXISTS', Q .. ':cancel:i' .. i) == 1 then
        line('cancel', i)
    end
    local callback = redis.call('ZSCORE', Q .. ':callbacks', 'i' .. i)
    if callback then
        line('callback', i, callback)
    end
    local message = 1000 + i
    local id = redis.call('GET', Q .. ':message:' .. message)
    if id then
        line('message', i, id, redis.call('ZSCORE', Q .. ':open', message) or 0,
            redis.call('ZSCORE', Q .. ':pull', message) or 0)
    end
end
for i = 0, ARGV[2] - 1 do
    local key = Q .. ':lock:' .. ARGV[3 + i]
    local holder = redis.call('GET', key)
    if holder then
        line('lock', i, holder, redis.call('PTTL', key) > 0 and 'expires' or 'stays')
    end
end
local control = redis.call('HMGET', Q .. ':control', 'paused', 'rate:tokens', 'rate:at')
line('control', control[1] or '-', control[2] or '-', control[3] or '-')
line('audit', math.min(1000, redis.call('XLEN', Q .. ':audit')))
return table.concat(out, '\n')
