-- touch FILE...: makes empty files of those that are not there.
local text = dofile("/lib/text.lua")
local _, names = text.options("", "FILE...")
if #names == 0 then text.fail("which file?", 2) end
for _, path in ipairs(names) do
  local fd, why = open(path, "a")
  if fd then close(fd) else text.warn(path .. ": " .. why) end
end
text.leave()
