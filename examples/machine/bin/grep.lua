-- grep [-cFilnqv] PATTERN [FILE...]: writes the lines in which the Lua pattern (with -F: the text itself) is found.
local text = dofile("/lib/text.lua")
local options, files = text.options("cFilnqv", "[-cFilnqv] PATTERN [FILE...]")
local pattern = table.remove(files, 1) or text.fail("which pattern?", 2)
if options.i then pattern = pattern:lower() end
if not options.F and not pcall(string.find, "", pattern) then text.fail(pattern .. ": it is not a valid pattern", 2) end
local found_any = false
text.each_file(files, function(fd, name)
  local label, number, count = #files > 1 and name .. ":" or "", 0, 0
  for line in text.lines(fd) do
    number = number + 1
    local found = (options.i and line:lower() or line):find(pattern, 1, options.F) ~= nil
    if found ~= (options.v or false) then
      count = count + 1
      if options.q then text.leave(0) end
      if options.l then break end
      if not options.c then text.put(label .. (options.n and number .. ":" or "") .. line .. "\n") end
    end
  end
  found_any = found_any or count > 0
  if options.c then text.put(label .. count .. "\n") end
  if options.l and count > 0 then text.put(name .. "\n") end
end)
text.leave(not found_any and 1 or nil)
