-- Reads a file from its beginning to its end, 16 KiB at a time, and counts its lines.
local path = arg[1] or "/data"
local file, why = open(path)
if not file then
  print(path .. ": " .. why)
  exit(1)
end
local bytes, lines = 0, 0
while true do
  local text = read(file, 16384)
  if text == "" then break end
  bytes = bytes + #text
  lines = lines + select(2, text:gsub("\n", ""))
  compute(0.2)
end
close(file)
print(string.format("%s: %d bytes, %d lines", path, bytes, lines))
