-- report: write into a job's status what a delivery report says about its message.  What is said twice, or out of
-- order, does not take a delivery back: a final word goes before one that is not, then the later one before the
-- earlier.
--
-- Of a job with one recipient the way of its message is kept, too.  With several recipients each has a delivery of its
-- own, found by the id of its message; the job's is the least of those who were reached, when all of these are final.
--
-- KEYS    1 status  2 control  3 counters  4 events  5 open  6 pull  7 callbacks  8 their tries  9 kept
--         10 the message's entry in the index, if messages are remembered and the report names one
-- ARGV    1 the job's id  2 the message's id or empty  3 delivery or empty  4 when that was, unix ms, 0 unknown
--         5 about how many events to keep, 0 none  6 how long the entry lives, ms  7 1 if messages are remembered
--         8 how long before the gateway is asked about one, ms, 0 never  9 number of fields, then name and value of
--         each: they belong to the delivery
-- Returns code, state, 1 if the payload is kept and by what is known now may be sent again
--         codes: 0 noted  1 nothing new  2 no such job  3 noted as evidence: nobody knows whose of several recipients
--         the message is  4 the job has another message
-- Changes status, counters (`reported_at` is when the last report of a job of ours came), events, open, pull, callbacks,
--         kept, index
-- Cost    one status
--@include _clock.lua
--@include _head.lua
--@include _event.lua
--@include _recipients.lua
--@include _delivery.lua
--@include _open.lua
--@include _callback.lua

local status, control, counters, events, open, pull, callbacks, tries, kept, entry = unpack(KEYS)
local id, message, delivery = unpack(ARGV, 1, 3)
local at = tonumber(ARGV[4])
local events_cap = tonumber(ARGV[5])
local entry_ms = tonumber(ARGV[6])
local remembers = ARGV[7] == '1'
local pull_after = tonumber(ARGV[8])
local FIELDS = 9

local NOTED, NOTHING_NEW, NONE, SEVERAL, OTHER = 0, 1, 2, 3, 4

-- Ids of messages that nobody has told us but reports, at most so many bytes of them.
local EVIDENCE_MAX = 1024

-- As redis/report.h tells them.
local DELAYS = { 5000, 15000, 30000, 60000, 300000, 600000, 3600000, 21600000, 86400000 }

-- What another message may mend, and what ends the wish for one.  UNKNOWN is neither: a later word may be either.
local MENDABLE = { FAILED = true, EXPIRED = true, ['no-answer'] = true, failed = true }
local SETTLED = { DELIVERED = true, REJECTED = true, NOTDELIVERED = true, completed = true }
local ARRIVED = { DELIVERED = true, completed = true }

local state, to, known, old, old_at, evidence, recipients, path, callback_url = unpack(redis.call('HMGET', status,
    'state', 'to', 'message_id', 'delivery', 'delivered_at', 'reported_ids', 'recipients', 'delivery_path',
    'callback_url'))
if not state then
    return { NONE, '', 0 }
end
known, recipients = known or '', recipients or ''
if at == 0 then
    at = now
end

local function contains(list, word)
    return list and string.find(',' .. list .. ',', ',' .. word .. ',', 1, true)
end

local function goes_forward(before, before_at)
    local rank, before_rank = rank_of(delivery), rank_of(before or '')
    if not rank or delivery == before then
        return false
    end
    if not before_rank then
        return true
    end
    if (rank >= FINAL) ~= (before_rank >= FINAL) then
        return rank >= FINAL
    end
    before_at = tonumber(before_at) or 0
    if at ~= before_at then
        return at > before_at
    end
    return rank > before_rank
end

local fields, moved = {}, false

local function set(name, value)
    fields[#fields + 1] = name
    fields[#fields + 1] = value
end

-- ---- one of several recipients ----

local function note_evidence()
    -- Whose message it is does not stand in a report.
    if message == '' or contains(evidence, message) or #(evidence or '') + #message >= EVIDENCE_MAX then
        return { NOTHING_NEW, state, 0 }
    end
    may_write_when_full(control)
    redis.call('HSET', status, 'reported_ids', evidence and evidence .. ',' .. message or message)
    return { SEVERAL, state, 0 }
end

-- What became of all who were reached: nil unless that is known of each.  It ends with the first of whom it is not, for
-- of thousands of recipients as many reports come.
local function least()
    local word, last = nil, 0
    local _, at = string.find(recipients, REACHED, 1, true)
    while at do
        local of_one, when = string.match(recipients, '^,"id":"%d+"' .. DELIVERY, at + 1)
        if not of_one or not is_final(of_one) then
            return nil
        end
        last = math.max(last, tonumber(when))
        if not word or rank_of(of_one) < rank_of(word) then
            word = of_one
        end
        _, at = string.find(recipients, REACHED, at + 1, true)
    end
    return word, digits(last)
end

local function note_recipient(word, when)
    if goes_forward(word, when) then
        moved = true
        recipients = recipient_deliver(recipients, message, delivery, digits(at))
        set('recipients', recipients)
        bump('delivery:' .. delivery, 1)
    end
    local all, last
    if is_final(delivery) then
        all, last = least()
    end
    if all and (state == 'sent' or state == 'partial') and (all ~= old or last ~= old_at) then
        moved = true
        set('delivery', all)
        set('delivered_at', last)
    end
end

-- ---- the only recipient ----

-- By time, each word once; nil: it is in there.
local function path_with(word)
    local way, place = {}, 1
    for before, when in string.gmatch(path or '', '([%a-]+)@(%d+)') do
        if before == word then
            return nil
        end
        way[#way + 1] = before .. '@' .. when
        when = tonumber(when)
        if when < at or when == at and (rank_of(before) or 0) < rank_of(word) then
            place = #way + 1
        end
    end
    table.insert(way, place, word .. '@' .. digits(at))
    return table.concat(way, ',')
end

local function learn_message()
    known = message
    set('message_id', message)
    if entry then
        redis.call('SET', entry, id, 'PX', entry_ms)
    end
    -- Of a job that has not ended the settlement will do that.
    if remembers and (state == 'sent' or state == 'partial') and not is_final(delivery) then
        await_report(message, pull_after)
        awaited_write(open, pull)
        bump('messages', 1)
    end
end

local function note_only()
    if message ~= '' and known == '' then
        learn_message()
    end
    local way = rank_of(delivery) and path_with(delivery)
    if way then
        set('delivery_path', way)
    end
    if goes_forward(old, old_at) then
        moved = true
        for i = 1, 2 * tonumber(ARGV[FIELDS]) do
            fields[#fields + 1] = ARGV[FIELDS + i]
        end
        set('delivery', delivery)
        set('delivered_at', digits(at))
        bump('delivery:' .. delivery, 1)
        old = delivery
    end
end

-- ---- what follows from it ----

local function count_delay(accepted)
    local delay = math.max(0, math.min(at, now) - accepted)
    local bound = 'over'
    for i = #DELAYS, 1, -1 do
        if delay <= DELAYS[i] then
            bound = DELAYS[i]
        end
    end
    bump('delivery_ms:' .. bound, 1)
    bump('delivery_ms:sum', delay)
end

-- Nothing more is awaited of the message; so its delay is counted once, whoever repeats the word.
local function close_message()
    local of = message
    if of == '' and not string.find(known, ',', 1, true) then
        of = known
    end
    if of == '' or not is_final(delivery) then
        return
    end
    local accepted = redis.call('ZSCORE', open, of)
    if accepted and ARRIVED[delivery] then
        count_delay(tonumber(accepted))
    end
    if accepted then
        redis.call('ZREM', open, of)
    end
    redis.call('ZREM', pull, of)
end

local function may_resend()
    if SETTLED[old] then
        redis.call('DEL', kept)
    end
    return MENDABLE[old] and redis.call('EXISTS', kept) or 0
end

local several = string.find(to or '', ',', 1, true)
local word, when, place
if several then
    word, when, place = recipient_delivery(recipients, message)
    if message == '' or not place and not contains(known, message) then
        return note_evidence()
    end
elseif message ~= '' and known ~= '' and not contains(known, message) then
    return { OTHER, state, 0 }
end

may_write_when_full(control)
if place then
    note_recipient(word, when)
elseif not several then
    note_only()
end
close_message()
if #fields > 0 then
    redis.call('HSET', status, unpack(fields))
end
if moved then
    event_delivery(events, events_cap, status, id, state, message, delivery)
    if callback_url then
        callback_due(callbacks, tries, id)
    end
end
redis.call('HSET', counters, 'reported_at', now_text)
bumps_write(counters)
return { #fields > 0 and NOTED or NOTHING_NEW, state, several and 0 or may_resend() }
