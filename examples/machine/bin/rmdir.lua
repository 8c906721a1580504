-- rmdir DIRECTORY...: removes empty directories.
local text = dofile("/lib/text.lua")
local _, names = text.options("", "DIRECTORY...")
if #names == 0 then text.fail("which directory?", 2) end
for _, path in ipairs(names) do
  local found, why = stat(path)
  local done = false
  if found and not found.directory then
    why = "it is not a directory"
  elseif found then
    done, why = remove(path)
  end
  if not done then text.warn(path .. ": " .. why) end
end
text.leave()
