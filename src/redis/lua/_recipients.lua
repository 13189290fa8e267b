-- The recipients of a status as engine_settle.c writes them: no name in there can hold these words, since its
-- quotation marks would be escaped.
local OPEN, REACHED, REFUSED = '"success":null', '"success":true', '"success":false'

-- Those who wait to be sent to have no `success`; give them one.  The number of them comes second.
local function recipients_fill(recipients, success)
    local count = 0
    local text = string.gsub(string.gsub(recipients, '\\\\', '\1'), '\\"', '\2')
    text = string.gsub(text, '("recipient":"[^"]*")(,?"?%a*"?)', function(name, next_name)
        if next_name == ',"success"' then
            return nil
        end
        count = count + 1
        return name .. ',' .. success .. next_name
    end)
    text = string.gsub(string.gsub(text, '\2', '\\"'), '\1', '\\\\')
    return text, count
end
