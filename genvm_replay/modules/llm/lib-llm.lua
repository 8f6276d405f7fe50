-- What scripts of the LLM module share (spec/manager-modules.md 2.2, 3.1, 5.3).
-- The first part has the names of the deployed library; the second, from `candidates` on, is ours.

local lib = require('lib-genvm')

local llm = {
  rs = __llm,
  providers = __llm.providers,
  templates = __llm.templates,
  policy = __llm.policy,
  -- A provider that says this is busy, not broken.
  overloaded_statuses = { [408] = true, [429] = true, [503] = true, [504] = true, [529] = true },
}

local TEMPERATURE = 0.7
local MAX_TOKENS = 1000
local JSON_WANTED = 'Reply with one valid JSON object and with nothing else.'
local TEMPLATES = {
  EqComparative = { name = 'eq_comparative', format = 'bool' },
  EqNonComparativeLeader = { name = 'eq_non_comparative_leader', format = 'text' },
  EqNonComparativeValidator = { name = 'eq_non_comparative_validator', format = 'bool' },
}

local function mapped(system_message, user_message, images, format)
  return {
    prompt = {
      system_message = system_message,
      user_message = user_message,
      temperature = TEMPERATURE,
      images = images,
      max_tokens = MAX_TOKENS,
      use_max_completion_tokens = false,
    },
    format = format,
  }
end

-- The prompt of a contract, as providers are asked.
function llm.exec_prompt_transform(args)
  local format = args.response_format or 'text'
  local system_message = nil
  if format == 'json' then
    system_message = JSON_WANTED
  end
  return mapped(system_message, args.prompt, args.images or {}, format)
end

-- The prompt of a template. Variables are put in all at once: what they hold is not looked at again.
function llm.exec_prompt_template_transform(args)
  local template = TEMPLATES[args.template]
  if template == nil then
    lib.rs.user_error({ causes = { 'UNKNOWN_TEMPLATE' }, fatal = true, ctx = { template = args.template } })
  end
  local texts = llm.templates[template.name]
  local user_message = string.gsub(texts.user, '#{([%w_]*)}', args)
  return mapped(texts.system, user_message, {}, template.format)
end

local function providers_with(fits)
  local found = {}
  for name, provider in pairs(llm.providers) do
    local models = {}
    for model_name, model in pairs(provider.models) do
      if fits(model) then
        models[model_name] = model
      end
    end
    if next(models) ~= nil then
      found[name] = {
        order = provider.order,
        priority = provider.priority,
        weight = provider.weight,
        models = models,
      }
    end
  end
  return found
end

llm.providers_with_json_support = providers_with(function(model)
  return model.supports_json
end)
llm.providers_with_image_support = providers_with(function(model)
  return model.supports_image
end)
llm.providers_with_image_and_json_support = providers_with(function(model)
  return model.supports_image and model.supports_json
end)

-- The providers with a model that can answer this; the others' models are left out.
function llm.select_providers_for(prompt, format)
  local images = prompt.images ~= nil and #prompt.images > 0
  local json = format == 'json' or format == 'bool'
  if images and json then
    return llm.providers_with_image_and_json_support
  elseif images then
    return llm.providers_with_image_support
  elseif json then
    return llm.providers_with_json_support
  end
  return llm.providers
end

-- A number in [0, 1) that the session's seed decides: the generator of Park and Miller.
function llm.seeded(ctx)
  local state = ctx.policy_state
  if state == nil then
    state = ctx.policy_seed % 2147483646 + 1
    for _ = 1, 3 do
      state = state * 48271 % 2147483647
    end
  end
  ctx.policy_state = state * 48271 % 2147483647
  return (ctx.policy_state - 1) / 2147483646
end

-- Providers of one priority in the order in which they are asked: as configured, or drawn by weight.
local function ordered(ctx, providers)
  table.sort(providers, function(a, b)
    return a.order < b.order
  end)
  if llm.policy.load_balancing ~= 'weighted' then
    return providers
  end
  local drawn, total = {}, 0
  for _, provider in ipairs(providers) do
    total = total + provider.weight
  end
  while #providers > 0 do
    local at, rest = 1, llm.seeded(ctx) * total
    while at < #providers and rest >= providers[at].weight do
      rest = rest - providers[at].weight
      at = at + 1
    end
    local provider = table.remove(providers, at)
    total = total - provider.weight
    drawn[#drawn + 1] = provider
  end
  return drawn
end

-- Whom to ask, in this order: by priority, then as configured or by weight; each with its models as configured.
function llm.candidates(ctx, prompt, format)
  local by_priority, priorities = {}, {}
  for name, provider in pairs(llm.select_providers_for(prompt, format)) do
    if by_priority[provider.priority] == nil then
      by_priority[provider.priority] = {}
      priorities[#priorities + 1] = provider.priority
    end
    local entry = { name = name, order = provider.order, weight = provider.weight, models = provider.models }
    table.insert(by_priority[provider.priority], entry)
  end
  table.sort(priorities, function(a, b)
    return a > b
  end)
  local candidates = {}
  for _, priority in ipairs(priorities) do
    for _, provider in ipairs(ordered(ctx, by_priority[priority])) do
      local models = {}
      for name, model in pairs(provider.models) do
        models[#models + 1] = { provider = provider.name, model = name, config = model }
      end
      table.sort(models, function(a, b)
        return a.config.order < b.config.order
      end)
      table.move(models, 1, #models, #candidates + 1, candidates)
    end
  end
  return candidates
end

-- Errors that another provider would give too.
local HOPELESS = { BAD_ARGUMENT = true, INVALID_IMAGE = true, IMAGE_TOO_LARGE = true, TOO_MANY_IMAGES = true }
-- Errors of the way to a provider: its other models are behind the same way.
local UNREACHED = { SENDING_REQUEST = true }

-- Ask one candidate once: its answer, or nil and the error of the module. Any other error is raised.
function llm.attempt(ctx, candidate, request)
  request.prompt.use_max_completion_tokens = candidate.config.use_max_completion_tokens
  local ok, result = pcall(llm.rs.exec_prompt_in_provider, ctx, {
    provider = candidate.provider,
    model = candidate.model,
    prompt = request.prompt,
    format = request.format,
  })
  if ok then
    return result, nil
  end
  local problem = lib.rs.as_user_error(result)
  if problem == nil or HOPELESS[problem.causes[1]] then
    error(result, 0)
  end
  return nil, problem
end

-- Whether the same question may be answered a little later.
function llm.may_pass(problem)
  local cause, status = problem.causes[1], problem.ctx.status
  if status == nil then
    return cause == 'SENDING_REQUEST'
  end
  return cause ~= 'DESERIALIZING' and (status == 200 or status >= 500 or llm.overloaded_statuses[status] == true)
end

-- Seconds until a candidate may be asked again: what its provider says, else longer each round.
local function pause(ctx, problem, round)
  if problem.ctx.retry_after_ms ~= nil then
    return problem.ctx.retry_after_ms / 1000
  end
  local wait = llm.policy.wait_s * 2 ^ (round - 1)
  return math.min(wait * (0.75 + llm.seeded(ctx) / 2), llm.policy.wait_max_s)
end

local function told(candidate, problem)
  return {
    provider = candidate.provider,
    model = candidate.model,
    causes = problem.causes,
    status = problem.ctx.status,
    reason = problem.ctx.reason,
  }
end

-- Ask until one answers. Another candidate is asked at once; when none is left, those whose errors may pass are
-- asked again after a pause, in as many rounds as the policy has. `candidates` is for scripts that choose themselves.
function llm.ask(ctx, request, candidates)
  local waiting = candidates or llm.candidates(ctx, request.prompt, request.format)
  local failures, over_budget = {}, nil
  for round = 1, llm.policy.rounds do
    local again, unreached, shortest = {}, {}, nil
    for _, candidate in ipairs(waiting) do
      local problem = unreached[candidate.provider]
      if problem == nil then
        local answer
        answer, problem = llm.attempt(ctx, candidate, request)
        if answer ~= nil then
          return answer
        end
        failures[#failures + 1] = told(candidate, problem)
        unreached[candidate.provider] = UNREACHED[problem.causes[1]] and problem or nil
        over_budget = over_budget or problem.causes[1] == 'BUDGET_EXCEEDED' and problem or nil
        lib.log({ level = 'warning', message = 'no answer', failure = failures[#failures] })
      end
      if llm.may_pass(problem) then
        local wait = pause(ctx, problem, round)
        if wait <= llm.policy.wait_max_s then
          again[#again + 1] = candidate
          shortest = math.min(shortest or wait, wait)
        end
      end
    end
    waiting = again
    if #waiting == 0 or round == llm.policy.rounds then
      break
    end
    lib.rs.sleep_seconds(shortest)
  end
  if over_budget ~= nil then
    lib.rs.user_error(over_budget)
  end
  lib.rs.user_error({
    causes = { 'NO_PROVIDER_FOR_PROMPT' },
    fatal = true,
    ctx = { format = request.format, images = #(request.prompt.images or {}), failures = failures },
  })
end

return llm
