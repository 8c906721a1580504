-- sleep SECONDS...: waits for so long, in virtual time.
local text = dofile("/lib/text.lua")
local sum = 0
for _, word in ipairs(arg) do
  local seconds = tonumber(word)
  if not seconds or seconds < 0 then text.fail(word .. " is not a number of seconds", 2) end
  sum = sum + seconds
end
if #arg == 0 then text.fail("for how many seconds?", 2) end
sleep(sum * 1000)
