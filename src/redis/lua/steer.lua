-- steer: what an operator does to jobs.
--
--   hold     out of the line, until somebody releases it; its ttl runs on
--   release  what is held, for whatever cause, tries again: now, or when its delay is over
--   cancel   it ends, unsent; one that nobody has claimed, or somebody has in hand, ends at its next admission
--   expire   the same, as if its ttl had run out
--   retry    what waits for a time goes into the line now; all else about it stays
--   requeue  from the beginning: no attempts, nothing learnt, its ttl's clock anew; for those in dead, too, whose
--            earlier cancel, which has not met them while a worker had them in hand, is taken back
--   delete   out of dead, with payload and record; the status stays
--
-- KEYS    1 heads  2 jobs  3 ready  4 due  5 dead  6 control  7 counters  8 events  9 audit
--         10 callbacks  11 their tries
--         then per job: status, cancel
-- ARGV    1 operation  2 who and  3 what chose the jobs, both for the audit  4 retention of a final status, ms
--         5 about how many events to keep, 0 none  6 the audit's line of an earlier call of the same command, or
--         empty: it is replaced by one about both  7 jobs, at most 64
--         then per job: id, or empty: it was never admitted  handle, or empty: as its status says
-- Returns 0, server's time in ms, the audit's line or empty; then per job: code, state before, state after
--         codes: 0 done  1 no such job  2 a worker has it in hand  3 its state does not allow it  4 is so already
--         5 its payload is gone  6 it may have been sent: nothing was done  7 it may have been sent: it ended as
--         unknown  8 some of its recipients were reached  9 an operator holds it  10 never admitted
--         11 a tombstone was left: it ends at its next admission  12 another job has its id by now
-- Changes per job: head, job, status, cancel; ready, due, dead, counters, events, audit, callbacks
-- Cost    per job: one status, one head, a few writes
--@include _clock.lua
--@include _head.lua
--@include _event.lua
--@include _recipients.lua
--@include _callback.lua

local heads, jobs, ready, due, dead, control, counters, events, audit_stream, callbacks, tries = unpack(KEYS, 1, 11)
local operation, who, chosen_by = unpack(ARGV, 1, 3)
local retention = tonumber(ARGV[4])
local events_cap = tonumber(ARGV[5])
local line = ARGV[6]
local count = math.min(tonumber(ARGV[7]), 64)

local DONE, NONE, IN_HAND, STATE, ALREADY, GONE = 0, 1, 2, 3, 4, 5
local UNCERTAIN, UNKNOWN, PARTLY, HELD, EARLY, LEFT, TAKEN = 6, 7, 8, 9, 10, 11, 12

-- The end of the year 9999: everybody who reads due times can print it.
local NEVER = 253402300799000

local AUDIT_CAP = 1000
local AUDIT_TTL = 400 * 86400000
local AUDIT_IDS = 64

may_write_when_full(control)

-- ---- one job ----

local function read_status(job)
    if job.id ~= '' then
        job.state, job.known_handle, job.recipients, job.why, job.code =
            unpack(redis.call('HMGET', job.status, 'state', 'handle', 'recipients', 'error', 'code'))
    end
    job.state = job.state or nil
end

-- A handle from before may name nothing by now, or another job; then the status may know better.
local function find(job)
    for _, handle in ipairs({ job.handle, job.known_handle or '' }) do
        local record = handle ~= '' and redis.call('HGET', heads, handle)
        local h = record and head_read(record)
        if h and h.id == job.id then
            job.handle = handle
            return h
        end
        if record and not h and redis.call('ZSCORE', dead, handle) then
            job.handle, job.unreadable = handle, true
            return nil
        end
    end
end

local function place_of(job)
    if redis.call('ZSCORE', dead, job.handle) then
        return 'dead'
    end
    return redis.call('ZSCORE', due, job.handle) and 'due' or 'ready'
end

local function state_of(job, h)
    if job.state then
        return job.state
    end
    return job.place == 'dead' and (h.waiting == 'u' and 'unknown' or 'failed') or ''
end

local function may_have_been_sent(job, h)
    if job.place == 'dead' then
        return job.before == 'unknown' or h.waiting == 'u'
    end
    return h.waiting == 'u' or h.uncertain ~= '0'
end

local function has_payload(job)
    return redis.call('HEXISTS', jobs, job.handle) == 1
end

-- What waits in ready, or apart in suspects, cannot be taken out of that list: the handle stays behind there and
-- must not find its job again, so the job gets a new one.
local function leave_line(job)
    if job.place == 'due' then
        redis.call('ZREM', due, job.handle)
    elseif job.place == 'dead' then
        redis.call('ZREM', dead, job.handle)
    else
        local new = digits(redis.call('HINCRBY', counters, 'handle', 1))
        redis.call('HSET', jobs, new, redis.call('HGET', jobs, job.handle) or '')
        redis.call('HDEL', jobs, job.handle)
        redis.call('HDEL', heads, job.handle)
        job.handle = new
    end
end

-- The job stays in ready if it is there.
local function enter_line(job)
    if job.place ~= 'ready' then
        redis.call('ZREM', job.place == 'dead' and dead or due, job.handle)
        redis.call('LPUSH', ready, job.handle)
    end
end

local function keep(job, h)
    redis.call('HSET', heads, job.handle, head_write(h))
end

-- `more` is a list of names and values.
local function write_status(job, h, state, more)
    if job.id == '' then
        return
    end
    if not job.state then
        more[#more + 1] = 'created_at'
        more[#more + 1] = h.created ~= '0' and h.created or now_text
    end
    redis.call('HDEL', job.status, 'next_at', 'reason', 'handle')
    redis.call('HSET', job.status, 'state', state, 'updated_at', now_text, 'attempts', h.attempts, unpack(more))
end

local function told(job, h, state, reason)
    event(events, events_cap, job.status, job.id, state, reason, job.code or 0, h.attempts)
end

local function told_end(job, h, state)
    told(job, h, state, '')
    callback(job.status, callbacks, tries, job.id)
end

-- ---- operations ----

local function hold(job, h)
    if h.waiting == 'h' and h.reason == 'operator' then
        return ALREADY
    end
    if may_have_been_sent(job, h) then
        return UNCERTAIN
    end
    gauge(h, -1)
    leave_line(job)
    h.waiting, h.reason = 'h', 'operator'
    redis.call('ZADD', due, digits(NEVER), job.handle)
    keep(job, h)
    gauge(h, 1)
    write_status(job, h, 'held', { 'reason', 'operator', 'handle', job.handle })
    told(job, h, 'held', 'operator')
    return DONE, 'held'
end

local function release(job, h)
    if h.waiting ~= 'h' then
        return h.reason == 'operator' and job.place == 'ready' and ALREADY or STATE
    end
    local state = 'retrying'
    local more = { 'handle', job.handle }
    gauge(h, -1)
    if h.uncertain ~= '0' then
        h.waiting, h.reason = 'u', 'uncertain'
    elseif h.attempts == '0' then
        state, h.waiting, h.reason = 'scheduled', 's', NOBODY
    else
        h.waiting, h.reason = 'r', 'operator'
    end
    if state == 'scheduled' and tonumber(h.due) > now and job.place == 'due' then
        redis.call('ZADD', due, h.due, job.handle)
        more[3], more[4] = 'next_at', h.due
    else
        enter_line(job)
        more[3], more[4] = 'next_at', now_text
    end
    if h.reason ~= NOBODY then
        more[5], more[6] = 'reason', h.reason
    end
    keep(job, h)
    gauge(h, 1)
    write_status(job, h, state, more)
    told(job, h, state, h.reason == NOBODY and '' or h.reason)
    return DONE, state
end

local function retry(job, h)
    if h.waiting == 'h' and h.reason == 'operator' then
        return HELD
    end
    if job.place == 'ready' then
        return ALREADY
    end
    if not has_payload(job) then
        return GONE
    end
    enter_line(job)
    if tonumber(h.due) > now then
        h.due = now_text
        keep(job, h)
    end
    if job.state then
        redis.call('HSET', job.status, 'next_at', now_text, 'updated_at', now_text)
    end
    return DONE, job.before
end

-- Of several recipients some may have been reached; then that is what the job ends as.
local function finish(job, h, state, why)
    local more = {}
    if job.recipients and string.find(job.recipients, REACHED, 1, true) then
        local recipients = string.gsub(recipients_fill(job.recipients, REFUSED), OPEN, REFUSED)
        more = { 'recipients', recipients, 'error', why .. ' by an operator before it was sent to the others' }
        state = 'partial'
    else
        redis.call('HDEL', job.status, 'error')
    end
    gauge(h, -1)
    redis.call('ZREM', due, job.handle)
    redis.call('HDEL', heads, job.handle)
    redis.call('HDEL', jobs, job.handle)
    write_status(job, h, state, more)
    redis.call('PEXPIRE', job.status, retention)
    bump('outcome:' .. state, 1)
    told_end(job, h, state)
    return DONE, state
end

-- As admit.lua does: nobody sends it again, and a person decides what became of it.
local function end_as_unknown(job, h)
    gauge(h, -1)
    leave_line(job)
    redis.call('ZADD', dead, now, job.handle)
    h.waiting, h.reason, h.owner, h.token, h.started, h.recoveries = 'u', 'uncertain', NOBODY, 0, 0, 0
    keep(job, h)
    write_status(job, h, 'unknown', {
        'error', 'cancelled, but whether an earlier request was accepted is not known', 'handle', job.handle,
    })
    redis.call('PEXPIRE', job.status, retention)
    bump('outcome:unknown', 1)
    told_end(job, h, 'unknown')
    return UNKNOWN, 'unknown'
end

local function cancel(job, h)
    if may_have_been_sent(job, h) then
        return end_as_unknown(job, h)
    end
    return finish(job, h, 'cancelled', 'cancelled')
end

local function expire(job, h)
    if may_have_been_sent(job, h) then
        return UNCERTAIN
    end
    return finish(job, h, 'expired', 'expired')
end

-- What was never admitted is new to its next worker, too, who must not take it for a duplicate of itself.
local function requeue_unadmitted(job, h)
    if job.id ~= '' then
        redis.call('DEL', job.status)
    end
    h.waiting, h.reason, h.id = 'n', NOBODY, ''
    keep(job, h)
    return DONE, ''
end

local function requeue(job, h)
    if may_have_been_sent(job, h) then
        return UNCERTAIN
    end
    if h.waiting == 'h' and h.reason == 'operator' then
        return HELD
    end
    if job.place == 'ready' and h.waiting == 'r' and h.reason == 'operator' and h.attempts == '0' then
        return ALREADY
    end
    if job.recipients and string.find(job.recipients, REACHED, 1, true) then
        return PARTLY
    end
    if not has_payload(job) then
        return GONE
    end
    if job.place ~= 'dead' then
        gauge(h, -1)
    end
    if job.place == 'dead' and job.id ~= '' then
        redis.call('DEL', job.cancel)
    end
    enter_line(job)
    h.attempts, h.recoveries, h.owner, h.token, h.started, h.memo = '0', '0', NOBODY, 0, 0, ''
    if h.created == '0' then
        return requeue_unadmitted(job, h)
    end
    if h.expires ~= '0' then
        h.expires = digits(now + tonumber(h.expires) - tonumber(h.due))
    end
    h.due = now_text
    h.waiting, h.reason = 'r', 'operator'
    keep(job, h)
    gauge(h, 1)
    redis.call('HDEL', job.status, 'error', 'first_error', 'code')
    write_status(job, h, 'retrying', { 'reason', 'operator', 'handle', job.handle, 'next_at', now_text })
    redis.call('PERSIST', job.status)
    told(job, h, 'retrying', 'operator')
    return DONE, 'retrying'
end

local function delete(job)
    redis.call('ZREM', dead, job.handle)
    redis.call('HDEL', heads, job.handle)
    redis.call('HDEL', jobs, job.handle)
    if job.known_handle == job.handle then
        redis.call('HDEL', job.status, 'handle')
    end
    return DONE, job.before
end

local waiting_only = { hold = hold, release = release, retry = retry, cancel = cancel, expire = expire }

-- ---- which of them, and whether ----

local function leave_tombstone(job)
    redis.call('SET', job.cancel, 1, 'PX', retention)
    return LEFT
end

local function steer_ended(job)
    local is = job.state
    if not is then
        return operation == 'cancel' and job.id ~= '' and leave_tombstone(job) or NONE
    end
    if operation == 'cancel' and is == 'cancelled' or operation == 'expire' and is == 'expired' then
        return ALREADY
    end
    local kept = is == 'failed' or is == 'invalid' or is == 'unknown'
    return kept and (operation == 'requeue' or operation == 'delete') and GONE or STATE
end

local function steer(job)
    read_status(job)
    local h = find(job)
    job.before = job.state or ''
    if job.unreadable then
        return operation == 'delete' and delete(job) or STATE
    end
    if not h then
        return steer_ended(job)
    end
    if has_owner(h) then
        return operation == 'cancel' and job.id ~= '' and leave_tombstone(job) or IN_HAND
    end
    job.place = place_of(job)
    -- The dead may be kept for longer than their status, and then their id is free.
    if job.state and job.known_handle ~= job.handle then
        if operation ~= 'delete' then
            return TAKEN
        end
        job.state = nil
    end
    job.before = state_of(job, h)
    if h.id == '' and job.place ~= 'dead' then
        return EARLY
    end
    if operation == 'requeue' then
        return requeue(job, h)
    end
    if operation == 'delete' then
        if job.place ~= 'dead' then
            return STATE
        end
        return may_have_been_sent(job, h) and UNCERTAIN or delete(job)
    end
    if job.place == 'dead' then
        return STATE
    end
    return waiting_only[operation](job, h)
end

-- ---- the audit: one line per command ----

local function audit(ids, done)
    local earlier = line ~= '' and redis.call('XREVRANGE', audit_stream, line, line)[1]
    if earlier then
        local fields = {}
        for i = 1, #earlier[2], 2 do
            fields[earlier[2][i]] = earlier[2][i + 1]
        end
        done = done + (tonumber(fields.count) or 0)
        local before = {}
        for id in string.gmatch(fields.id or '', '%S+') do
            before[#before + 1] = id
        end
        for _, id in ipairs(ids) do
            before[#before + 1] = id
        end
        ids = before
        redis.call('XDEL', audit_stream, line)
    end
    local new = redis.call('XADD', audit_stream, 'MAXLEN', '~', AUDIT_CAP, '*', 'who', who, 'what', operation,
        'id', table.concat(ids, ' ', 1, math.min(#ids, AUDIT_IDS)), 'count', done, 'chosen_by', chosen_by,
        'at', now_text)
    redis.call('PEXPIRE', audit_stream, digits(AUDIT_TTL))
    return new
end

local reply = { 0, now, line }
local ids, done = {}, 0
for i = 1, count do
    local job = { id = ARGV[6 + 2 * i], handle = ARGV[7 + 2 * i], status = KEYS[10 + 2 * i], cancel = KEYS[11 + 2 * i] }
    local code, after = steer(job)
    if code == DONE or code == UNKNOWN or code == LEFT then
        done = done + 1
        ids[#ids + 1] = job.id ~= '' and job.id or '#' .. job.handle
    end
    reply[#reply + 1] = code
    reply[#reply + 1] = job.before or ''
    reply[#reply + 1] = after or ''
end
if done > 0 then
    reply[3] = audit(ids, done)
end
bumps_write(counters)
return reply
