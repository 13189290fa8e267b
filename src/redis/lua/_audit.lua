-- Who changed what by hand, or by a word from outside; people read it, nothing here does.
local AUDIT_CAP = 1000
local AUDIT_TTL = 400 * 86400000

local function audit(stream, who, what, id, before, after)
    redis.call('XADD', stream, 'MAXLEN', '~', AUDIT_CAP, '*', 'who', who, 'what', what, 'id', id,
        'before', before, 'after', after, 'at', now_text)
    redis.call('PEXPIRE', stream, digits(AUDIT_TTL))
end
