-- find [DIRECTORY...] [-name PATTERN] [-type f|d|l]: lists all that is in the directories; PATTERN may have * and ?.
local text = dofile("/lib/text.lua")
local roots, pattern, kind = {}, nil, nil
local i = 1
while arg[i] do
  if arg[i] == "-name" or arg[i] == "-type" then
    local value = arg[i + 1] or text.fail(arg[i] .. " lacks a value", 2)
    if arg[i] == "-type" then
      kind = value
    else
      pattern = "^" .. value:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
    end
    i = i + 1
  elseif arg[i]:sub(1, 1) == "-" then
    text.fail(arg[i] .. " is not an option; usage: find [DIRECTORY...] [-name PATTERN] [-type f|d|l]", 2)
  else
    roots[#roots + 1] = arg[i]
  end
  i = i + 1
end
if #roots == 0 then roots = {"."} end

local function walk(path)
  local found, why = lstat(path)
  if not found then return text.warn(path .. ": " .. why) end
  local fits = not pattern or text.last(path):find(pattern)
  if fits and (not kind or kind == (found.directory and "d" or found.link and "l" or "f")) then text.put(path .. "\n") end
  if not found.directory then return end
  for _, name in ipairs(list(path) or {}) do walk((path .. "/" .. name):gsub("//+", "/") .. "") end
end

for _, root in ipairs(roots) do walk(root) end
text.leave()
