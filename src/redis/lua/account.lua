-- account: what all workers of one gateway account share: is it usable, who tries it, its limits.
--
--   open --pause--> paused --balance readable--> trial --one job got through--> open
--                     ^                            |
--                     +--------- refused again ----+         an operator's resume opens from anywhere
--
-- KEYS    1 control (hash)  2 log (stream of state changes; its entries only wake the readers)  3 audit (stream)
-- ARGV    1 operation, then its arguments:
--         read
--         pause       2 reason  3 code  4 text  5 longest distance of probes in ms; reason `paused` is an
--                     operator's and ends by resume only  6 who and 7 why, for the audit; without them it is no
--                     operator's, and not audited
--         resume      2 who and 3 why, likewise
--         probe       2 who  3 lease in ms; may I ask for the balance now?
--         probed      2 1 if the account looks usable  3 longest distance of probes in ms
--         trial-take  2 who  3 lease in ms; may I send the one job that tries it?
--         trial-done  2 who  3 good, bad or none (not sent)  4 reason  5 code  6 text
--                     7 longest distance of probes in ms
--         balance     2 millionths
--         journal     2 yes or no: may the key read the gateway's journal?
--         lock        2 on, off, or empty: not known any more  3 text: how that is known
--         turn        2 what for  3 who  4 lease in ms; may I do now what one process at a time does?  0 gives it back
--         grant       2 name of a limit  3 per second  4 bucket's size  5 tokens wanted
-- Returns code, server's time in ms, then
--         read        state, reason, code, text, since (unix ms), balance (millionths or empty), its time
--                     (unix ms or 0), ms to next probe or -1, ms until a trial may be taken or -1,
--                     id of the newest entry of the log,
--                     journal (yes, no or empty), its time (unix ms or 0),
--                     lock (on, off or empty), its time (unix ms or 0), text
--         grant       tokens given, ms until one more could be had or -1
--         others      ms to wait (when code is 1), else 0
--         code: 0 done  1 not now, or changes nothing  2 unknown operation
-- Changes control, log (about 100 entries), audit; all are forgotten 400 days after the last use
-- Cost    one hash
--@include _clock.lua
--@include _head.lua
--@include _audit.lua

local control, log, audit_stream = KEYS[1], KEYS[2], KEYS[3]
local KEEP_MS = 400 * 24 * 3600 * 1000
local PROBE_FIRST_MS = 60000
local DONE, NO = 0, 1

may_write_when_full(control)

local function get(...)
    return unpack(redis.call('HMGET', control, ...))
end

local function number(field)
    return tonumber(redis.call('HGET', control, field) or 0)
end

local function set(...)
    redis.call('HSET', control, ...)
end

local function keep()
    redis.call('PEXPIRE', control, KEEP_MS)
end

local function change(state, reason, code, text)
    redis.call('HDEL', control, 'trial:owner', 'trial:until', 'probe:until')
    set('state', state, 'reason', reason, 'code', code, 'text', text, 'since', now_text)
    redis.call('XADD', log, 'MAXLEN', '~', 100, '*', 'state', state, 'reason', reason, 'code', code,
        'text', text, 'at', now_text)
    redis.call('PEXPIRE', log, KEEP_MS)
end

-- Readers look at the whole state whenever the log has something new.
local function wake(field, value)
    redis.call('XADD', log, 'MAXLEN', '~', 100, '*', field, value, 'at', now_text)
    redis.call('PEXPIRE', log, KEEP_MS)
end

-- The next probe is `gap` away, the one after it twice as far.
local function probe_later(longest)
    local gap = math.min(math.max(number('probe:gap'), PROBE_FIRST_MS), longest)
    set('probe:at', digits(now + gap), 'probe:gap', digits(gap * 2))
end

local function pause(reason, code, text, longest)
    local state, why = get('state', 'reason')
    if state == 'paused' and (why == reason or why == 'paused') then
        return NO
    end
    if not state or state == 'open' then
        redis.call('HDEL', control, 'probe:gap')
    end
    probe_later(math.min(longest, PROBE_FIRST_MS))
    change('paused', reason, code, text)
    return DONE
end

-- Milliseconds until a probe may be made; -1: none is wanted.
local function probe_wait()
    local state, reason, at, held = get('state', 'reason', 'probe:at', 'probe:until')
    if state ~= 'paused' or reason == 'paused' then
        return -1
    end
    return math.max(0, tonumber(at or 0) - now, tonumber(held or 0) - now)
end

local function trial_wait()
    local state, held = get('state', 'trial:until')
    if state ~= 'trial' then
        return -1
    end
    return math.max(0, tonumber(held or 0) - now)
end

local operations = {}

operations['read'] = function()
    local state, reason, code, text, since, balance, balance_at =
        get('state', 'reason', 'code', 'text', 'since', 'balance', 'balance:at')
    local journal, journal_at, lock, lock_at, lock_why =
        get('journal', 'journal:at', 'lock', 'lock:at', 'lock:why')
    local newest = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
    return {
        DONE, now, state or 'open', reason or '', code or '', text or '', tonumber(since or 0),
        balance or '', tonumber(balance_at or 0), probe_wait(), trial_wait(), newest and newest[1] or '0-0',
        journal or '', tonumber(journal_at or 0), lock or '', tonumber(lock_at or 0), lock_why or '',
    }
end

-- What the account is, for the audit.
local function condition()
    local state, text = get('state', 'text')
    return (state or 'open') .. (text and text ~= '' and ': ' .. text or '')
end

local function audited(before, who, why)
    if who and who ~= '' then
        audit(audit_stream, who, ARGV[1], '', before, why or '')
    end
end

operations['pause'] = function()
    local before = condition()
    local code = pause(ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]))
    if code == DONE then
        audited(before, ARGV[6], ARGV[7])
    end
    return { code, now, 0 }
end

operations['resume'] = function()
    local state = get('state')
    if not state or state == 'open' then
        return { NO, now, 0 }
    end
    audited(condition(), ARGV[2], ARGV[3])
    change('open', '', 0, '')
    return { DONE, now, 0 }
end

operations['probe'] = function()
    local wait = probe_wait()
    if wait ~= 0 then
        return { NO, now, wait }
    end
    set('probe:until', digits(now + tonumber(ARGV[3])))
    return { DONE, now, 0 }
end

operations['probed'] = function()
    if probe_wait() < 0 then
        return { NO, now, 0 }
    end
    if ARGV[2] == '1' then
        local reason, code, text = get('reason', 'code', 'text')
        change('trial', reason, code, text)
    else
        redis.call('HDEL', control, 'probe:until')
        probe_later(tonumber(ARGV[3]))
    end
    return { DONE, now, 0 }
end

operations['trial-take'] = function()
    local wait = trial_wait()
    if wait ~= 0 then
        return { NO, now, wait }
    end
    set('trial:owner', ARGV[2], 'trial:until', digits(now + tonumber(ARGV[3])))
    return { DONE, now, 0 }
end

-- What a job got through says is true whoever sent it; that one was refused or not sent counts only from
-- who still holds the trial.  A worker may send its next job as a trial before it has heard that the one before
-- opened the account: what that is refused for is a pause like any other.
operations['trial-done'] = function()
    local state, owner = get('state', 'trial:owner')
    if ARGV[3] == 'bad' and (not state or state == 'open') then
        return { pause(ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])), now, 0 }
    end
    if state ~= 'trial' or (ARGV[3] ~= 'good' and owner ~= ARGV[2]) then
        return { NO, now, 0 }
    end
    if ARGV[3] == 'good' then
        redis.call('HDEL', control, 'probe:gap', 'probe:at')
        change('open', '', 0, '')
    elseif ARGV[3] == 'bad' then
        probe_later(tonumber(ARGV[7]))
        change('paused', ARGV[4], ARGV[5], ARGV[6])
    else
        redis.call('HDEL', control, 'trial:owner', 'trial:until')
    end
    return { DONE, now, 0 }
end

operations['balance'] = function()
    set('balance', ARGV[2], 'balance:at', now_text)
    return { DONE, now, 0 }
end

operations['journal'] = function()
    local before = get('journal')
    set('journal', ARGV[2], 'journal:at', now_text)
    if before == ARGV[2] then
        return { NO, now, 0 }
    end
    wake('journal', ARGV[2])
    return { DONE, now, 0 }
end

-- Whoever holds it may lengthen it; only he can give it back.
operations['turn'] = function()
    local name, who, lease = ARGV[2], ARGV[3], tonumber(ARGV[4])
    local owner, held = get('turn:' .. name .. ':owner', 'turn:' .. name .. ':until')
    local wait = tonumber(held or 0) - now
    if wait > 0 and owner ~= who then
        return { NO, now, wait }
    end
    if lease > 0 then
        set('turn:' .. name .. ':owner', who, 'turn:' .. name .. ':until', digits(now + lease))
        return { DONE, now, 0 }
    end
    redis.call('HDEL', control, 'turn:' .. name .. ':owner', 'turn:' .. name .. ':until')
    return { owner and DONE or NO, now, 0 }
end

-- What is not known cannot be doubted: of several processes that saw the contradiction one is told that it was news.
operations['lock'] = function()
    if ARGV[2] == '' and not get('lock') then
        return { NO, now, 0 }
    end
    if ARGV[2] == '' then
        redis.call('HDEL', control, 'lock')
    else
        set('lock', ARGV[2])
    end
    set('lock:at', now_text, 'lock:why', ARGV[3])
    wake('lock', ARGV[2])
    return { DONE, now, 0 }
end

operations['grant'] = function()
    local tokens_field, at_field = 'limit:' .. ARGV[2] .. ':tokens', 'limit:' .. ARGV[2] .. ':at'
    local rate, burst, wanted = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
    local tokens, at = get(tokens_field, at_field)
    local elapsed = math.max(0, now - tonumber(at or 0))
    tokens = math.min(burst, tonumber(tokens or burst) + elapsed * rate / 1000)
    local given = math.min(wanted, math.floor(tokens + 1e-6))
    tokens = tokens - given
    set(tokens_field, string.format('%.6f', tokens), at_field, now_text)
    local wait = -1
    if given < wanted then
        wait = math.max(1, math.ceil((1 - tokens) * 1000 / rate - 1e-3))
    end
    return { DONE, now, given, wait }
end

local operation = operations[ARGV[1]]
if not operation then
    return { 2, now, 0 }
end
local reply = operation()
keep()
return reply
