-- cp [-r] FILE... TARGET: copies files; -r copies directories with all that is in them, and symbolic links as links.
local text = dofile("/lib/text.lua")
local options, files = text.options("r", "[-r] FILE... TARGET")
local target = table.remove(files)
if #files == 0 then text.fail("a source and a target are needed", 2) end
local goes_into = stat(target)
if #files > 1 and not (goes_into and goes_into.directory) then text.fail(target .. ": it is not a directory") end

local function copy(from, to)
  local found, why = (options.r and lstat or stat)(from)
  if not found then return text.warn(from .. ": " .. why) end
  if found.link then
    local done, reason = symlink(readlink(from), to)
    if not done then text.warn(to .. ": " .. reason) end
    return
  end
  local there = stat(to)
  if there and there.inode == found.inode then return text.warn(from .. " and " .. to .. " are the same") end
  if found.directory then
    if not options.r then return text.warn(from .. ": it is a directory (-r copies it)") end
    if (to .. "/"):sub(1, #from + 1) == from .. "/" then return text.warn(from .. ": it cannot go into itself") end
    if not there then mkdir(to) end
    for _, name in ipairs(list(from)) do copy(from .. "/" .. name, to .. "/" .. name) end
    return
  end
  local input, no_input = open(from)
  if not input then return text.warn(from .. ": " .. no_input) end
  local output, no_output = open(to, "w")
  if not output then
    close(input)
    return text.warn(to .. ": " .. no_output)
  end
  while true do
    local part = read(input, 65536)
    if not part or part == "" then break end
    local done, reason = write(output, part)
    if not done then
      text.warn(to .. ": " .. reason)
      break
    end
  end
  close(input)
  close(output)
end

for _, file in ipairs(files) do copy(file, text.into(file, target)) end
text.leave()
