-- head [-n N] [FILE...]: writes the first N lines of each file, 10 if N is not given.
local text = dofile("/lib/text.lua")
local options, files = text.options("n:", "[-n N] [FILE...]")
local most = text.count(options.n, 10)
text.each_file(files, function(fd, name)
  if #files > 1 then text.put("==> " .. name .. " <==\n") end
  local left = most
  if left == 0 then return end
  for line in text.lines(fd) do
    text.put(line .. "\n")
    left = left - 1
    if left == 0 then break end
  end
end)
text.leave()
