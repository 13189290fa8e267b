-- The words in the order of core/delivery_report.h; from FINAL on they are final.
local FINAL = 10
local ranks

local function rank_of(word)
    ranks = ranks or {
        ACCEPTED = 1, BUFFERED = 2, TRANSMITTED = 3, UNKNOWN = 10, EXPIRED = 11, REJECTED = 12, FAILED = 13,
        NOTDELIVERED = 14, DELIVERED = 15, initiated = 1, ringing = 2, ['in-progress'] = 3, ['no-answer'] = 10,
        failed = 11, completed = 12,
    }
    return ranks[word]
end

local function is_final(word)
    return (rank_of(word) or 0) >= FINAL
end

-- In a status with several recipients what became of each message stands right behind its id.  No name or sentence in
-- there can look like that, since its quotation marks would be escaped.
local DELIVERY = ',"delivery":"([%a-]+)","delivered_at":(%d+)'

local function delivery_text(word, when)
    return ',"delivery":"' .. word .. '","delivered_at":' .. when
end

-- The word and its time, nil: none yet.  The third is nil when no recipient has this message, else where one stands
-- that comes next, and the fourth where the old one ends.
local function recipient_delivery(recipients, message)
    local _, at = string.find(recipients, '"id":"' .. message .. '"', 1, true)
    if not at then
        return nil
    end
    local first, last, word, when = string.find(recipients, '^' .. DELIVERY, at + 1)
    return word, when, at, first and last or at
end

local function recipient_deliver(recipients, message, word, when)
    local _, _, at, last = recipient_delivery(recipients, message)
    if not at then
        return recipients
    end
    return string.sub(recipients, 1, at) .. delivery_text(word, when) .. string.sub(recipients, last + 1)
end
