-- Any value as text in the form of Lua source, for people. Module and function in one.
--   require("inspect")({ 1, a = { b = true } }, { newline = " ", indent = "" }) --> { 1, a = { b = true } }
-- Options: depth (levels shown, all), newline ("\n"), indent ("  "), process (function(item, path) giving what is shown
-- in its place, nil leaves it out). Keys come in the order of `pairs`; a table that holds itself ends in <table: N>.

local WORDS = {}
local RESERVED = "and break do else elseif end false for function goto if in local nil not or repeat return then true until while"
for word in RESERVED:gmatch("%a+") do
  WORDS[word] = true
end

local function quoted(text)
  local escaped = text:gsub('[%c"\\\127]', function(c)
    local short = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\" }
    return short[c] or ("\\%03d"):format(c:byte())
  end)
  return '"' .. escaped .. '"'
end

local function scalar(value)
  if type(value) == "string" then
    return quoted(value)
  elseif type(value) == "table" or type(value) == "function" or type(value) == "thread" then
    return "<" .. tostring(value) .. ">"
  end
  return tostring(value)
end

local function label(key)
  if type(key) == "string" and key:match("^[%a_][%w_]*$") and not WORDS[key] then
    return key
  end
  return "[" .. scalar(key) .. "]"
end

local function show(value, options, path, inside)
  if type(value) ~= "table" or inside[value] then
    return scalar(value)
  elseif #path >= options.depth then
    return next(value) == nil and "{}" or "{...}"
  end
  inside[value] = true
  local parts, count = {}, #value
  for key, item in pairs(value) do
    path[#path + 1] = key
    if options.process then
      item = options.process(item, path)
    end
    if item ~= nil then
      local listed = math.type(key) == "integer" and key >= 1 and key <= count
      parts[#parts + 1] = (listed and "" or label(key) .. " = ") .. show(item, options, path, inside)
    end
    path[#path] = nil
  end
  inside[value] = nil
  if #parts == 0 then
    return "{}"
  end
  local outer = options.newline .. options.indent:rep(#path)
  local inner = outer .. options.indent
  return "{" .. inner .. table.concat(parts, "," .. inner) .. outer .. "}"
end

local function inspect(_, value, options)
  options = options or {}
  local settled = {
    depth = options.depth or math.huge,
    newline = options.newline or "\n",
    indent = options.indent or "  ",
    process = options.process,
  }
  if settled.process then
    value = settled.process(value, {})
  end
  return show(value, settled, {}, {})
end

return setmetatable({
  inspect = function(value, options)
    return inspect(nil, value, options)
  end,
}, { __call = inspect })
