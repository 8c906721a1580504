-- tee [-a] [FILE...]: copies the input to the output and to the files; -a appends to the files.
local text = dofile("/lib/text.lua")
local options, files = text.options("a", "[-a] [FILE...]")
local targets = {1}
for _, path in ipairs(files) do
  local fd, why = open(path, options.a and "a" or "w")
  if fd then targets[#targets + 1] = fd else text.warn(path .. ": " .. why) end
end
while true do
  local part = read(0, 65536)
  if not part or part == "" then break end
  for _, fd in ipairs(targets) do write(fd, part) end
end
text.leave()
