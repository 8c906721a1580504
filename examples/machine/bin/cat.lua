-- cat [-n] [FILE...]: writes the files one after the other; -n numbers the lines.
local text = dofile("/lib/text.lua")
local options, files = text.options("n", "[-n] [FILE...]")
local number = 0
text.each_file(files, function(fd)
  if options.n then
    for line in text.lines(fd) do
      number = number + 1
      text.put(string.format("%6d\t%s\n", number, line))
    end
    return
  end
  while true do
    local part, why = read(fd, 65536)
    if not part then return text.warn(why) end
    if part == "" then return end
    write(1, part)
  end
end)
text.leave()
