-- uniq [-cdu] [FILE]: keeps one of equal lines in a row; -c counts them, -d keeps only repeated lines, -u only single ones.
local text = dofile("/lib/text.lua")
local options, files = text.options("cdu", "[-cdu] [FILE]")
local last, count

local function show()
  if not last or (options.d and count == 1) or (options.u and count > 1) then return end
  text.put((options.c and string.format("%7d ", count) or "") .. last .. "\n")
end

text.each_line(files, function(line)
  if line == last then
    count = count + 1
  else
    show()
    last, count = line, 1
  end
end)
show()
text.leave()
