-- admit: register claimed jobs, take their ledger entries, mark them as being sent; or put them aside.
--
-- KEYS    1 leases  2 jobs  3 heads  4 due  5 control  6 counters  7 events  8 dead  9 callbacks  10 their tries
--         then per job: status, cancel, its ledger entries
-- ARGV    1 owner  2 retention of a final status, ms  3 about how many events to keep, 0 none  4 jobs
--         then per job: handle, token, mode (s send, w wait until due), id, created, due, expires
--         (unix ms), lifetime of ledger entries in ms, number of ledger entries, number of fields, then
--         name and value of each
-- Returns 0, server's time in ms, ms to next due or -1; then per job: code, ms to wait
--         codes: 0 sending  1 put aside  2 id seen before, job gone
--         3 cancelled: the job is gone, or dead in state `unknown` if a request of it was not answered
--         4 a ledger entry is another job's for so many ms  5 not ours any more
-- Changes per job: its lease, head, job, status, ledger entries; due, dead, counters, events, cancel,
--         callbacks
-- Cost    per job: one head, one status, its ledger entries
--@include _clock.lua
--@include _head.lua
--@include _batch.lua
--@include _due.lua
--@include _event.lua
--@include _callback.lua

local leases, jobs, heads, due, control, counters, events, dead, callbacks, tries = unpack(KEYS, 1, 10)
local owner = ARGV[1]
local retention = tonumber(ARGV[2])
local events_cap = tonumber(ARGV[3])

local SENDING, ASIDE, DUPLICATE, CANCELLED, LOCKED, LOST = 0, 1, 2, 3, 4, 5

may_write_when_full(control)

-- `more` is a list of names and values.
local function write_status(job, h, state, more)
    local args = job.fields
    args[#args + 1] = 'state'
    args[#args + 1] = state
    args[#args + 1] = 'updated_at'
    args[#args + 1] = now_text
    if not job.known then
        args[#args + 1] = 'created_at'
        args[#args + 1] = job.created ~= '0' and job.created or now_text
        args[#args + 1] = 'attempts'
        args[#args + 1] = h.attempts
        if state ~= 'cancelled' then
            args[#args + 1] = 'handle'
            args[#args + 1] = job.handle
        end
    elseif state == 'cancelled' then
        redis.call('HDEL', job.status, 'next_at', 'reason', 'handle')
    else
        redis.call('HDEL', job.status, 'next_at', 'reason')
    end
    for _, value in ipairs(more) do
        args[#args + 1] = value
    end
    redis.call('HSET', job.status, unpack(args))
end

-- The longest time that another job still holds one of our entries; 0: they are free or ours.
local function locked_for(job)
    local wait = 0
    if #job.ledger > 0 then
        for i, holder in ipairs(redis.call('MGET', unpack(job.ledger))) do
            if holder and holder ~= job.handle then
                wait = math.max(wait, redis.call('PTTL', job.ledger[i]), 1)
            end
        end
    end
    return wait
end

-- What may have been sent cannot be called back: nobody sends it again, and a person decides what became of it.
local function cancel(job, h)
    local state, more = 'cancelled', {}
    if h.uncertain == '0' then
        job_end(job.handle)
    else
        state = 'unknown'
        more = { 'error', 'cancelled, but whether an earlier request was accepted is not known' }
        unlease(job.handle)
        redis.call('ZADD', dead, now, job.handle)
        h.waiting, h.reason, h.owner, h.token, h.started, h.recoveries = 'u', 'uncertain', NOBODY, 0, 0, 0
        h.id, h.created, h.due, h.expires = job.id, job.created, job.due, job.expires
        head_keep(job.handle, h)
    end
    write_status(job, h, state, more)
    redis.call('PEXPIRE', job.status, retention)
    bump('outcome:' .. state, 1)
    event(events, events_cap, job.status, job.id, state, '', 0, h.attempts)
    callback(job.status, callbacks, tries, job.id)
    return CANCELLED, 0
end

local function admit(job, h)
    -- Its record says whether a job is registered, so that an admission may be repeated.
    local seen = redis.call('EXISTS', job.status, job.cancel) > 0
    if seen and not job.known and redis.call('EXISTS', job.status) == 1 then
        job_end(job.handle)
        bump('outcome:duplicate_id', 1)
        return DUPLICATE, 0
    end
    if seen and redis.call('DEL', job.cancel) == 1 then
        return cancel(job, h)
    end
    h.id, h.created, h.due, h.expires = job.id, job.created, job.due, job.expires
    if job.mode == 'w' then
        unlease(job.handle)
        redis.call('ZADD', due, job.due, job.handle)
        h.waiting, h.reason, h.owner, h.started, h.recoveries = 's', '-', NOBODY, 0, 0
        head_keep(job.handle, h)
        gauge(h, 1)
        write_status(job, h, 'scheduled', { 'next_at', job.due })
        event(events, events_cap, job.status, job.id, 'scheduled', '', 0, h.attempts)
        return ASIDE, 0
    end
    local wait = locked_for(job)
    if wait > 0 then
        head_keep(job.handle, h)
        write_status(job, h, 'held', { 'reason', 'reload_lock' })
        return LOCKED, wait
    end
    for _, entry in ipairs(job.ledger) do
        redis.call('SET', entry, job.handle, 'PX', job.ledger_ms)
    end
    h.started = now_text
    head_keep(job.handle, h)
    write_status(job, h, 'sending', {})
    return SENDING, 0
end

local key, at = 10, 4

-- The next job of the call: its arguments and keys.
local function next_job()
    local job = { ledger = {}, fields = {} }
    local ledger_count, fields_count
    job.handle, job.token, job.mode, job.id, job.created, job.due, job.expires, job.ledger_ms,
        ledger_count, fields_count = unpack(ARGV, at + 1, at + 10)
    at = at + 10
    for i = 1, 2 * fields_count do
        job.fields[i] = ARGV[at + i]
    end
    at = at + 2 * fields_count
    job.status, job.cancel = KEYS[key + 1], KEYS[key + 2]
    key = key + 2
    for i = 1, tonumber(ledger_count) do
        job.ledger[i] = KEYS[key + i]
    end
    key = key + #job.ledger
    return job
end

local reply = { 0, now, 0 }
local batch = {}
for i = 1, tonumber(ARGV[4]) do
    batch[i] = next_job()
end
batch_read(heads, batch)
for _, job in ipairs(batch) do
    local h = head_of(job.handle)
    local code, wait = LOST, 0
    if h and h.owner == owner and h.token == job.token then
        job.known = h.id ~= ''
        code, wait = admit(job, h)
    end
    reply[#reply + 1] = code
    reply[#reply + 1] = wait
end
batch_write(heads, jobs, leases)
bumps_write(counters)
reply[3] = next_due(due)
return reply
