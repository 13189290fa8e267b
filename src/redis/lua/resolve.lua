-- resolve: settle a job whose request may or may not have been taken, by the word of an operator or of a
-- delivery report.
--
-- Such a job waits in due or ready, or lies in dead in state `unknown`; all others stay as they are.  A report, which
-- proves something, takes a job also from a worker that has not been admitted to send it once more, and must not be.
--
-- KEYS    1 status  2 heads  3 jobs  4 leases  5 ready  6 due  7 dead  8 control  9 counters  10 events
--         11 audit  12 callbacks  13 their tries  14 open  15 pull  16 kept  17 cancel  18 the entry of message_id in the
--         index, if there is one among the fields and messages are remembered
-- ARGV    1 id  2 word: sent, failed or resend  3 source: operator or report  4 who, for the audit
--         5 retention of a final status, ms  6 about how many events to keep, 0 none
--         7 the recipient that a report is about, or empty: not known  8 handle of a dead job whose status
--         has been forgotten, or empty  9 1 if messages are remembered when they have ended  10 how long before the
--         gateway is asked about one, ms, 0 never  11 types whose payload is kept then: sms, voice, with a comma in
--         between, or empty  12 number of fields, then name and value of each, for the status of a
--         job that was sent; message_id is added to those that are known
-- Returns code, server's time in ms, state before, uncertain since (unix ms or 0), attempts, why it was
--         uncertain, state after, milliseconds
--         codes: 0 done  1 no such job  2 not uncertain  3 leased, for so many ms  4 is so already
--         5 its payload is gone, it cannot be sent again  6 its time ran out at so many unix ms
--         7 it settles nothing: a report about one of several recipients, or others wait to be sent to
-- Changes for code 0: status, head, job; ready, due, dead, leases, counters, events, audit; callbacks, open, pull, kept,
--         index, cancel
-- Cost    one status, one head; a job that is not uncertain costs one read
--@include _clock.lua
--@include _head.lua
--@include _event.lua
--@include _money.lua
--@include _audit.lua
--@include _recipients.lua
--@include _delivery.lua
--@include _open.lua
--@include _callback.lua
--@include _kept.lua

local status, heads, jobs, leases, ready, due, dead, control, counters, events, audit_stream, callbacks, tries,
    open, pull, kept, cancel, entry = unpack(KEYS)
local id, word, source, who = unpack(ARGV, 1, 4)
local retention = tonumber(ARGV[5])
local events_cap = tonumber(ARGV[6])
local about, dead_handle = ARGV[7], ARGV[8]
local remembers = ARGV[9] == '1'
local pull_after = tonumber(ARGV[10])
local kept_types = ARGV[11]
local FIELDS = 12

local DONE, NONE, CERTAIN, LEASED, ALREADY, GONE, EXPIRED, SEVERAL = 0, 1, 2, 3, 4, 5, 6, 7

local state, handle, to, recipients, confirmed_by, why, attempts, code, updated_at, messages, delivery, job_type =
    unpack(redis.call('HMGET', status, 'state', 'handle', 'to', 'recipients', 'confirmed_by', 'error', 'attempts',
        'code', 'updated_at', 'message_id', 'delivery', 'type'))
local since, after = 0, ''

local function answer(result, milliseconds)
    return { result, now, state or '', tonumber(since) or 0, tonumber(attempts) or 0, why or '', after,
        milliseconds or 0 }
end

local forgotten = not state
if forgotten and dead_handle == '' then
    return answer(NONE)
end
if forgotten then
    handle = dead_handle
end

-- A handle that stayed behind when its job was trimmed names nothing, or another job.
local h = handle and head_read(redis.call('HGET', heads, handle))
if h and h.id ~= id then
    h = nil
end

-- The dead may be kept for longer than their status; the letter of an unknown one is the finishing script's.
if forgotten then
    if not h or h.waiting ~= 'u' or not redis.call('ZSCORE', dead, handle) then
        return answer(NONE)
    end
    state = 'unknown'
end

local leased = h and has_owner(h)
if leased and (source == 'operator' or word ~= 'sent' or h.started ~= '0' or h.uncertain == '0') then
    return answer(LEASED, math.max(0, (tonumber(redis.call('ZSCORE', leases, handle)) or now) - now))
end

local died = h and redis.call('ZSCORE', dead, handle)
local uncertain = state == 'unknown'
if h and not died then
    uncertain = h.waiting == 'u' or h.uncertain ~= '0'
end
if not uncertain then
    local resolved = confirmed_by == 'operator' or confirmed_by == 'report'
    local resent = h and not died and h.waiting == 'r' and h.reason == 'operator'
    -- What remains of a job that is said to have failed says so.
    local partial = state == 'partial' and resolved and word == (why and 'failed' or 'sent')
    if state == word or partial or word == 'resend' and resent then
        return answer(ALREADY)
    end
    return answer(CERTAIN)
end

since = died or updated_at
-- No settlement has counted its last attempt.
local lost = h and tonumber(h.attempts) > (tonumber(attempts) or 0)
if h then
    attempts = h.attempts
    if not died and h.uncertain ~= '0' then
        since = h.uncertain
    end
end

-- Nobody waits any more in a job that has ended, and a request that died with its worker may have gone to all.
local function reach()
    if not recipients then
        return source == 'operator' or not string.find(to or '', ',', 1, true)
    end
    local filled, waiting = recipients_fill(recipients, OPEN)
    if waiting > 0 and h and not died and not lost then
        return false
    end
    if source ~= 'operator' then
        local open = '"recipient":"' .. about .. '",' .. OPEN
        if select(2, string.gsub(filled, OPEN, '')) > 1 or not string.find(filled, open, 1, true) then
            return false
        end
    end
    recipients = string.gsub(filled, OPEN, REACHED)
    return true
end

if word == 'sent' and not reach() then
    return answer(SEVERAL)
end
if word == 'resend' then
    if not h then
        return answer(GONE)
    end
    if h.expires ~= '0' and tonumber(h.expires) <= now then
        return answer(EXPIRED, tonumber(h.expires))
    end
end

-- ---- From here on things change.

may_write_when_full(control)

-- Out of dead, due or a worker's hand.  What waits in ready, or apart in suspects, cannot be taken out of that list: the
-- handle stays behind there, and leads nowhere.
local in_ready = false
if h then
    if leased then
        redis.call('ZREM', leases, handle)
    elseif died then
        redis.call('ZREM', dead, handle)
    else
        in_ready = redis.call('ZREM', due, handle) == 0
        gauge(h, -1)
    end
end

local fields = { 'updated_at', now_text, 'attempts', tonumber(attempts) or 0 }
if forgotten then
    fields[#fields + 1] = 'created_at'
    fields[#fields + 1] = h.created
end

local function set(name, value)
    fields[#fields + 1] = name
    fields[#fields + 1] = value
end

-- The token goes too, so that nobody who held the job before can have a say any more.
local function keep(waiting, reason)
    h.waiting, h.reason, h.owner, h.uncertain, h.started, h.token = waiting, reason, NOBODY, 0, 0, 0
    redis.call('HSET', heads, handle, head_write(h))
    set('handle', handle)
end

local function add_fields()
    for i = 1, tonumber(ARGV[FIELDS]) do
        local name, value = ARGV[FIELDS - 1 + 2 * i], ARGV[FIELDS + 2 * i]
        if name == 'message_id' then
            if messages and messages ~= '' then
                value = string.find(',' .. messages .. ',', ',' .. value .. ',', 1, true) and messages
                    or messages .. ',' .. value
            end
            messages = value
            if entry then
                redis.call('SET', entry, id, 'PX', retention)
            end
        elseif name == 'price' then
            bump('spend_micro', math.max(0, micro(value) - micro(redis.call('HGET', status, name))))
        end
        set(name, value)
    end
end

-- Reports are awaited of what was taken, but for those that have come.
local function await_reports()
    for message in string.gmatch(remembers and messages or '', '[^,]+') do
        local word = delivery or recipient_delivery(recipients or '', message)
        if not is_final(word or '') then
            await_report(message, pull_after)
        end
        bump('messages', 1)
    end
    awaited_write(open, pull)
end

-- A report may yet say that it has failed; of several recipients none is sent to again.
local function keep_for_a_report()
    if not h or string.find(to or '', ',', 1, true) or tonumber(h.expires) <= now
        or not string.find(',' .. kept_types .. ',', ',' .. (job_type or '?') .. ',', 1, true) then
        return
    end
    keep_payload(kept, jobs, handle, tonumber(h.expires) - now, retention)
end

local function end_as(new_state)
    after = new_state
    if after == 'sent' then
        keep_for_a_report()
    end
    if h then
        redis.call('HDEL', heads, handle)
        redis.call('HDEL', jobs, handle)
    end
    redis.call('HDEL', status, 'next_at', 'reason', 'error', 'handle')
    if recipients then
        set('recipients', recipients)
    end
    set('confirmed_by', source)
    set('sent_at', now_text)
end

local function end_as_sent()
    end_as(recipients and string.find(recipients, REFUSED, 1, true) and 'partial' or 'sent')
    add_fields()
    await_reports()
end

local function end_as_failed()
    local by = source == 'operator' and 'an operator' or 'a report'
    local before = why and '; before that: ' .. why or ''
    if recipients and string.find(recipients, REACHED, 1, true) then
        recipients = string.gsub(recipients_fill(recipients, REFUSED), OPEN, REFUSED)
        end_as('partial')
        set('error', 'not sent to the others, by the word of ' .. by .. before)
        await_reports()
        return
    end
    after = 'failed'
    redis.call('HDEL', status, 'next_at', 'reason')
    set('error', 'not sent, by the word of ' .. by .. before)
    if not h then
        return
    end
    if in_ready then
        -- What stays behind in ready must not find the job again.
        local new = digits(redis.call('HINCRBY', counters, 'handle', 1))
        redis.call('HSET', jobs, new, redis.call('HGET', jobs, handle) or '')
        redis.call('HDEL', jobs, handle)
        redis.call('HDEL', heads, handle)
        handle = new
    end
    redis.call('ZADD', dead, now, handle)
    keep('r', NOBODY)
end

local function send_again()
    after = 'retrying'
    redis.call('HDEL', status, 'next_at', 'error')
    -- One that did not meet the job while a worker had it in hand; this word is the newer one.
    redis.call('DEL', cancel)
    set('reason', 'operator')
    if not in_ready then
        redis.call('LPUSH', ready, handle)
    end
    h.recoveries = 0
    keep('r', 'operator')
    gauge(h, 1)
end

if word == 'sent' then
    end_as_sent()
elseif word == 'failed' then
    end_as_failed()
else
    send_again()
end
set('state', after)
redis.call('HSET', status, unpack(fields))
if word == 'resend' then
    redis.call('PERSIST', status)
else
    redis.call('PEXPIRE', status, retention)
    bump('outcome:' .. after, 1)
    callback(status, callbacks, tries, id)
end
bump('uncertain:' .. source, 1)
event(events, events_cap, status, id, after, word == 'resend' and 'operator' or '', code or 0, attempts or 0)
audit(audit_stream, who, 'resolve ' .. word, id, state, after)
bumps_write(counters)
return answer(DONE)
