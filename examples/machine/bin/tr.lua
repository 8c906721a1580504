-- tr SET SET, tr -d SET, tr -s SET: replaces, deletes or squeezes these characters; SET is like abc, a-z, \n
local text = dofile("/lib/text.lua")
local options, sets = text.options("ds", "[-d|-s] SET [SET]")
if #sets ~= ((options.d or options.s) and 1 or 2) then text.fail("usage: tr [-d|-s] SET [SET]", 2) end

local function characters(set)
  local all = {}
  set = set:gsub("\\(.)", {n = "\n", t = "\t", ["\\"] = "\\"})
  local i = 1
  while i <= #set do
    local first, last = set:byte(i), set:byte(i)
    if set:sub(i + 1, i + 1) == "-" and i + 2 <= #set then
      last = set:byte(i + 2)
      i = i + 2
    end
    for c = first, last do all[#all + 1] = string.char(c) end
    i = i + 1
  end
  return all
end

local from, to = characters(sets[1]), sets[2] and characters(sets[2]) or {}
local change = {}
for i, c in ipairs(from) do change[c] = options.d and "" or to[math.min(i, #to)] or c end
local last
while true do
  local part = read(0, 16384)
  if not part or part == "" then break end
  if options.s then
    part = part:gsub(".", function(c)
      local again = c == last and change[c]
      last = c
      return again and "" or c
    end)
  else
    part = part:gsub(".", change)
    if change["\n"] then part = part:gsub("\n", change["\n"]) end
  end
  text.put(part)
end
text.leave()
