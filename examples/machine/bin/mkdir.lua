-- mkdir [-p] DIRECTORY...: makes directories; -p also makes those above them, and accepts those that exist.
local text = dofile("/lib/text.lua")
local options, names = text.options("p", "[-p] DIRECTORY...")
if #names == 0 then text.fail("which directory?", 2) end

local function make(path)
  local found = stat(path)
  if options.p and found and found.directory then return end
  local above = path:gsub("/+$", ""):match("^(.*[^/])/")
  if options.p and above then make(above) end
  local done, why = mkdir(path)
  if not done then text.warn(path .. ": " .. why) end
end

for _, path in ipairs(names) do make(path) end
text.leave()
