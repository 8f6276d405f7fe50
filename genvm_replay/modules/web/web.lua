-- The policy of the web module: which URLs a contract may ask for, and what of a failure it gets to see.
-- A copy of this file, named by `lua_script_path` in the configuration, is where to change it.

local lib = require("lib-genvm")
local web = require("lib-web")

-- payload: mode ("text", "html" or "screenshot"), url, wait_after_loaded (seconds). Gives { text = } or { image = }.
function Render(ctx, payload)
  web.check_url(payload.url)

  local page = web.rs.render(ctx, payload)
  if not web.is_good_status(page.status) then
    lib.rs.user_error({
      causes = { "WEBPAGE_LOAD_FAILED" },
      fatal = false,
      ctx = { url = payload.url, status = page.status, body = page.body, refused = page.refused },
    })
  end

  if payload.mode == "screenshot" then
    return { image = page.body }
  end
  return { text = page.body }
end

-- payload: method, url, headers, body, sign. Gives { status =, headers =, body = }; any status is a success.
function Request(ctx, payload)
  web.check_url(payload.url)

  local ok, answer = pcall(lib.rs.request, ctx, {
    method = payload.method,
    url = payload.url,
    headers = payload.headers,
    body = payload.body,
    sign = payload.sign,
  })
  if not ok then
    lib.reraise_with_fatality(answer, false) -- a contract may go on without the answer
  end
  return answer
end
