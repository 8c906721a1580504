-- chmod MODE FILE...: changes permissions; MODE is octal, or like u+x, go-w, a=r, with commas between.
local text = dofile("/lib/text.lua")
-- A mode may contain a minus, so words that begin with one are not options here.
if arg[1] == "--help" then
  text.put("usage: chmod MODE FILE...\n")
  text.leave(0)
end
local mode = arg[1] or text.fail("which mode?", 2)
if not arg[2] then text.fail("which file?", 2) end
local places, bits = {u = 6, g = 3, o = 0}, {r = 4, w = 2, x = 1}

local function changed(present, clause)
  local who, how, what = clause:match("^([ugoa]*)([-+=])([rwx]*)$")
  if not who then text.fail(mode .. " is not a mode", 2) end
  if who == "" or who:find("a") then who = "ugo" end
  for place in who:gmatch(".") do
    local wanted = 0
    for letter in what:gmatch(".") do wanted = wanted | bits[letter] end
    wanted = wanted << places[place]
    if how == "=" then present = present & ~(7 << places[place]) end
    present = how == "-" and present & ~wanted or present | wanted
  end
  return present
end

for i = 2, #arg do
  local found, why = stat(arg[i])
  local done = found
  if found then
    local new = found.mode & 4095
    if mode:match("^[0-7]+$") then
      new = tonumber(mode, 8)
    else
      for clause in (mode .. ","):gmatch("([^,]*),") do new = changed(new, clause) end
    end
    done, why = chmod(arg[i], new)
  end
  if not done then text.warn(arg[i] .. ": " .. why) end
end
text.leave()
