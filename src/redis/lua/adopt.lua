-- adopt: give back to the line what this owner holds without knowing it.
--
-- After a restart that is everything that an earlier life held, and one of these jobs may be why it ended; after
-- a lost connection it is what a claim took whose answer was lost, which no worker has seen.  Jobs under the
-- tokens that are named stay untouched.
--
-- KEYS    1 leases  2 heads  3 ready  4 control  5 counters  6 dead  7 due
-- ARGV    1 owner  2 cursor, 0 to begin  3 1 after a restart: the recoveries count against the jobs
--         4... tokens of claims that are known and still under way
-- Returns 0, next cursor as text ("0": done), jobs given back
-- Changes leases, heads, ready, due, counters
-- Cost    about 100 leases looked at (all of them while Redis keeps the set in its compact form)
--@include _clock.lua
--@include _head.lua
--@include _recover.lua

local leases, heads, ready, control, counters, dead, due = unpack(KEYS)
local counts = ARGV[3] == '1'
local known = {}
for i = 4, #ARGV do
    known[ARGV[i]] = true
end

local page = redis.call('ZSCAN', leases, ARGV[2], 'COUNT', 100)
local recovered = 0

may_write_when_full(control)
for i = 1, #page[2], 2 do
    local handle = page[2][i]
    local h = head_read(redis.call('HGET', heads, handle))
    if h and h.owner == ARGV[1] and not known[h.token]
        and recover(handle, counts, leases, ready, due, heads, dead) then
        recovered = recovered + 1
    end
end
bumps_write(counters)
return { 0, page[1], recovered }
