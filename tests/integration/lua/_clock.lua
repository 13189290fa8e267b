-- The clock of the tests: a key, in milliseconds.
local now = tonumber(redis.call('GET', 'test:clock'))
