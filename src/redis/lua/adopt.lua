-- adopt: give back to the line what this owner holds without knowing it.
--
-- After a restart that is everything that an earlier life held, and one of these jobs may be why it ended; after
-- a lost connection it is what a claim took whose answer was lost, which no worker has seen.  Jobs under the
-- tokens that are named stay untouched.
--
-- An owner whose name ends in `#LIFE` is one run of a process.  Another run's leases are given back only if that
-- life is named as over; it may be frozen otherwise, and send what it holds when it goes on.
--
-- A Redis that rolled back has forgotten claims that it had acknowledged.  Its counters are raised to what the
-- caller has met, so that no token and no handle is given twice; what it remembers is told.
--
-- Handles begin a new block then, unless another host has begun one since the caller's last claim: the caller is told
-- which handles the jobs that wait will get, and a host that connects later and has met larger ones must not move
-- them again by raising the counter to those.
--
-- KEYS    1 leases  2 heads  3 ready  4 control  5 counters  6 dead  7 due  8 seen (see claim)  9 raw  10 in
-- ARGV    1 owner  2 cursor, 0 to begin  3 1 after a restart: the recoveries count against the jobs, as those
--         of an earlier life always do  4 largest token met  5 largest handle met
--         6... tokens of claims that are known and still under way, and `#LIFE` for an earlier life of this
--         process that is certainly over
-- Returns 0, next cursor as text ("0": done), jobs given back, token of this instance's last claim or 0,
--         token of anybody's last claim, handle that was given last (not below ARGV 5), jobs without a handle
-- Changes leases, heads, ready, due, counters
-- Cost    about 100 leases looked at (all of them while Redis keeps the set in its compact form)
--@include _clock.lua
--@include _head.lua
--@include _recover.lua

-- More than are given between two roll-backs; BH_SENT_HANDLES_BLOCK.
local BLOCK = 1000000000
-- Beyond this numbers are not exact, and counting goes on without blocks.
local HANDLE_MAX = 9000000000000000

local leases, heads, ready, control, counters, dead, due, seen, raw, incoming = unpack(KEYS)
local counts = ARGV[3] == '1'
local known, over = {}, {}
for i = 6, #ARGV do
    local life = string.match(ARGV[i], '^#(.+)$')
    if life then
        over[life] = true
    else
        known[ARGV[i]] = true
    end
end

local function is_of_the_past(h)
    local life = string.match(h.owner, '#(%w+)$')
    return life and over[life] or false
end

local page = redis.call('ZSCAN', leases, ARGV[2], 'COUNT', 100)
local recovered = 0

may_write_when_full(control)
for i = 1, #page[2], 2 do
    local handle = page[2][i]
    local h = head_read(redis.call('HGET', heads, handle))
    local past = h and is_of_the_past(h)
    if h and (past or h.owner == ARGV[1] and not known[h.token])
        and recover(handle, past or counts, leases, ready, due, heads, dead) then
        recovered = recovered + 1
    end
end
bumps_write(counters)

-- What the counter was.
local function raise(field, least)
    local was = tonumber(redis.call('HGET', counters, field) or 0)
    if was < least then
        redis.call('HSET', counters, field, digits(least))
    end
    return was
end

local function block(handle)
    return math.floor(handle / BLOCK)
end

local met, met_handle = tonumber(ARGV[4]), tonumber(ARGV[5])
local last = tonumber(redis.call('MGET', seen)[1] or 0)
local token, handle = raise('token', met), raise('handle', met_handle)
if token < met or handle < met_handle or last > 0 and last < met then
    local fresh = (block(met_handle) + 1) * BLOCK
    if handle < fresh and fresh <= HANDLE_MAX then
        redis.call('HSET', counters, 'handle', digits(fresh))
        handle = fresh
    end
end
return {
    0, page[1], recovered, last, token, math.max(handle, met_handle),
    redis.call('LLEN', raw) + redis.call('LLEN', incoming),
}
