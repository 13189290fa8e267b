-- A price of the gateway's in millionths, as hash `counters` adds them up; 0 for what is none.
local function micro(price)
    price = tonumber(price)
    return price and price > 0 and price < 1e6 and math.floor(price * 1e6 + 0.5) or 0
end
