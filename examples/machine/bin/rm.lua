-- rm [-fr] FILE...: removes files; -r also directories with all that is in them, -f says nothing of those that do not exist.
local text = dofile("/lib/text.lua")
local options, files = text.options("fr", "[-fr] FILE...")
if #files == 0 and not options.f then text.fail("which files?", 2) end

local function clear(path)
  local found, why = lstat(path)
  if not found then
    if not options.f then text.warn(path .. ": " .. why) end
    return
  end
  if found.directory then
    if not options.r then return text.warn(path .. ": it is a directory (-r removes it)") end
    for _, name in ipairs(list(path)) do clear(path .. "/" .. name) end
  end
  local done, reason = remove(path)
  if not done then text.warn(path .. ": " .. reason) end
end

for _, file in ipairs(files) do clear(file) end
text.leave()
