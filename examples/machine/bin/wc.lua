-- wc [-lwc] [FILE...]: counts lines, words and bytes.
local text = dofile("/lib/text.lua")
local options, files = text.options("lwc", "[-lwc] [FILE...]")
if not next(options) then options = {l = true, w = true, c = true} end
local sum = {0, 0, 0}

local function show(counts, name)
  local columns = {}
  for i, letter in ipairs {"l", "w", "c"} do
    if options[letter] then columns[#columns + 1] = string.format("%7d", counts[i]) end
  end
  local row = table.concat(columns, " ")
  if #columns == 1 then row = row:gsub("^ +", "") end
  text.put(row .. (name and " " .. name or "") .. "\n")
end

text.each_file(files, function(fd, name)
  local lines, words, bytes, in_word = 0, 0, 0, false
  while true do
    local part = read(fd, 8192)
    if not part or part == "" then break end
    bytes = bytes + #part
    for _ in part:gmatch("\n") do lines = lines + 1 end
    if in_word and part:find("^%S") then words = words - 1 end
    for _ in part:gmatch("%S+") do words = words + 1 end
    in_word = part:find("%S$") ~= nil
  end
  show({lines, words, bytes}, fd ~= 0 and name or nil)
  for i, count in ipairs {lines, words, bytes} do sum[i] = sum[i] + count end
end)
if #files > 1 then show(sum, "total") end
text.leave()
