-- JSON of any value, for logs: what JSON has not becomes a text that says what it was. Module and function in one.
--   require("value2json")({ 1, print }) --> [1,"function: 1"]

local rs = __dflt

local DEPTH_MAX = 32

local function plain(value, inside, depth)
  local kind = type(value)
  if kind == "string" then
    return utf8.len(value) and value or ("<" .. #value .. " bytes>")
  elseif kind == "number" then
    local finite = value == value and value ~= math.huge and value ~= -math.huge
    return finite and value or tostring(value)
  elseif kind == "nil" or kind == "boolean" then
    return value
  elseif kind ~= "table" or rs.as_user_error(value) then
    return tostring(value)
  elseif inside[value] or depth == DEPTH_MAX then
    return inside[value] and "<a table that holds this one>" or "<more levels>"
  end
  inside[value] = true
  local copy = {}
  for key, item in pairs(value) do
    copy[type(key) == "number" and key or tostring(plain(key, inside, depth + 1))] = plain(item, inside, depth + 1)
  end
  inside[value] = nil
  return copy
end

local function to_json(_, value)
  return rs.json_stringify(plain(value, {}, 0))
end

return setmetatable({
  encode = function(value)
    return to_json(nil, value)
  end,
}, { __call = to_json })
