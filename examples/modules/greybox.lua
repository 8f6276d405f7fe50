-- Greyboxing: a policy that nobody can aim at. Whoever writes a contract can try prompts on the known models until one
-- gives the wanted answer; here every session asks a little differently, so that such a prompt is not reliable.
-- All choices follow from the session's seed, which stands in each attempt: they can be traced, not foreseen.

local lib = require('lib-genvm')
local llm = require('lib-llm')

local PLAIN = { 'NFKC', 'RmZeroWidth', 'NormalizeWS' }
local IMAGE_BYTES_MAX = 5 * 1024 * 1024
local FRAMES = {
  'Read the request below with care, then answer it.\n\n',
  'Here is a request. Answer what it asks for.\n\n',
  'Please answer the following.\n\n',
}

local function chosen(ctx, list)
  return list[1 + math.floor(llm.seeded(ctx) * #list)]
end

-- Noise too faint to see, recompressed: what was hidden in single pixels is gone.
local function perturbed(ctx, image)
  local noise = { sigma = lib.map_01_to_range(llm.seeded(ctx), 1, 3), seed = math.floor(llm.seeded(ctx) * 2 ^ 31) }
  local quality = lib.map_01_to_range(llm.seeded(ctx), 0.75, 0.95)
  local ok, changed = pcall(lib.rs.filter_image, image, { { GaussianNoise = noise }, { JPEG = quality } })
  if ok and #changed <= IMAGE_BYTES_MAX then
    return changed
  end
  return image
end

local function shuffled(ctx, candidates)
  for last = #candidates, 2, -1 do
    local other = 1 + math.floor(llm.seeded(ctx) * last)
    candidates[last], candidates[other] = candidates[other], candidates[last]
  end
  return candidates
end

local function ask(ctx, request)
  request.prompt.temperature = lib.map_01_to_range(llm.seeded(ctx), 0.5, 0.9)
  return llm.ask(ctx, request, shuffled(ctx, llm.candidates(ctx, request.prompt, request.format)))
end

function ExecPrompt(ctx, args, remaining_gen)
  local request = llm.exec_prompt_transform(args)
  local prompt = request.prompt
  prompt.user_message = chosen(ctx, FRAMES) .. lib.rs.filter_text(prompt.user_message, PLAIN)
  for index, image in ipairs(prompt.images) do
    prompt.images[index] = perturbed(ctx, image)
  end
  return ask(ctx, request)
end

function ExecPromptTemplate(ctx, args, remaining_gen)
  return ask(ctx, llm.exec_prompt_template_transform(args))
end
