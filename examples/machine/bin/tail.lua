-- tail [-n N] [FILE...]: writes the last N lines of each file, 10 if N is not given.
local text = dofile("/lib/text.lua")
local options, files = text.options("n:", "[-n N] [FILE...]")
local most = text.count(options.n, 10)
text.each_file(files, function(fd, name)
  if #files > 1 then text.put("==> " .. name .. " <==\n") end
  local kept, count = {}, 0
  for line in text.lines(fd) do
    count = count + 1
    kept[count] = line
    kept[count - most] = nil
  end
  for i = math.max(1, count - most + 1), count do text.put(kept[i] .. "\n") end
end)
text.leave()
