-- The policy that comes with the LLM module: the text of a contract's prompt is made plain, then the configured
-- backends are asked as docs/modules-llm.md says.

local lib = require('lib-genvm')
local llm = require('lib-llm')

local PLAIN = { 'NFKC', 'RmZeroWidth', 'NormalizeWS' }

function ExecPrompt(ctx, args, remaining_gen)
  local request = llm.exec_prompt_transform(args)
  request.prompt.user_message = lib.rs.filter_text(request.prompt.user_message, PLAIN)
  return llm.ask(ctx, request)
end

function ExecPromptTemplate(ctx, args, remaining_gen)
  return llm.ask(ctx, llm.exec_prompt_template_transform(args))
end
