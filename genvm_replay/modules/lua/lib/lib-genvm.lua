-- What scripts of both modules need. `rs` holds the functions of the service: see docs/modules-lua.md.

local lib = { rs = __dflt }

-- Log a text, or a table with `message`, `level` (default "info") and any other fields.
function lib.log(entry)
  if type(entry) ~= "table" then
    entry = { message = tostring(entry) }
  end
  lib.rs.log_json(entry)
end

-- The first entry of a table in the order of `pairs`, as { key =, value = }; nil if the table is empty.
function lib.get_first_from_table(t)
  local key, value = next(t)
  if key == nil then
    return nil
  end
  return { key = key, value = value }
end

-- The same of a table that can't be empty.
function lib.get_first_from_table_assert(t)
  return assert(lib.get_first_from_table(t), "the table is empty")
end

-- Throw a caught error again, fatal or not as said; an error that is no module's goes on unchanged.
function lib.reraise_with_fatality(err, fatal)
  local module_error = lib.rs.as_user_error(err)
  if module_error == nil then
    error(err, 0)
  end
  module_error.fatal = fatal
  lib.rs.user_error(module_error)
end

-- A number of 0..1 as one of low..high.
function lib.map_01_to_range(x, low, high)
  return low + x * (high - low)
end

-- Run `body`, then `cleanup` whether or not it failed; the results of `body`, or its error.
function lib.finally(body, cleanup)
  local results = table.pack(pcall(body))
  cleanup()
  if not results[1] then
    error(results[2], 0)
  end
  return table.unpack(results, 2, results.n)
end

return lib
