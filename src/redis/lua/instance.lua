-- instance: who works under an instance's name.
--
-- KEYS    1 the instance (hash)
-- ARGV    1 operation (register, renew, release)  2 life: names one run of a process  3 ms until it counts
--         as gone  4 host  5 boot id  6 network namespace  7 digest of the local lock  8 pid
--         (5, 6, 7 empty: unknown)
-- Returns code, server's time in ms, life, host, pid, since (unix ms), until (unix ms)
--         code: 0 the name is ours; `life` is that of an earlier run which is certainly over, or empty
--               1 another run has it, and the rest tells about that one
-- Changes the instance; forgotten a day after the last word
-- Cost    one hash
--
-- An earlier run is certainly over when it has said so, or when it held the same local lock in the same
-- network namespace of the same boot: we hold that lock as long as we live.  So a Redis that went back in time, and
-- remembers that run, is told again.  One that has only been silent for too long may be
-- frozen and go on: its name is taken, its leases are left to run out.
--@include _clock.lua
--@include _head.lua

local instance = KEYS[1]
local operation, life, ttl, host, boot, namespace, lock, pid = unpack(ARGV)
local KEEP_MS = 24 * 3600 * 1000
local OURS, OTHERS = 0, 1

may_write_when_full(instance)

local old_life, old_host, old_boot, old_namespace, old_lock, old_pid, since, until_, ended =
    unpack(redis.call('HMGET', instance, 'life', 'host', 'boot', 'namespace', 'lock', 'pid', 'since',
        'until', 'ended'))

local function others()
    return { OTHERS, now, old_life, old_host or '', old_pid or '', since or '0', until_ or '0' }
end

local function same_place()
    return boot ~= '' and namespace ~= '' and lock ~= '' and boot == old_boot
        and namespace == old_namespace and lock == old_lock
end

if operation == 'release' then
    if old_life == life then
        redis.call('HSET', instance, 'until', 0, 'ended', 1)
    end
    return { OURS, now, '', '', '', '0', '0' }
end

local over = ''
if old_life and old_life ~= life then
    if ended or same_place() then
        over = old_life
    elseif tonumber(until_ or 0) > now then
        return others()
    end
end

local lives_until = digits(now + tonumber(ttl))
if old_life ~= life then
    redis.call('DEL', instance)
    redis.call('HSET', instance, 'life', life, 'host', host, 'boot', boot, 'namespace', namespace,
        'lock', lock, 'pid', pid, 'since', now_text)
    since = now_text
end
redis.call('HSET', instance, 'until', lives_until)
redis.call('PEXPIRE', instance, KEEP_MS)
return { OURS, now, over, host, pid, since, lives_until }
