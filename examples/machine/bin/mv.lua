-- mv FILE... TARGET: gives files another name, or moves them into a directory.
local text = dofile("/lib/text.lua")
local _, files = text.options("", "FILE... TARGET")
local target = table.remove(files)
if #files == 0 then text.fail("a source and a target are needed", 2) end
local found = stat(target)
if #files > 1 and not (found and found.directory) then text.fail(target .. ": it is not a directory") end
for _, file in ipairs(files) do
  local done, why = rename(file, text.into(file, target))
  if not done then text.warn(file .. ": " .. why) end
end
text.leave()
