-- Makes the globals of scripts out of those of a fresh Lua VM, and gives the worker its way in.
-- Runs once in each VM, before any script. What scripts may reach is the list at the end; they never see `host`.

local host = ...
local G = _G
local debug, string, table, coroutine, math = debug, string, table, coroutine, math
local type, select, error, rawget, rawset, rawequal = type, select, error, rawget, rawset, rawequal
local raw_next, raw_tostring, raw_load = next, tostring, load
local raw_setmetatable, raw_getmetatable, public_getmetatable = setmetatable, debug.getmetatable, getmetatable
local sethook, getinfo, traceback, xpcall = debug.sethook, debug.getinfo, debug.traceback, xpcall
local format, find, gsub, rep, concat = string.format, string.find, string.gsub, string.rep, table.concat
local sort, pack, unpack = table.sort, table.pack, table.unpack
local math_type = math.type

---------------------------------------------------------------------------------------------- instruction budget

local STEP = 10000
local spent, over = 0, false

local function hook()
  spent = spent + STEP
  if spent > host.instructions_max then
    if not over then
      local at = getinfo(2, "Sl")
      over = at.short_src .. ":" .. at.currentline .. ": more than " .. host.instructions_max .. " Lua instructions in one call"
    end
    sethook(hook, "", 1) -- from here on every instruction is an error, so no pcall keeps it
    error(over, 0)
  end
end

local function armed(thread)
  sethook(thread, hook, "", over and 1 or STEP) -- a hook belongs to one coroutine; the others would run unwatched
  return thread
end

local raw_create, resume, close = coroutine.create, coroutine.resume, coroutine.close

local function create(f)
  return armed(raw_create(f))
end

local function finish(thread, ok, ...)
  if ok then
    return ...
  end
  close(thread)
  error((...), 0)
end

local function xpcall_(f, handler, ...)
  if type(handler) ~= "function" then
    error("bad argument #2 to 'xpcall' (function expected, got " .. type(handler) .. ")", 2)
  end
  return xpcall(f, function(e)
    if over then -- raised by the hook: in here it is off, so a handler could loop for ever
      return e
    end
    return handler(e)
  end, ...)
end

coroutine.create = create
function coroutine.wrap(f)
  local thread = create(f)
  return function(...)
    return finish(thread, resume(thread, ...))
  end
end

---------------------------------------------------------------------------------------------- names instead of addresses

local numbers, count = raw_setmetatable({}, { __mode = "k" }), 0

local function number_of(object)
  if not numbers[object] then
    count = count + 1
    numbers[object] = count
  end
  return numbers[object]
end

local ADDRESSED = { table = true, ["function"] = true, thread = true, userdata = true }

local function tostring_(...)
  if select("#", ...) == 0 then
    error("bad argument #1 to 'tostring' (value expected)", 2)
  end
  local value = ...
  local kind = type(value)
  if not ADDRESSED[kind] then
    return raw_tostring(value)
  end
  local meta = raw_getmetatable(value)
  if meta and rawget(meta, "__tostring") ~= nil then
    return raw_tostring(value)
  end
  local name = meta and rawget(meta, "__name")
  return (type(name) == "string" and name or kind) .. ": " .. number_of(value)
end

function string.format(text, ...)
  if type(text) == "string" and find(gsub(text, "%%%%", ""), "%%[-+ #0]*%d*%.?%d*p") then
    error("bad argument #1 to 'format' (addresses are not told: no '%p')", 2)
  end
  local values = pack(...)
  for i = 1, values.n do
    if ADDRESSED[type(values[i])] then
      values[i] = tostring_(values[i])
    end
  end
  return format(text, unpack(values, 1, values.n))
end

---------------------------------------------------------------------------------------------- order of keys

local RANK = { number = 1, string = 2, boolean = 3 }

local function before(a, b)
  local rank_a, rank_b = RANK[type(a)] or 4, RANK[type(b)] or 4
  if rank_a ~= rank_b then
    return rank_a < rank_b
  end
  if rank_a <= 2 then
    return a < b
  elseif rank_a == 3 then
    return not a and b
  end
  return number_of(a) < number_of(b)
end

-- Integers ascending, other numbers ascending, strings by their bytes, false, true, then the rest.
local function ordered_keys(t)
  local whole, other, sorted, last = {}, {}, true, math.mininteger
  for key in raw_next, t do
    if math_type(key) == "integer" then
      whole[#whole + 1] = key
      sorted = sorted and key >= last
      last = key
    else
      other[#other + 1] = key
    end
  end
  if not sorted then
    sort(whole)
  end
  sort(other, before)
  for i = 1, #other do
    whole[#whole + 1] = other[i]
  end
  return whole
end

local function stepper(t)
  local keys, at = ordered_keys(t), 0
  return function()
    while at < #keys do
      at = at + 1
      local key = keys[at]
      local value = rawget(t, key)
      if value ~= nil then
        return key, value
      end
    end
    return nil
  end
end

local function pairs_(...)
  local t = ...
  local meta = select("#", ...) > 0 and raw_getmetatable(t)
  local own = meta and rawget(meta, "__pairs")
  if own then
    local iterate, state, start = own(t)
    return iterate, state, start
  end
  if type(t) ~= "table" then
    error("bad argument #1 to 'pairs' (table expected, got " .. (select("#", ...) > 0 and type(t) or "no value") .. ")", 2)
  end
  return stepper(t), t, nil
end

local walks = raw_setmetatable({}, { __mode = "k" }) -- table -> its keys in order, and where each one stands

local function walk_of(t)
  local keys, at = ordered_keys(t), {}
  for i = 1, #keys do
    at[keys[i]] = i
  end
  walks[t] = { keys = keys, at = at }
  return walks[t]
end

local function next_(t, key)
  if type(t) ~= "table" then
    error("bad argument #1 to 'next' (table expected, got " .. type(t) .. ")", 2)
  end
  local first, value = raw_next(t)
  if key == nil and (first == nil or raw_next(t, first) == nil) then
    return first, value
  end
  local walk = key ~= nil and walks[t] or walk_of(t)
  local at = key == nil and 0 or walk.at[key]
  if not at then
    walk = walk_of(t)
    at = walk.at[key]
  end
  if not at then
    error("invalid key to 'next'", 2)
  end
  for i = at + 1, #walk.keys do
    local found = rawget(t, walk.keys[i])
    if found ~= nil then
      return walk.keys[i], found
    end
  end
  return nil
end

---------------------------------------------------------------------------------------------- errors of modules

local MODULE_ERROR = { __name = "ModuleError", __metatable = "ModuleError" }

function MODULE_ERROR.__tostring(e)
  return "ModuleError: " .. concat(e.causes, ": ")
end

local function raise(e)
  error(raw_setmetatable({ causes = e.causes, fatal = e.fatal, ctx = e.ctx }, MODULE_ERROR), 0)
end

local function is_module_error(e)
  return type(e) == "table" and rawequal(raw_getmetatable(e), MODULE_ERROR)
end

local function user_error(e)
  if type(e) ~= "table" or type(e.causes) ~= "table" or #e.causes == 0 then
    error("user_error: a table with causes, a list of strings, is wanted", 2)
  end
  local causes = {}
  for i = 1, #e.causes do
    if type(e.causes[i]) ~= "string" then
      error("user_error: causes[" .. i .. "] is no string", 2)
    end
    causes[i] = e.causes[i]
  end
  raise({ causes = causes, fatal = e.fatal and true or false, ctx = e.ctx == nil and {} or e.ctx })
end

local function as_user_error(e)
  if not is_module_error(e) then
    return nil
  end
  local causes = {}
  for i = 1, #e.causes do
    causes[i] = e.causes[i]
  end
  return { causes = causes, fatal = e.fatal, ctx = e.ctx }
end

---------------------------------------------------------------------------------------------- library functions

local ROOM = 16384 -- bytes that a call takes on its way out of Lua: refused here it is an error, there it is the end

local function bound(call, name)
  return function(...)
    if select("#", ...) > host.arguments_max then
      error(name .. ": more than " .. host.arguments_max .. " arguments", 2)
    end
    rep("\0", ROOM)
    local ok, value = call(...)
    if ok then
      return value
    elseif type(value) == "table" then
      raise(value)
    end
    error(name .. ": " .. value, 2)
  end
end

local function put(name, value) -- "__llm.templates" -> __llm = { templates = value }
  local at = G
  local rest = gsub(name, "([^.]+)%.", function(part)
    at[part] = at[part] or {}
    at = at[part]
    return ""
  end)
  at[rest] = value
end

---------------------------------------------------------------------------------------------- loading

local function load_(chunk, name, _, ...) -- text only: bytecode is not checked by Lua and can do anything
  if select("#", ...) > 0 then
    return raw_load(chunk, name, "t", (...))
  end
  return raw_load(chunk, name, "t")
end

local loaded, preload, LOADING = {}, {}, {}

local function require_(name)
  if type(name) ~= "string" then
    error("bad argument #1 to 'require' (string expected, got " .. type(name) .. ")", 2)
  end
  if loaded[name] == LOADING then
    error("module '" .. name .. "' requires itself", 2)
  elseif loaded[name] ~= nil then
    return loaded[name]
  end
  local chunk = preload[name]
  if chunk == nil then
    rep("\0", ROOM)
    local source, where = host.library(name)
    if not source then
      error("module '" .. name .. "' not found: " .. where, 2)
    end
    local message
    chunk, message = raw_load(source, "@" .. where, "t")
    if not chunk then
      error(message, 0)
    end
  end
  loaded[name] = LOADING
  local ok, value = xpcall(chunk, function(e) return e end, name)
  if loaded[name] == LOADING then
    loaded[name] = nil
  end
  if not ok then
    error(value, 0)
  end
  if value ~= nil then
    loaded[name] = value
  elseif loaded[name] == nil then
    loaded[name] = true
  end
  return loaded[name]
end

local function setmetatable_(t, meta)
  if type(meta) == "table" and rawget(meta, "__gc") ~= nil then
    error("__gc is not given: nothing could stop a finalizer", 2)
  end
  return raw_setmetatable(t, meta)
end

local function getmetatable_(...)
  if type((...)) == "userdata" then
    return nil
  end
  return public_getmetatable(...)
end

local raw_collect = collectgarbage
local function collectgarbage_(what)
  if what == nil or what == "collect" then
    return raw_collect("collect")
  elseif what == "count" then
    return raw_collect("count")
  end
  error("collectgarbage: only 'collect' and 'count' are given", 2)
end

local function print_(...)
  local words = pack(...)
  for i = 1, words.n do
    words[i] = tostring_(words[i])
  end
  G.__dflt.log_json({ message = concat(words, "\t", 1, words.n) })
end

---------------------------------------------------------------------------------------------- what scripts get

local given = {
  _VERSION = _VERSION, assert = assert, error = error, ipairs = ipairs, pcall = pcall, select = select,
  tonumber = tonumber, type = type, rawequal = rawequal, rawget = rawget, rawlen = rawlen, rawset = rawset,
  xpcall = xpcall_, coroutine = coroutine, math = math, string = string, table = table, utf8 = utf8,
  next = next_, pairs = pairs_, tostring = tostring_, load = load_, require = require_,
  setmetatable = setmetatable_, getmetatable = getmetatable_, collectgarbage = collectgarbage_, print = print_,
  package = { loaded = loaded, preload = preload },
}
if host.allow_io then
  given.io, given.os = io, os
end
string.dump = nil
math.randomseed(host.seed)
math.randomseed = nil

local names = {}
for name in raw_next, G do
  names[#names + 1] = name
end
for i = 1, #names do
  rawset(G, names[i], nil)
end
for name, value in raw_next, given do
  rawset(G, name, value)
  if type(value) == "table" then
    loaded[name] = value
  end
end
G._G = G
loaded._G = G
put("__dflt.user_error", user_error)
put("__dflt.as_user_error", as_user_error)

---------------------------------------------------------------------------------------------- the worker's way in

local function guarded(f, ...)
  local ok, value = xpcall(f, traceback, ...) -- traceback is no Lua code, so it works beyond the budget too
  if ok then
    return true, "result", value
  elseif is_module_error(value) then
    return false, "module", value
  end
  return false, "other", type(value) == "string" and value or tostring_(value)
end

return {
  arm = function()
    spent, over = 0, false
    sethook(hook, "", STEP)
  end,
  disarm = sethook, -- called without arguments, it takes the hook away
  over = function() return over end,
  put = put,
  bind = function(name, call) put(name, bound(call, name)) end,
  load = function(source, name) return raw_load(source, name, "t") end,
  is_function = function(name) return type(rawget(G, name)) == "function" end,
  run = guarded,
  invoke = function(name, ...) return guarded(rawget(G, name), ...) end,
}
