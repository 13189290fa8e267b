-- Messages of which reports are awaited from now on, gathered and then written in one go.
local opened, asked = {}, {}

local OPEN_CHUNK = 2000 -- arguments of one command

-- What nobody looks at any more, because reports were switched off, is gone some day.
local OPEN_TTL = digits(30 * 86400000)

local function await_report(message, pull_after)
    opened[#opened + 1] = now_text
    opened[#opened + 1] = message
    if pull_after > 0 then
        asked[#asked + 1] = digits(now + pull_after)
        asked[#asked + 1] = message
    end
end

local function add_all(key, args)
    for first = 1, #args, OPEN_CHUNK do
        redis.call('ZADD', key, unpack(args, first, math.min(first + OPEN_CHUNK - 1, #args)))
    end
    if #args > 0 then
        redis.call('PEXPIRE', key, OPEN_TTL)
    end
end

local function awaited_write(open, pull)
    add_all(open, opened)
    add_all(pull, asked)
end
