-- seq [FIRST [STEP]] LAST: writes numbers, one on each line.
local text = dofile("/lib/text.lua")
local numbers = {}
for i, word in ipairs(arg) do
  numbers[i] = math.tointeger(tonumber(word)) or tonumber(word) or text.fail(word .. " is not a number", 2)
end
if #numbers < 1 or #numbers > 3 then text.fail("usage: seq [FIRST [STEP]] LAST", 2) end
local first, step = #numbers > 1 and numbers[1] or 1, #numbers > 2 and numbers[2] or 1
if step == 0 then text.fail("a step of 0 leads nowhere", 2) end
for i = first, numbers[#numbers], step do text.put(i .. "\n") end
text.leave()
