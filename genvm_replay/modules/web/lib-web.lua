-- What scripts of the web module need. `rs` holds the functions and tables of the service: see docs/modules-web.md.

local lib = require("lib-genvm")

local web = {
  rs = __web,
  allowed_schemas = { http = true, https = true },
  allowed_ports = { [80] = true, [443] = true },
}

local function refuse(code, ctx)
  lib.rs.user_error({ causes = { code }, fatal = false, ctx = ctx })
end

local function bare(host) -- [::1] as ::1
  return (string.gsub(string.lower(host), "[%[%]]", ""))
end

local function is_always_allowed(host)
  for _, allowed in ipairs(web.rs.config.always_allow_hosts) do
    if bare(allowed) == host then
      return true
    end
  end
  return false
end

-- Throw an error that a contract can catch unless the rules allow the URL; else give its parts: schema, port, host.
-- The order of the rules decides which code is told. Redirects, and all that a page loads, meet the same rules again
-- in the service, and there also those for addresses.
function web.check_url(url)
  local parts = lib.rs.split_url(url)
  if parts == nil then
    refuse("MALFORMED_URL", { url = url })
  end
  if not web.allowed_schemas[parts.schema] then
    refuse("SCHEMA_FORBIDDEN", { schema = parts.schema, url = url })
  end
  if parts.host == nil or parts.host == "" then
    refuse("MALFORMED_URL", { url = url })
  end
  local host = bare(parts.host)
  if is_always_allowed(host) then
    return parts
  end
  if parts.port ~= nil and not web.allowed_ports[parts.port] then
    refuse("PORT_FORBIDDEN", { port = parts.port, url = url })
  end
  local domain = string.match(host, "[^.]*$")
  if not web.rs.allowed_tld[domain] then
    refuse("TLD_FORBIDDEN", { tld = domain, url = url })
  end
  return parts
end

-- Whether a page with this status counts as loaded.
function web.is_good_status(status)
  return (status >= 200 and status < 300) or status == 304
end

return web
