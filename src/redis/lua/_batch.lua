-- The records of a call's jobs are read in one go and written in one go; in between they live here, so that
-- a job named twice in a call is met the second time as the first left it.
local records, changed, ended, unleased = {}, {}, {}, {}

local function batch_read(heads, batch)
    local handles = {}
    for i, job in ipairs(batch) do
        handles[i] = job.handle
    end
    if #handles > 0 then
        for i, record in ipairs(redis.call('HMGET', heads, unpack(handles))) do
            records[handles[i]] = record
        end
    end
end

local function head_of(handle)
    return head_read(records[handle])
end

local function head_keep(handle, h)
    records[handle] = head_write(h)
    changed[handle] = true
end

local function unlease(handle)
    unleased[#unleased + 1] = handle
end

-- The job goes, with payload, record and lease.
local function job_end(handle)
    records[handle] = false
    changed[handle] = nil
    ended[#ended + 1] = handle
    unlease(handle)
end

local function batch_write(heads, jobs, leases)
    local args = {}
    if #unleased > 0 then
        redis.call('ZREM', leases, unpack(unleased))
    end
    if #ended > 0 then
        redis.call('HDEL', heads, unpack(ended))
        redis.call('HDEL', jobs, unpack(ended))
    end
    for handle in pairs(changed) do
        args[#args + 1] = handle
        args[#args + 1] = records[handle]
    end
    if #args > 0 then
        redis.call('HSET', heads, unpack(args))
    end
end
