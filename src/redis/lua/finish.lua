-- finish: write what became of claimed jobs, under the lease that they were claimed with.
--
-- A job ends (final), ends and is kept (dead), waits (wait) or goes back to the head of the line (ready).
--
-- KEYS    1 leases  2 jobs  3 heads  4 ready  5 due  6 dead  7 control  8 counters  9 events  10 open  11 pull
--         12 callbacks  13 their tries
--         then per job: status, its messages' entries in the index, kept if it is, its ledger entries
-- ARGV    1 owner  2 retention of a final status, ms  3 about how many events to keep, 0 none
--         4 most jobs kept in dead  5 how long, ms  6 how long a message waits for its final report, ms
--         7 how long before the gateway is asked about it, ms, 0 never  8 jobs
--         then per job: handle, token, disposition (f final, d dead, w wait, r ready), delay in ms, waiting
--         letter, reason or empty, attempts, uncertain since (unix ms), id or empty, state, code,
--         1 if a request was sent, ledger action (k keep, a arm, f free), ledger lifetime in ms,
--         number of ledger entries, number of messages that are remembered, how long the payload is kept in ms, 0
--         not, callback (0 none, 1 due when it ends, 2 due if its status says so), memo, first error or empty,
--         number of fields, name and value of each
-- Returns 0, server's time in ms, ms to next due or -1; then per job its code:
--         0 written  1 written although the lease had ended  2 there is no such job
--         3 somebody else's now, nothing written
-- Changes per job: its lease, head, job, status, messages, kept, ledger entries; ready, due, dead, counters, events,
--         open, pull, callbacks
-- Cost    per job: one head, one status, its messages, its ledger entries; at most 200 old ones leave dead; of
--         messages that are still open at most 200 old ones, or twice as many as have come
--@include _clock.lua
--@include _head.lua
--@include _batch.lua
--@include _due.lua
--@include _event.lua
--@include _money.lua
--@include _delivery.lua
--@include _open.lua
--@include _callback.lua
--@include _kept.lua

local leases, jobs, heads, ready, due, dead, control, counters, events, open, pull, callbacks, tries =
    unpack(KEYS, 1, 13)
local owner = ARGV[1]
local retention = tonumber(ARGV[2])
local events_cap = tonumber(ARGV[3])
local dead_max = tonumber(ARGV[4])
local dead_ttl = tonumber(ARGV[5])
local open_ms = tonumber(ARGV[6])
local pull_after = tonumber(ARGV[7])

local WRITTEN, LATE, GONE, STALE = 0, 1, 2, 3
local TRIM = 100
local OPEN_MAX = 1000000
local OPEN_TRIM = 200
local MESSAGE_AT = #open - #'open' + #'message:' + 1 -- in a key of the index

may_write_when_full(control)

-- A Redis that rolled back may give another host the handle and the token that it has given us, for another job.
local function was_ours(job, h)
    return h.owner == LOST .. owner or h.id ~= '' and h.id == job.id
end

-- Whose is it?  WRITTEN: ours.  LATE: our lease ended, and nobody has claimed it since.
local function fence(job, h)
    if not h then
        return GONE
    end
    if h.token == job.token then
        if h.owner == owner then
            return WRITTEN
        end
        if not has_owner(h) and job.ends and was_ours(job, h) then
            return LATE
        end
    end
    if redis.call('ZSCORE', dead, job.handle) then
        return GONE
    end
    return STALE
end

local function count_attempt(job)
    local code = tonumber(job.code)
    bump('attempts', 1)
    bump(code >= 0 and code <= 999 and 'code:' .. job.code or 'code:other', 1)
end

-- Before the status is written: a job's price is the sum of its attempts, and the earlier ones are counted.  What
-- the journal found costs as much, though this claim sent nothing; only a first request has none before it.
local function count_spend(job)
    for i = 1, #job.fields, 2 do
        if job.fields[i] == 'price' then
            local first = job.sent and tonumber(job.attempts) <= 1
            local before = not first and redis.call('HGET', job.status, 'price') or nil
            local spent = micro(job.fields[i + 1]) - micro(before)
            if spent > 0 then
                bump('spend_micro', spent)
            end
        end
    end
end

-- A status that belongs to another job of the same id stays as it is: ours was never registered.
local function may_write_status(job, h)
    if job.id == '' or job.state == '' then
        return false
    end
    return h.id ~= '' or job.ends and redis.call('EXISTS', job.status) == 0
end

-- What reports have said of single recipients before the job came to this.
local function with_deliveries(job, recipients)
    local before = redis.call('HGET', job.status, 'recipients')
    if not before or not string.find(before, '"delivery":', 1, true) then
        return recipients
    end
    local known = {}
    job.told = {}
    for message, word, at in string.gmatch(before, '"id":"(%d+)"' .. DELIVERY) do
        known['"id":"' .. message .. '"'] = delivery_text(word, at)
        job.told[message] = is_final(word)
    end
    return (string.gsub(recipients, '"id":"%d+"', function(id)
        return known[id] and id .. known[id]
    end))
end

-- What a delivery report has written, with its time, is newer than the journal's word.
local function keep_deliveries(job)
    local fields = job.fields
    for i = #fields - 1, 1, -2 do
        if fields[i] == 'delivery' and redis.call('HGET', job.status, 'delivered_at') then
            table.remove(fields, i)
            table.remove(fields, i)
        elseif fields[i] == 'delivery' then
            job.arrived = fields[i + 1] == 'DELIVERED'
        elseif fields[i] == 'recipients' then
            fields[i + 1] = with_deliveries(job, fields[i + 1])
        end
    end
    return fields
end

local function write_status(job, h, next_at)
    local args = keep_deliveries(job)
    args[#args + 1] = 'state'
    args[#args + 1] = job.state
    args[#args + 1] = 'attempts'
    args[#args + 1] = job.attempts
    args[#args + 1] = 'updated_at'
    args[#args + 1] = now_text
    if h.id == '' then
        args[#args + 1] = 'created_at'
        args[#args + 1] = now_text
    elseif job.disposition == 'f' then
        redis.call('HDEL', job.status, 'next_at', 'reason', 'error', 'handle')
    else
        redis.call('HDEL', job.status, 'next_at', 'reason', 'error')
    end
    if job.disposition == 'd' then
        args[#args + 1] = 'handle'
        args[#args + 1] = job.dead_handle
    end
    if next_at then
        args[#args + 1] = 'next_at'
        args[#args + 1] = next_at
    end
    if job.reason ~= '' then
        args[#args + 1] = 'reason'
        args[#args + 1] = job.reason
    end
    redis.call('HSET', job.status, unpack(args))
    if job.first_error ~= '' then
        redis.call('HSETNX', job.status, 'first_error', job.first_error)
    end
    if job.ends then
        redis.call('PEXPIRE', job.status, retention)
    end
end

local function settle_ledger(job)
    if job.ledger_action == 'k' or #job.ledger == 0 then
        return
    end
    for i, holder in ipairs(redis.call('MGET', unpack(job.ledger))) do
        if holder == job.handle then
            if job.ledger_action == 'a' then
                redis.call('PEXPIRE', job.ledger[i], job.ledger_ms)
            else
                redis.call('DEL', job.ledger[i])
            end
        end
    end
end

-- A handle that stays behind in `ready` must not find its job again, so a dead job that was waiting there
-- gets a new one.
local function dead_handle(job, late)
    if not late or redis.call('ZREM', due, job.handle) == 1 then
        return job.handle
    end
    local handle = digits(redis.call('HINCRBY', counters, 'handle', 1))
    redis.call('HSET', jobs, handle, redis.call('HGET', jobs, job.handle) or '')
    job_end(job.handle)
    return handle
end

local function move(job, h, late)
    if job.disposition == 'f' then
        job_end(job.handle)
        if late then
            redis.call('ZREM', due, job.handle)
        end
        return
    end
    unlease(job.handle)
    h.waiting, h.attempts, h.uncertain, h.memo = job.waiting, job.attempts, job.uncertain, job.memo
    h.reason = job.reason ~= '' and job.reason or NOBODY
    h.owner, h.started = NOBODY, 0
    -- Recoveries count in a row: it came through.  What waits without a try keeps its count: an unanswered
    -- request's next moment, and what is given back.
    if job.disposition == 'd' or job.disposition == 'w' and (job.sent or job.uncertain == '0') then
        h.recoveries = 0
    end
    local handle = job.handle
    if job.disposition == 'd' then
        handle = job.dead_handle
        h.token = 0
        if job.state == 'unknown' then
            h.waiting, h.reason = 'u', 'uncertain'
        end
        redis.call('ZADD', dead, now, handle)
    else
        gauge(h, 1)
        if job.disposition == 'w' then
            redis.call('ZADD', due, job.next_at, handle)
        else
            redis.call('RPUSH', ready, handle)
        end
    end
    head_keep(handle, h)
end

-- What told that a message was taken though its answer was lost, when that ends the job.
local function count_witness(job)
    for i = 1, #job.fields, 2 do
        local value = job.fields[i + 1]
        if job.fields[i] == 'confirmed_by' and (value == 'journal' or value == 'reload_lock') then
            bump('uncertain:' .. value, 1)
        end
    end
end

-- Its messages lead to it from now on, and reports of them are awaited when it ends.
local function remember(job)
    for _, entry in ipairs(job.messages) do
        redis.call('SET', entry, job.id, 'PX', retention)
        local message = string.sub(entry, MESSAGE_AT)
        if job.ends and not job.arrived and not (job.told and job.told[message]) then
            await_report(message, pull_after)
        end
    end
    if job.ends and #job.messages > 0 then
        bump('messages', #job.messages)
    end
    if job.kept then
        keep_payload(job.kept, jobs, job.handle, tonumber(job.kept_ms), retention)
    end
end

-- Those of which nobody will tell any more go, and the oldest ones when they get too many.
local function trim_open()
    local most = math.min(OPEN_CHUNK, math.max(OPEN_TRIM, #opened))
    local old = redis.call('ZRANGEBYSCORE', open, '-inf', now - open_ms, 'LIMIT', 0, most)
    local excess = redis.call('ZCARD', open) - OPEN_MAX
    if #old == 0 and excess > 0 then
        old = redis.call('ZRANGE', open, 0, math.min(excess, most) - 1)
    end
    if #old > 0 then
        redis.call('ZREM', open, unpack(old))
        redis.call('ZREM', pull, unpack(old))
        bump('delivery:none', #old)
    end
end

local function open_messages()
    if #opened > 0 then
        awaited_write(open, pull)
        trim_open()
    end
end

local function tell(job)
    if job.callback == '1' then
        callback_due(callbacks, tries, job.id)
    elseif job.callback == '2' then
        callback(job.status, callbacks, tries, job.id)
    end
end

local function finish(job, h, late)
    if late then
        gauge(h, -1)
    end
    if job.sent then
        count_attempt(job)
    end
    count_spend(job)
    if job.disposition == 'd' then
        job.dead_handle = dead_handle(job, late)
    end
    if may_write_status(job, h) then
        write_status(job, h, job.next_at)
        event(events, events_cap, job.status, job.id, job.state, job.reason, job.code, job.attempts)
        h.id = job.id
        remember(job)
        if job.ends then
            tell(job)
        end
    end
    if job.ends then
        bump('outcome:' .. job.state, 1)
        count_witness(job)
    end
    settle_ledger(job)
    move(job, h, late)
end

local key, at = 13, 8

-- The next job of the call: its arguments and keys.
local function next_job()
    local job = { ledger = {}, messages = {}, fields = {} }
    local delay, sent, ledger_count, messages_count, fields_count
    job.handle, job.token, job.disposition, delay, job.waiting, job.reason, job.attempts, job.uncertain,
        job.id, job.state, job.code, sent, job.ledger_action, job.ledger_ms, ledger_count, messages_count,
        job.kept_ms, job.callback, job.memo, job.first_error, fields_count = unpack(ARGV, at + 1, at + 21)
    at = at + 21
    job.sent = sent == '1'
    job.ends = job.disposition == 'f' or job.disposition == 'd'
    if job.disposition == 'w' then
        job.next_at = digits(now + tonumber(delay))
    end
    for i = 1, 2 * fields_count do
        job.fields[i] = ARGV[at + i]
    end
    at = at + 2 * fields_count
    key = key + 1
    job.status = KEYS[key]
    for i = 1, tonumber(messages_count) do
        job.messages[i] = KEYS[key + i]
    end
    key = key + #job.messages
    if job.kept_ms ~= '0' then
        key = key + 1
        job.kept = KEYS[key]
    end
    for i = 1, tonumber(ledger_count) do
        job.ledger[i] = KEYS[key + i]
    end
    key = key + #job.ledger
    return job
end

local function forget(handles)
    if #handles > 0 then
        redis.call('ZREM', dead, unpack(handles))
        redis.call('HDEL', jobs, unpack(handles))
        redis.call('HDEL', heads, unpack(handles))
    end
end

local reply = { 0, now, 0 }
local batch = {}
for i = 1, tonumber(ARGV[8]) do
    batch[i] = next_job()
end
batch_read(heads, batch)
for _, job in ipairs(batch) do
    local h = head_of(job.handle)
    local code = fence(job, h)
    if code == WRITTEN or code == LATE then
        finish(job, h, code == LATE)
    end
    reply[#reply + 1] = code
end
batch_write(heads, jobs, leases)
open_messages()

forget(redis.call('ZRANGEBYSCORE', dead, '-inf', now - dead_ttl, 'LIMIT', 0, TRIM))
local excess = redis.call('ZCARD', dead) - dead_max
if excess > 0 then
    forget(redis.call('ZRANGE', dead, 0, math.min(excess, TRIM) - 1))
end
bumps_write(counters)
reply[3] = next_due(due)
return reply
