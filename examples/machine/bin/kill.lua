-- kill [-SIGNAL] PID...: sends the signal to the processes, TERM if none is given.
local text = dofile("/lib/text.lua")
local which, first = "TERM", 1
if arg[1] and arg[1]:match("^%-%w+$") then which, first = arg[1]:sub(2), 2 end
if not arg[first] then text.fail("which process?", 2) end
which = math.tointeger(tonumber(which)) or which
for i = first, #arg do
  local pid = math.tointeger(tonumber(arg[i]))
  if not pid then text.fail(arg[i] .. " is not a process", 2) end
  local called, done, why = pcall(kill, pid, which)
  if not called then text.fail(which .. " is not a signal", 2) end
  if not done then text.warn(arg[i] .. ": " .. why) end
end
text.leave()
