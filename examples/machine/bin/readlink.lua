-- readlink [-f] PATH...: writes where symbolic links lead; -f writes each path from the root on, without links in it.
local text = dofile("/lib/text.lua")
local options, paths = text.options("f", "[-f] PATH...")
if #paths == 0 then text.fail("which links?", 2) end
for _, path in ipairs(paths) do
  local target, why = (options.f and stat or readlink)(path)
  if target then
    text.put((options.f and target.path or target) .. "\n")
  else
    text.warn(path .. ": " .. why)
  end
end
text.leave()
